package keepalived

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// many is a keepalived.conf with 65,000 instances.
func many() string {
	var b strings.Builder
	b.WriteString("global_defs {\n    vrrp_garp_master_refresh 60\n}\nvrrp_script alive {\n    script \"/usr/local/bin/alive\"\n}\n")
	for n := range 65000 {
		fmt.Fprintf(&b, `vrrp_instance VI_%d {
    state BACKUP
    interface eth%d
    virtual_router_id %d
    priority 150
    advert_int 1
    virtual_ipaddress {
        10.%d.%d.%d/32
    }
    track_script {
        alive
    }
}
`, n, n/250, n%250+1, n>>16, n>>8&255, n&255)
	}
	return b.String()
}

// The figures are for the whole of it: reading, and writing the perch.toml.
func BenchmarkMany(b *testing.B) {
	files := fstest.MapFS{"keepalived.conf": {Data: []byte(many())}}
	o := Options{Options: syntax.Options{Files: syntax.FSFiles{FS: files}}, SecretDir: "/etc/perch"}
	peak := watchHeap(b)
	for b.Loop() {
		r, err := Import("/keepalived.conf", o)
		if err != nil {
			b.Fatal(err)
		}
		r.Document.Render()
	}
	b.ReportMetric(float64(peak())/1e6, "peak-MB")
}

// watchHeap returns what stops it, and the most that was in use.
func watchHeap(b *testing.B) (peak func() uint64) {
	b.Helper()
	stop, done, most := make(chan struct{}), make(chan struct{}), uint64(0)
	go func() {
		defer close(done)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.Sys-m.HeapReleased)
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-done
		return most
	}
}
