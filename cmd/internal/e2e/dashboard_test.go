package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// listening is where node.listen is by default, as a browser has it.
const listening = "http://127.0.0.1:7401/"

// watchedCluster is a cluster of which each node has a check, a virtual router and a
// service of its own, with a browser on the first node.
func watchedCluster(t *testing.T) (*cluster, *browser) {
	t.Helper()
	lab.NeedBrowser(t)
	c := newCluster(t, newNetwork(t), failover("wan")) // browsers take their time from it
	for i, n := range c.Nodes {
		addTables(t, n, fmt.Sprintf(`
[[vrrp]]
name = "gw"
interface = "eth0"
vrid = 51
priority = %d
addresses = ["198.18.0.200/24"]

[[check]]
name = "nobody-at-%s"
kind = "tcp"
target = "127.0.0.1:9"
interval = "200ms"
weight = -1

[[service]]
name = "web-of-%s"
address = "198.18.0.100:80"
protocol = "tcp"
forward = "nat"
[[service.server]]
address = "10.0.0.%d:80"
`, 100+i, n.Name, n.Name, 11+i))
	}
	c.must(c.StartAll())
	c.settled()
	return c, openBrowser(t, c.Nodes[0].Host)
}

// The dashboard of any node shows the whole cluster, and follows a VIP that moves.
func TestDashboard(t *testing.T) {
	t.Parallel()
	c, b := watchedCluster(t)
	b.screen(1440, 900, "light")
	b.run(chromedp.Navigate(listening))
	old := c.settled()
	b.shows("#vips", old.Name+" owns and holds 2 VIPs", "198.18.0.100/24", "2001:db8::100/64", "held")
	b.shows("#nodes", "quorum", "3 of 3 nodes answer", "lb1", "lb2", "lb3")
	for _, n := range c.Nodes {
		b.shows("#checks", "nobody-at-"+n.Name, "connection refused")
		b.shows("#services", "web-of-"+n.Name)
	}
	b.shows("#vrrp", "lb3", "master", "backup", "VRID 51")
	b.shows("#moves", old.Name)
	b.shows("#live", "live")
	b.picture("wide")

	eval[bool](b, `document.querySelector("details").open = !document.querySelector("details").open`)
	eval[any](b, `(document.querySelector("summary").focus(), document.querySelector("details").dataset.was = document.querySelector("details").open, scrollTo(0, 300), null)`)
	id, open := eval[string](b, `document.querySelector("details").id`), eval[bool](b, `document.querySelector("details").open`)
	at := eval[float64](b, "scrollY")
	next := c.others(old)[0]
	c.perch(c.Nodes[1], "transfer", next.Name)
	b.shows("#vips", next.Name+" owns and holds 2 VIPs", "transfer asked for by the operator")
	b.shows("#moves", old.Name, next.Name)
	if eval[bool](b, fmt.Sprintf("document.getElementById(%q).open", id)) != open {
		t.Error("what was opened or closed is not so any more after an update")
	}
	if got := eval[string](b, `document.activeElement.closest("details")?.id ?? ""`); got != id {
		t.Errorf("the focus is at %q after an update, want %q", got, id)
	}
	if got := eval[float64](b, "scrollY"); got != at {
		t.Errorf("scrolled to %v after an update, want %v", got, at)
	}
	said, wanted := b.heard()
	if len(said) > 0 {
		t.Errorf("the console says %q", said)
	}
	for _, url := range wanted {
		if !strings.HasPrefix(url, listening) {
			t.Errorf("%s is asked for", url)
		}
	}
	b.looksWell()
	b.fitsLongNames(c)
}

// fitsLongNames has nodes and checks be called by names that are as long as they may be, without a
// hyphen to break them at, and IPv6 addresses that are long, too.
func (b *browser) fitsLongNames(c *cluster) {
	b.t.Helper()
	script := "let html = document.querySelector('main').innerHTML;"
	for _, n := range c.Nodes {
		script += fmt.Sprintf("html = html.replaceAll(%q, %q);", ">"+n.Name, ">"+strings.Repeat(n.Name+"x", 16))
	}
	script += `document.querySelector('main').innerHTML = html.replaceAll("198.18.0.", "2001:db8:ffff:eeee:dddd:cccc:bbbb:").replaceAll(">gw", ">" + "gw".repeat(32));
		document.documentElement.scrollWidth`
	for _, width := range []int64{320, 390, 768, 1440, 2560} {
		b.screen(width, 900, "light")
		if wide := eval[float64](b, "{"+script+"}"); wide > float64(width) {
			b.t.Errorf("with long names the page is %v pixels wide on a screen of %d", wide, width)
		}
		if narrow := eval[float64](b, narrowest); narrow < 60 {
			b.t.Errorf("with long names a name has a column of %v pixels on a screen of %d", narrow, width)
		}
		b.run(chromedp.Reload())
		b.shows("#live", "live,")
	}
}

