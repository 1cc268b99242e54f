package vip

import (
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// To read a notification takes no buffer each time: hundreds a second come where many
// lifetimes are refreshed.
func TestKernelNoticesTakeNoBuffer(t *testing.T) {
	l := newLab(t)
	n, err := openNotices(noticeBuffer)
	l.must(err)
	defer n.close()
	const all = 100
	for i := range all {
		l.addr(fmt.Sprintf("198.19.0.%d/32", 1+i))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for heard := 0; heard < all; {
		messages, err := n.next()
		l.must(err)
		for _, m := range messages {
			if a, err := parseAddress(m.Data); m.Header.Type == unix.RTM_NEWADDR && err == nil && a.is4() {
				heard++
			}
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / all; each > 1024 {
		t.Errorf("%d bytes are allocated for each notification", each)
	}
}
