package daemon

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// illFormed returns what the kernel would refuse or misread of a config's services, with all
// their servers.
func illFormed(cfg *config.Config) (errs []error) {
	for i := range cfg.Services {
		v := newVirtualService(&cfg.Services[i], nil)
		pool := ipvs.Pool{}
		all := pool.Step(0, ipvs.Rules{StartUp: true, Quorum: 1}, v.members,
			func(netip.AddrPort) ipvs.Condition { return ipvs.Condition{} }).Servers
		tables := [][]ipvs.Server{all}
		if v.rules.Sorry != nil {
			tables = append(tables, []ipvs.Server{*v.rules.Sorry})
		}
		for _, servers := range tables {
			for _, s := range v.with(servers, nil) {
				if err := s.Check(); err != nil {
					errs = append(errs, err)
				}
			}
		}
	}
	if err := settingsOf(cfg).Check(); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// TestExamplesAreWellFormed: what the config lets through the kernel reads as it is written.
func TestExamplesAreWellFormed(t *testing.T) {
	t.Parallel()
	services := 0
	for _, pattern := range []string{"../config/testdata/ok/*.toml", "../../../deploy/examples/*/*.toml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg, _, err := config.Parse(file, text, "lb1")
			if err != nil {
				continue // of another node
			}
			services += len(cfg.Services)
			for _, err := range illFormed(cfg) {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if services < 10 {
		t.Errorf("%d services were looked at, want more", services)
	}
}

// TestConfigLetsOnlyWellFormedThrough draws services, many of which the config rejects.
func TestConfigLetsOnlyWellFormedThrough(t *testing.T) {
	t.Parallel()
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		text := drawServiceText(t)
		cfg, _, err := config.Parse("perch.toml", []byte(text), "lb1")
		if err != nil {
			return
		}
		accepted++
		for _, err := range illFormed(cfg) {
			t.Errorf("%v\n%s", err, text)
		}
	})
	if accepted == 0 {
		t.Error("the config accepted none")
	}
}

// drawServiceText writes keys that may exclude each other.
func drawServiceText(t *rapid.T) string {
	var text strings.Builder
	write := func(key string, values ...string) {
		if v := rapid.SampledFrom(append(values, make([]string, 5*len(values))...)).Draw(t, key); v != "" {
			fmt.Fprintf(&text, "%s = %s\n", key, v)
		}
	}
	text.WriteString("[static]\naddresses = [{address = '198.18.0.1/24', interface = 'eth0'}]\n[[service]]\nname = 's'\n")
	text.WriteString(rapid.SampledFrom([]string{
		"address = '198.18.0.1:80'", "address = '[2001:db8::1]:80'", "address = '198.18.0.1:0'", "fwmark = 7", "fwmark = 7\nfamily = ['ipv6']",
		"address = ['198.18.0.1:80', '[2001:db8::1]:80']", "address = '[::ffff:198.18.0.1]:80'",
	}).Draw(t, "of") + "\n")
	write("protocol", "'udp'", "'sctp'")
	write("scheduler", "'sh'", "'mh'", "'rr'")
	write("options", "['ops']", "['sh-port']", "['mh-fallback']")
	write("persistence", "'60s'", "'744h'", "'745h'")
	write("persistence_prefix", "24", "64", "0")
	write("forward", "'nat'", "'dr'", "'tunnel'")
	text.WriteString("[[service.server]]\naddress = " + rapid.SampledFrom([]string{
		"'10.0.0.1'", "'10.0.0.2:81'", "'2001:db8::3'", "'[2001:db8::2]:81'",
	}).Draw(t, "server") + "\n")
	write("weight", "0", "65535", "65536")
	write("tunnel", "{kind = 'gue', port = 6080, checksum = 'remote'}", "{kind = 'gre', checksum = 'remote'}", "{kind = 'gue'}",
		"{kind = 'ipip', checksum = 'checksum'}", "{kind = 'gre'}")
	write("upper_threshold", "5", "5\nlower_threshold = 4", "5\nlower_threshold = 6")
	return text.String()
}
