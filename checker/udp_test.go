package checker

import (
	"bytes"
	"testing"
	"time"
)

func TestUDP(t *testing.T) {
	echo := func(query []byte) [][]byte { return [][]byte{query} }
	nothing := func([]byte) [][]byte { return nil }
	flood := func([]byte) [][]byte { return [][]byte{bytes.Repeat([]byte("x"), 60000), []byte("pong")} }
	pong := Pattern{Contains: "pong"}
	tests := []struct {
		name    string
		serve   func([]byte) [][]byte
		udp     UDP
		timeout time.Duration
		want    string
	}{
		{"is mute", nothing, UDP{}, soonOver, ""},
		{"answers unasked", echo, UDP{Send: []byte("x")}, enough, ""},
		{"answers an empty datagram", echo, UDP{Answer: true}, enough, ""},
		{"answers", echo, UDP{Send: []byte("ping pong"), Expect: pong}, enough, ""},
		{"answers in bytes", echo, UDP{Send: []byte("\x81x"), Expect: Pattern{Bytes: []byte{0x80}, Mask: []byte{0x80}}}, enough, ""},
		{"answers more bytes", echo, UDP{Send: []byte("ping"), Expect: Pattern{Bytes: []byte("pin")}}, enough, ""},
		{"answers too few bytes", echo, UDP{Send: []byte("p"), Expect: Pattern{Bytes: []byte("pp")}}, enough, `answer "p", wanted "pp"`},
		{"answers nothing", nothing, UDP{Answer: true}, soonOver, "no answer within 300ms"},
		{"answers wrongly", echo, UDP{Send: []byte("p\x00ng"), Expect: pong}, enough, `answer "p\x00ng", wanted "pong"`},
		{"answers no more than it may", echo, UDP{Send: []byte("pong"), MaxAnswer: new(4), Expect: pong}, enough, ""},
		{"answers more than it may", echo, UDP{Send: []byte("pong"), MaxAnswer: new(3), Expect: Pattern{Bytes: []byte("po")}}, enough, "answer of more than 3 bytes"},
		{"answers more unasked", flood, UDP{MaxAnswer: new(59999)}, enough, "answer of more than 59999 bytes"},
		{"answers as much as it may", flood, UDP{MaxAnswer: new(60000)}, enough, ""},
		{"answers much", flood, UDP{Expect: pong}, enough, `answer "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"..., wanted "pong"`},
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, test := range tests {
			t.Run(host+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				spec := Spec{Kind: "udp", Target: packetServer(t, host, test.serve), UDP: test.udp}
				if got := lookOnce(t, spec, test.timeout); got != test.want {
					t.Errorf("reason\n%s\nwant\n%s", got, test.want)
				}
			})
		}
		t.Run(host+"/refused", func(t *testing.T) {
			for _, udp := range []UDP{{}, {Answer: true}, {Send: []byte("x"), Expect: pong}} {
				spec := Spec{Kind: "udp", Target: closedPort(t, host), UDP: udp}
				if got := lookOnce(t, spec, enough); got != "connection refused" {
					t.Errorf("%+v: reason %q", udp, got)
				}
			}
		})
	}
}

func TestWrongUDPSpecs(t *testing.T) {
	for want, spec := range map[string]Spec{
		`target "host": must be "host:port"`:  {Target: "host"},
		"send: must have at most 65507 bytes": {Target: "h:1", UDP: UDP{Send: make([]byte, 65508)}},
		"max_answer 1: must be 2-65507":       {Target: "h:1", UDP: UDP{MaxAnswer: new(1), Expect: Pattern{Bytes: []byte("ab"), Mask: []byte("\xff\xff")}}},
		"max_answer 65508: must be 0-65507":   {Target: "h:1", UDP: UDP{MaxAnswer: new(65508)}},
		"expect: a text or bytes, not both":   {Target: "h:1", UDP: UDP{Expect: Pattern{Contains: "a", Bytes: []byte("a")}}},
	} {
		if _, err := newUDP(nil, spec); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// A look that is well by silence ends well before its timeout, by which it would fail.
func TestSilence(t *testing.T) {
	for patience, want := range map[time.Duration]time.Duration{0: icmpWait, 10 * time.Second: 5 * time.Second} {
		if got := silence(patience); got != want {
			t.Errorf("%v: %v, want %v", patience, got, want)
		}
	}
}