// looksWell checks the page on screens of several kinds.
func (b *browser) looksWell() {
	b.t.Helper()
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"phone", 390, 844}, {"wide", 1440, 900}, {"narrow", 320, 640}} {
		for _, scheme := range []string{"light", "dark"} {
			b.screen(size.width, size.height, scheme)
			name := size.name + "-" + scheme
			if px := eval[float64](b, smallestText); px < 12 {
				b.t.Errorf("%s: text of %v pixels", name, px)
			}
			if wide := eval[float64](b, "document.documentElement.scrollWidth"); wide > float64(size.width) {
				b.t.Errorf("%s: the page is %v pixels wide: %q", name, wide, eval[[]string](b, tooWide))
			}
			if list := eval[[]string](b, faint); len(list) > 0 {
				b.t.Errorf("%s: too little contrast: %q", name, list)
			}
			b.picture(name)
		}
	}
}

// What is not live does not look live: a daemon that is stopped or dead, and one that is
// back.
func TestDashboardOfADeadDaemon(t *testing.T) {
	t.Parallel()
	c, b := watchedCluster(t)
	b.screen(1440, 900, "light")
	b.run(chromedp.Navigate(listening))
	b.shows("#live", "live,")
	n := c.Nodes[0]
	c.must(n.Kill())
	b.shows("#live", "not live")
	b.shows("#stale", "Not live", "as of")
	b.picture("dead")
	if title := eval[string](b, "document.title"); !strings.HasPrefix(title, "? ") {
		t.Errorf("title %q does not say that it is not live", title)
	}
	b.screen(390, 844, "dark")
	b.picture("dead-phone")
	c.must(n.Start())
	b.shows("#live", "live,")
	if b.text("#stale") != "" {
		t.Error("it is live again, and says that it is not")
	}
	c.must(n.Freeze())
	b.shows("#stale", "no word of this node")
	b.becomes(`/ for (2[2-9]|[3-9]\d) s/.test(document.querySelector("#stale").textContent)`) // it has asked again
	c.must(n.Thaw())
	b.shows("#live", "live,")
}

// A node that is dead is shown by the others with what it was last known to have; the last one
// says that there is no quorum.
func TestDashboardOfOthersWithADeadNode(t *testing.T) {
	t.Parallel()
	c, b := watchedCluster(t)
	b.screen(1440, 900, "light")
	b.run(chromedp.Navigate(listening))
	n := c.Nodes[2]
	b.shows("#checks", "nobody-at-lb3")
	c.must(n.Kill())
	b.shows("#headline", "1 of 3 nodes does not answer (lb3)")
	b.shows("#nodes", "unreachable", "2 of 3 nodes answer")
	b.shows("#checks", "nobody-at-lb3", "as of")
	b.picture("node-dead")
	c.must(c.Nodes[1].Kill())
	b.shows("#headline", "No node owns the VIPs", "2 of 3 nodes do not answer (lb2, lb3)")
	b.shows("#nodes", "no-quorum", "1 of 3 nodes answer")
	b.looksWell()
}

// Without JavaScript there is all of it, too.
func TestDashboardWithoutScript(t *testing.T) {
	t.Parallel()
	c, b := watchedCluster(t)
	owner := c.settled()
	b.screen(390, 844, "light")
	b.run(emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(listening))
	b.shows("#vips", owner.Name+" owns and holds 2 VIPs")
	b.shows("#nodes", "lb1", "lb2", "lb3", "quorum")
	b.shows("#live", "as of")
	b.picture("no-script")
	said, _ := b.heard()
	if len(said) > 0 {
		t.Errorf("the console says %q", said)
	}
}

// Nothing is changed by whatever a browser may ask, and nothing shown to pages of others.
func TestDashboardIsReadOnly(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner, term := c.settled(), c.status(c.Nodes[0]).Cluster.Term
	for _, path := range []string{"/", "/dashboard/stream", "/v1/transfer", "/v1/drain", "/..%2fv1/reload"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
			if code := answerOf(t, c.Nodes[0].Host, method, path, "127.0.0.1:7401"); code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, code)
			}
		}
	}
	if code := answerOf(t, c.Nodes[0].Host, http.MethodGet, "/", "rebound.example:7401"); code != http.StatusMisdirectedRequest {
		t.Errorf("a name of somebody else: %d", code)
	}
	if code := answerOf(t, c.Nodes[0].Host, http.MethodGet, "/", "lb2:7401"); code != http.StatusOK {
		t.Errorf("the name of a node: %d", code)
	}
	if now := c.settled(); now != owner || c.status(now).Cluster.Term != term {
		t.Errorf("%s owns the VIPs, want %s in the same term", now.Name, owner.Name)
	}
}
