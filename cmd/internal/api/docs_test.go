package api

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// What clients of the control socket can take is said in docs/security.md as it is, and how many
// may follow events in docs/events.md.
func TestDocsKnowTheBounds(t *testing.T) {
	for page, said := range map[string][]string{
		"security.md": {
			fmt.Sprintf("mode %#o |", socketMode),
			fmt.Sprintf("%d connections, further ones wait in the kernel; headers of %d KiB in %v s, a request in %v s",
				maxClients, maxHeaderBytes>>10, headerTimeout.Seconds(), readTimeout.Seconds()),
			fmt.Sprintf("holding its %d connections", maxClients),
		},
		"events.md": {
			fmt.Sprintf("beats every %v s while nothing happens", heartbeatEvery.Seconds()),
			fmt.Sprintf("what it was sent for %v s is let go", streamWrite.Seconds()),
			fmt.Sprintf("At most %d streams are open at once at `node.listen`, the dashboard's included, and %[1]d at the control socket", MaxStreams),
		},
		"dashboard.md": {fmt.Sprintf("At most %d browsers (and other streams)", MaxStreams)},
	} {
		text, err := os.ReadFile("../../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range said {
			if !strings.Contains(string(text), s) {
				t.Errorf("docs/%s does not say %q", page, s)
			}
		}
	}
}
