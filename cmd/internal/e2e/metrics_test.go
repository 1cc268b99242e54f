package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// A port that is taken keeps no VIP away: it is said, and had once it is free.
func TestMetricsPortIsTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1")
	n := s.nodes[0]
	n.write(router("gw", 51, 100, "198.18.0.101/24"))
	var taken net.Listener
	must(t, n.Host.Do(func() (err error) {
		taken, err = net.Listen("tcp", "127.0.0.1:7401")
		return err
	}))
	s.start(n)
	s.hasJust(n, "198.18.0.101", "")
	s.answeredBy("198.18.0.101", n)
	const want = "neither dashboard nor metrics are served at 127.0.0.1:7401 (node.listen): address already in use; that is tried again every 5s"
	warned := func() bool {
		status, err := n.status()
		return err == nil && slices.Contains(status.Warnings, want)
	}
	s.eventuallySays("its status says why it serves no metrics", warned)
	if out, _, _ := n.ask("status"); !strings.Contains(out, want) {
		t.Errorf("perch status does not say %q:\n%s", want, out)
	}
	must(t, taken.Close())
	s.eventuallySays("it serves metrics", func() bool {
		text, err := n.metrics()
		return err == nil && strings.Contains(text, "\nperch_build_info{goversion=")
	})
	if warned() {
		t.Error("its status still says that it serves no metrics")
	}
	s.answeredBy("198.18.0.101", n)
}

// metrics asks the node for its metrics, from the node itself.
func (n *station) metrics() (string, error) { return metricsOf(n.t, n.Host) }

// metricsOf asks the perch of a host for its metrics, from the host itself.
func metricsOf(t *testing.T, h *lab.Host) (string, error) {
	_, text, err := pageOf(t, h, "/metrics")
	return text, err
}

// pageOf asks the perch of a host for what it serves at a path, from the host itself.
func pageOf(t *testing.T, h *lab.Host, path string) (code int, text string, err error) {
	response, err := request(t, h, http.MethodGet, path, "127.0.0.1:7401")
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

var tag = regexp.MustCompile(`<[^>]*>`)

// sectionOf returns the text of a section of the dashboard of a host's perch, a space for each
// tag and between words.
func sectionOf(t *testing.T, h *lab.Host, id string) (string, error) {
	_, page, err := pageOf(t, h, "/")
	_, rest, _ := strings.Cut(page, `<section id="`+id+`"`)
	rest, _, _ = strings.Cut(rest, "</section>")
	return strings.Join(strings.Fields(tag.ReplaceAllString("<"+rest, " ")), " "), err
}

// answerOf returns the code that the perch of a host answers a request with.
func answerOf(t *testing.T, h *lab.Host, method, path, name string) int {
	t.Helper()
	response, err := request(t, h, method, path, name)
	must(t, err)
	must(t, response.Body.Close())
	return response.StatusCode
}

// request asks the perch of a host at node.listen, from the host itself, by any name.
func request(t *testing.T, h *lab.Host, method, path, name string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	at := netip.MustParseAddrPort("127.0.0.1:7401")
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return h.Dial(ctx, "tcp", at) },
	}}
	request, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://%s%s", at, path), nil)
	if err != nil {
		return nil, err
	}
	request.Host = name
	return client.Do(request)
}
