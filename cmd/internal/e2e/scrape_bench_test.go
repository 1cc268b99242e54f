package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

const scrapeRecordBegin = "<!-- figures of make bench-scrape -->\n"

// What the daemon has that is measured.
const (
	scrapedVIPs     = 1000
	scrapedServices = 500 // of 10 servers
)

// BenchmarkScrape measures how long a status and a scrape of a daemon with many VIPs and
// servers take, and prints, or with -record writes, a table.
func BenchmarkScrape(b *testing.B) {
	n := startScraped(b)
	scrape := figure{name: "`/metrics`"}
	status := figure{name: "`perch status -o json`, on the control socket"}
	ready := figure{name: "`/readyz`"}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	defer func() { keepFigures(b, "scrape", []figure{scrape, status, ready}) }()
	var scraped, told int
	for range *benchRounds {
		time.Sleep(1100 * time.Millisecond) // until none is kept
		var err error
		var took time.Duration
		took, scraped, err = fetch(ctx, overHost(n.Host), "http://127.0.0.1:7401/metrics")
		scrape.add(b, took, err)
		took, told, err = fetch(ctx, overSocket(n.Socket()), "http://perch/v1/status")
		status.add(b, took, err)
		took, _, err = fetch(ctx, overHost(n.Host), "http://127.0.0.1:7401/readyz")
		ready.add(b, took, err)
	}
	report := fmt.Sprintf("Measured on %s: %s.\n\n", time.Now().UTC().Format(time.DateOnly), machineName(b)) +
		fmt.Sprintf("| %d VIPs, %d servers | rounds | dropped | median ms | p99 ms | longest ms |\n|---|---|---|---|---|---|\n", scrapedVIPs, 10*scrapedServices) +
		scrape.row() + "\n" + status.row() + "\n" + ready.row() + "\n\n" +
		fmt.Sprintf("A scrape has %.1f MB, a status %.1f MB.\n", float64(scraped)/1e6, float64(told)/1e6)
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, scrapeRecordBegin, report))
	}
}

// startScraped starts a cluster of one node with everything that is measured, and waits
// until it holds its VIPs.
func startScraped(b *testing.B) *lab.Node {
	b.Helper()
	lab.NeedRoot(b)
	l, err := lab.New()
	must(b, err)
	b.Cleanup(func() { must(b, l.Close()) })
	sw, err := l.AddSwitch()
	must(b, err)
	host, err := l.AddHost("lb1", sw)
	must(b, err)
	spec := lab.ClusterSpec{Binary: perchBinary(b), Dir: tempDir(b), Name: "edge", Secret: "a-secret-for-tests-only-0123456789", Failover: "normal"}
	for i := range scrapedVIPs {
		address := netip.AddrFrom4([4]byte{198, 19, byte(i / 250), byte(1 + i%250)})
		spec.VIPs = append(spec.VIPs, lab.VIP{Address: netip.PrefixFrom(address, 32), Interface: "eth0"})
	}
	c, err := lab.NewCluster(spec, host)
	must(b, err)
	addTables(b, c.Nodes[0], scrapedTables())
	must(b, c.StartAll())
	n := c.Nodes[0]
	last := fmt.Sprintf("perch_vip_held{address=%q,interface=\"eth0\"} 1", spec.VIPs[scrapedVIPs-1].Address)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		text, err := fetchText(overHost(host), "http://127.0.0.1:7401/metrics")
		if err == nil && strings.Contains(text, last) {
			return n
		}
		if time.Now().After(deadline) {
			b.Fatalf("the VIPs are not held: %v\n%s", err, n.LogTail(20))
		}
	}
}

// scrapedTables are the services, of which a server is not checked: only what is told of
// them counts here.
func scrapedTables() string {
	var b strings.Builder
	for i := range scrapedServices {
		fmt.Fprintf(&b, "\n[[service]]\nname = \"s%d\"\naddress = \"198.19.%d.%d:80\"\nserver = [\n", i, i/250, 1+i%250)
		for j := range 10 {
			fmt.Fprintf(&b, "  {address = \"10.%d.%d.%d:80\", check = []},\n", i/250, i%250, 1+j)
		}
		b.WriteString("]\n")
	}
	return b.String()
}

func overHost(h *lab.Host) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return h.Dial(ctx, "tcp", netip.MustParseAddrPort("127.0.0.1:7401"))
	}
}

func overSocket(path string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", path) }
}

// fetch asks once, and returns how long that took and how many bytes came.
func fetch(ctx context.Context, dial func(context.Context) (net.Conn, error), url string) (took time.Duration, size int, err error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	took = time.Since(begin)
	if err == nil && response.StatusCode != http.StatusOK && !strings.HasSuffix(url, "/readyz") {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return took, int(n), err
}

func fetchText(dial func(context.Context) (net.Conn, error), url string) (string, error) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
