package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

var compareAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})

// mustParse parses what a test knows to be right.
func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	c, _, err := Parse("perch.toml", []byte(text), "lb1")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestDefaults(t *testing.T) {
	want := &Config{
		Node: Node{
			Name:      "lb1", // the host name
			DataDir:   "/var/lib/perch",
			Socket:    "/run/perch/perch.sock",
			Listen:    netip.MustParseAddrPort("127.0.0.1:7401"),
			LogLevel:  slog.LevelInfo,
			LogFormat: "text",
			Fence:     "auto",

			StartTimeout: 10 * time.Second,
			StopTimeout:  10 * time.Second,
		},
		Cluster: &Cluster{
			Name:       "edge",
			SecretFile: "/etc/perch/secret",
			Heartbeat:  300 * time.Millisecond,
			Fence:      "auto",
			Preempt:    true, PreemptDelay: 30 * time.Second,
			WhenUnhealthy: "keep",
			Peers: []Peer{
				{Name: "lb1", Address: netip.MustParseAddrPort("198.18.0.1:7400"), Priority: 100},
				{Name: "lb2", Address: netip.MustParseAddrPort("198.18.0.2:7400"), Priority: 100},
				{Name: "lb3", Address: netip.MustParseAddrPort("198.18.0.3:7400"), Priority: 100},
			},
		},
		VIPs: []VIP{{Address: netip.MustParsePrefix("198.18.0.100/24"), Interface: "eth0"}},
		IPVS: IPVS{AtEnd: "keep", Nodes: "candidates"},
	}
	for _, name := range []string{"least", "crlf"} {
		got := mustParse(t, readFile(t, "testdata/ok/"+name+".toml"))
		if diff := cmp.Diff(want, got, compareAddresses); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestEveryKey(t *testing.T) {
	got := mustParse(t, readFile(t, "testdata/ok/every-key.toml"))
	want := &Config{
		Node: Node{
			Name:        "lb2",
			DataDir:     "/srv/perch",
			Socket:      "/run/perch/edge.sock",
			Listen:      netip.MustParseAddrPort("[2001:db8::2]:9401"),
			ListenNames: []string{"lb2.example.com", "Status.Example."},
			LogLevel:    slog.LevelDebug,
			LogFormat:   "json",
			Fence:       "auto",

			StartProgram: []string{"/usr/local/bin/begin", "--all"},
			StartTimeout: time.Minute,
			StopProgram:  []string{"/usr/local/bin/end"},
			StopTimeout:  100 * time.Millisecond,
			ProgramUser:  "nobody",
		},
		Cluster: &Cluster{
			Name:      "edge",
			TLSCA:     "/etc/perch/ca.pem",
			TLSCert:   "/etc/perch/cert.pem",
			TLSKey:    "/etc/perch/key.pem",
			Heartbeat: 150 * time.Millisecond,
			Fence:     "nftables",
			Preempt:   false, PreemptDelay: time.Minute,
			WhenUnhealthy: "release",
			AnnounceRate:  5000,
			Peers: []Peer{
				{Name: "lb1", Address: netip.MustParseAddrPort("198.18.0.1:7400"), Priority: 200},
				{Name: "lb2", Address: netip.MustParseAddrPort("[2001:db8::2]:7400"), Priority: 10},
				{Name: "arbiter.example", Address: netip.MustParseAddrPort("198.18.0.3:7400"), Priority: 100, Witness: true},
			},
		},
		VIPs: []VIP{
			{Address: netip.MustParsePrefix("198.18.0.100/24"), Interface: "eth0"},
			{Address: netip.MustParsePrefix("2001:db8::100/64"), Interface: "eth0"},
		},
		IPVS: IPVS{AtEnd: "keep", Nodes: "candidates"},
	}
	if diff := cmp.Diff(want, got, compareAddresses); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The forms that TOML has for the same document make the same config.
func TestInlineForms(t *testing.T) {
	got := mustParse(t, readFile(t, "testdata/ok/inline-forms.toml"))
	want := mustParse(t, readFile(t, "testdata/ok/least.toml"))
	want.Node.LogLevel = slog.LevelWarn
	want.Cluster.Heartbeat = time.Second
	want.Cluster.Peers[1].Priority = 16
	if diff := cmp.Diff(want, got, compareAddresses); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestChoices(t *testing.T) {
	least := readFile(t, "testdata/ok/least.toml")
	heartbeats := map[string]time.Duration{"fast": 100 * time.Millisecond, "normal": 300 * time.Millisecond, "wan": time.Second}
	for word, want := range heartbeats {
		c := mustParse(t, strings.Replace(least, "[cluster]\n", fmt.Sprintf("[cluster]\nfailover = %q\n", word), 1))
		if got := c.Cluster.Heartbeat; got != want {
			t.Errorf("failover = %q: heartbeat %v, want %v", word, got, want)
		}
	}
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	for word, want := range levels {
		c := mustParse(t, fmt.Sprintf("node.log_level = %q\n", word)+least)
		if got := c.Node.LogLevel; got != want {
			t.Errorf("log_level = %q: %v, want %v", word, got, want)
		}
	}
}

func TestPeer(t *testing.T) {
	c := mustParse(t, readFile(t, "testdata/ok/every-key.toml")).Cluster
	if p, ok := c.Peer("lb2"); !ok || p != c.Peers[1] {
		t.Errorf(`Peer("lb2") = %v, %v`, p, ok)
	}
	if p, ok := c.Peer("lb9"); ok || p != (Peer{}) {
		t.Errorf(`Peer("lb9") = %v, %v`, p, ok)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "perch.toml")
	text := "[node]\nname = \"lb1\"\n\n" + readFile(t, "testdata/ok/warn-insecure.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, warnings, err := Load(path)
	if err != nil || c.Node.Name != "lb1" || len(warnings) != 1 || warnings[0].File != path {
		t.Errorf("Load = %v, %v, %v", c, warnings, err)
	}

	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err = Load(path)
	var mistakes Mistakes
	if !errors.As(err, &mistakes) || mistakes[0].File != path || c != nil {
		t.Errorf("empty file: %v, %v", c, err)
	}
}

func TestLoadUnreadable(t *testing.T) {
	folder := t.TempDir()
	for _, path := range []string{folder, filepath.Join(folder, "absent")} {
		var pathError *fs.PathError
		if _, _, err := Load(path); !errors.As(err, &pathError) || pathError.Path != path {
			t.Errorf("Load(%s): %v, want a path error", path, err)
		}
	}
}

// What is no regular file may never end, or never begin: a FIFO without a writer
// must not hang a daemon.
func TestOnlyRegularFiles(t *testing.T) {
	folder := t.TempDir()
	fifo, socket := filepath.Join(folder, "fifo"), filepath.Join(folder, "socket")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	t.Chdir(folder) // a socket's path is short
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: "socket"}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{folder, fifo, socket, "/dev/zero"} {
		_, _, err := Load(path)
		if want := "open " + path + ": not a regular file"; err == nil || err.Error() != want {
			t.Errorf("Load: %v, want %s", err, want)
		}
	}
}

func TestByteOrderMark(t *testing.T) {
	least := readFile(t, "testdata/ok/least.toml")
	if diff := cmp.Diff(mustParse(t, least), mustParse(t, "\ufeff"+least), compareAddresses); diff != "" {
		t.Errorf("-without +with:\n%s", diff)
	}
	_, _, err := Parse("perch.toml", []byte("\ufeffnod = 1\n"), "lb1")
	if err == nil || !strings.HasPrefix(err.Error(), "perch.toml:1:1: nod: unknown key") {
		t.Errorf("a mistake behind the mark: %v", err)
	}
	if _, _, err := Parse("perch.toml", []byte("\ufeff\ufeff"+least), "lb1"); err == nil {
		t.Error("two marks are accepted")
	}
}

func TestTooLarge(t *testing.T) {
	text := readFile(t, "testdata/ok/least.toml")
	largest := text + "#" + strings.Repeat("x", MaxSize-len(text)-1)
	mustParse(t, largest)

	path := filepath.Join(t.TempDir(), "perch.toml")
	if err := os.WriteFile(path, []byte(largest+"x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := Load(path)
	if want := path + ":1:1: the file is larger than 16 MiB; must be a perch.toml"; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

// large is the size of the largest files that anybody has, in bytes.
const large = 1 << 20

// Large files, of the shapes that cost a reader most, are read in less
// time and memory than an operator would notice.
func TestBounded(t *testing.T) {
	fillTo := func(size int, format string) []byte {
		var b bytes.Buffer
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.Bytes()
	}
	fill := func(format string) []byte { return fillTo(large-200, format) }
	fillHalf := func(format string) []byte { return fillTo(large/2-200, format) }
	half := strings.Repeat("k", large/2)
	for name, data := range map[string][]byte{
		"many keys":          fill("k%d = 1\n"),
		"many tables":        fill("[t%d]\n"),
		"many VIPs":          fill("[[vip]] # %d\n"),
		"many routers":       fill("[[vrrp]]\nname='r%d'\ninterface='e'\nvrid=1\naddresses=['1.1.1.1/8']\n"),
		"many unicast":       fill("[[vrrp]]\nname='r%[1]d'\ninterface='e'\nvrid=1\nversion=2\naddresses=['fd00::%[1]x/8']\nunicast_peers=['fd00::f%[1]x']\nauth={kind='pass',secret_file='/s'}\n"),
		"many devices":       fill("[[vrrp]]\nname='r%[1]d'\ninterface='vrrp.1.%[1]d'\nvrid=1\nvirtual_mac=true\naddresses=['1.1.1.1/8']\n"),
		"many members":       append(fillHalf("[[vrrp]]\nname='r%d'\n"), fillHalf("[[sync_group]]\nname='g%[1]d'\nmembers=['q%[1]d','x%[1]d']\n")...),
		"many checks":        fill("[[check]] # %d\n"),
		"many untracked":     fill("[[check]]\nname='c%d'\nkind='http'\ntarget='http://a.example/'\nrise=0\n"),
		"many tracked":       append(fillHalf("[[check]]\nname='c%d'\n"), []byte("[cluster]\ntrack=["+strings.Repeat("'d1',", large/2/5-20)+"]")...),
		"many expressions":   fill("[[check]]\nname='c%d'\nkind='http'\nmatches='((a{30}){30}){1}'\n"),
		"many JSON paths":    fill("[[check]]\nname='c%d'\nkind='http'\njson_path='a[0].b[1]'\n"),
		"many URLs":          []byte("[[check]]\nname='c'\nkind='http'\nurl=[" + strings.Repeat("'/a',", large/5-20) + "]"),
		"long JSON path":     []byte("[[check]]\njson_path='" + strings.Repeat("a[0].", large/5-20) + "'"),
		"long pattern":       []byte("[[check]]\nexpect_hex='" + strings.Repeat("x", large-100) + "'"),
		"long host":          []byte("[[check]]\nconnect='" + strings.Repeat("a.", large/2-100) + ":1'"),
		"many services":      fill("[[service]] # %d\n"),
		"many servers":       []byte("[[service]]\naddress='1.1.1.1:1'\nserver=[" + strings.Repeat("{address='1.1.1.1',check={kind='tcp'}},", large/40-20) + "]"),
		"many marks":         fill("[[service]]\nfwmark=%d\nforward='dr'\n[service.check]\nkind='http'\n[[service.server]]\naddress='1.1.1.1:1'\n"),
		"many in groups":     append(fillHalf("[[service]]\nfwmark=%d\ngroup='g'\n"), []byte("[[server_group]]\nname='g'\nserver=["+strings.Repeat("{address='1.1.1.1'},", large/2/20-20)+"]")...),
		"many wrong in one":  append([]byte("[[server_group]]\nname='g'\nserver=["+strings.Repeat("{address='1.1.1.1'},", 100)+"]\n"), fillTo(32000, "[[service]]\nfwmark=%d\ngroup='g'\ngroupe=1\n")...),
		"many addresses":     []byte("[[vrrp]]\naddresses=[" + strings.Repeat("'1.1.1.1/8',", large/12-10) + "]"),
		"many keys of hmac":  []byte("[[vrrp]]\nauth={kind='hmac',key=[" + strings.Repeat("{id=1},", large/7-20) + "]}"),
		"one key repeated":   fill("k = %d\n"),
		"keys misspelt":      fill("[[vip]]\naddres%d = 1\n"),
		"deep dotted key":    []byte(strings.Repeat("a.", large/2-4) + "a = 1"),
		"deep header":        []byte("[" + strings.Repeat("a.", large/2-4) + "a]"),
		"deep arrays":        []byte("a = " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000)),
		"deep inline tables": []byte("a = " + strings.Repeat("{a = ", 9000) + "1" + strings.Repeat("}", 9000)),
		"deeper than parsed": []byte("a = " + strings.Repeat("[", large/2)),
		"long key repeated":  append([]byte("["+half+"]\n"), bytes.Repeat([]byte("a = 1\n"), large/2/6-8)...),
		"long string":        []byte("[node]\nname = \"" + half + "\""),
		"long number":        []byte("[node]\nname = " + strings.Repeat("1", large/2)),
	} {
		t.Run(name, func(t *testing.T) {
			if len(data) > MaxSize {
				t.Fatalf("%d bytes would be refused unread", len(data))
			}
			start := processorTime(t)
			_, _, err := Parse("perch.toml", data, "lb1")
			if err == nil {
				t.Fatal("no mistake")
			}
			if took := processorTime(t) - start; took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			for _, m := range err.(Mistakes) {
				if len(m.Text) > 400 {
					t.Fatalf("a message of %d bytes: %.100s...", len(m.Text), m.Text)
				}
			}
		})
	}
}

// processorTime is what this process has used, however busy the machine is.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
