package clock

import (
	"net/netip"
	"strings"
	"testing"
)

func TestSourcesOf(t *testing.T) {
	v4, v6 := netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("2001:db8::1")
	for _, tt := range []struct {
		name    string
		view    View
		verdict Verdict
		source  string
	}{
		{"no leader is known", View{Self: "lb2"}, Keep, ""},
		{"this node leads", View{Self: "lb2", Leader: "lb2", Address: v4}, Lead, ""},
		{"it is not known where the leader is", View{Self: "lb2", Leader: "lb1"}, Keep, ""},
		{"another node leads", View{Self: "lb2", Leader: "lb1", Address: v4}, Follow, "server 198.18.0.1 iburst minpoll 4 maxpoll 6"},
		{"over IPv6", View{Self: "lb2", Leader: "lb1", Address: v6}, Follow, "server 2001:db8::1 iburst minpoll 4 maxpoll 6"},
		{"IPv4 in IPv6", View{Self: "lb2", Leader: "lb1", Address: netip.AddrFrom16(v4.As16())}, Follow, "server 198.18.0.1 iburst minpoll 4 maxpoll 6"},
	} {
		got := SourcesOf(tt.view)
		var sources []string
		for line := range strings.Lines(got.Content) {
			if !strings.HasSuffix(line, "\n") {
				t.Errorf("%s: %q is not ended, which chronyd wants", tt.name, line)
			}
			if !strings.HasPrefix(line, "#") {
				sources = append(sources, strings.TrimSpace(line))
			}
		}
		if got.Verdict != tt.verdict || strings.Join(sources, "|") != tt.source {
			t.Errorf("%s: verdict %d, %q; want %d, %q", tt.name, got.Verdict, sources, tt.verdict, tt.source)
		}
	}
}

func TestFileName(t *testing.T) {
	if got := FileName("edge.1"); got != "perch-edge.1.sources" {
		t.Error(got)
	}
}
