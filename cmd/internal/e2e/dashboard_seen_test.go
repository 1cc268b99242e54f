package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// streamsAsked counts the streams that a page has asked for.
func (b *browser) streamsAsked() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, url := range b.wanted {
		if strings.Contains(url, "dashboard/stream") {
			n++
		}
	}
	return n
}

// hide has a page take itself for hidden, or seen again.
func (b *browser) hide(hidden bool) {
	b.t.Helper()
	b.run(chromedp.Evaluate(fmt.Sprintf(`Object.defineProperty(document, "hidden", {get: () => %v, configurable: true});
		document.dispatchEvent(new Event("visibilitychange"))`, hidden), nil))
}

// hurry makes timers of pages that are loaded from now on 20 times as fast, but not the clock.
const hurry = `{ const slow = setTimeout; window.setTimeout = (f, ms) => slow(f, ms / 20); }`

// A tab in the background says in its title and by its icon how things are now, though it is not
// followed; a computer that slept does not take what it has for live.
func TestDashboardInTheBackground(t *testing.T) {
	t.Parallel()
	c, b := watchedCluster(t)
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(hurry).Do(ctx)
		return err
	}))
	b.screen(1440, 900, "light")
	b.run(chromedp.Navigate(listening))
	b.shows("#live", "live,")
	const icon = `document.querySelector("link[rel=icon]").getAttribute("href")`
	b.hide(true)
	asked := b.streamsAsked()
	c.eventually("a page that nobody sees is looked at now and then", func() bool { return b.streamsAsked() > asked })
	for _, n := range c.Nodes[1:] {
		c.must(n.Kill())
	}
	b.becomes(`document.title.startsWith("\u2715 ") && document.querySelector("#headline").textContent.includes("No node owns the VIPs")`)
	if got := eval[string](b, icon); got != "dashboard-bad.svg" {
		t.Errorf("icon %s without a quorum", got)
	}
	c.must(c.Nodes[0].Kill())
	b.becomes(`document.title.startsWith("? ")`)
	if got := eval[string](b, icon); got != "dashboard-lost.svg" {
		t.Errorf("icon %s of a node that does not answer", got)
	}
	b.hide(false)
	c.must(c.StartAll())
	b.shows("#live", "live,")

	asked = b.streamsAsked()
	b.run(chromedp.Evaluate(`{ const now = Date.now; Date.now = () => now() + 8 * 3600e3; }`, nil))
	c.eventually("a computer that slept asks for a new stream", func() bool { return b.streamsAsked() > asked })
	b.shows("#live", "live,")
}

// Forced colours, and a printer, leave the shapes; nothing moves.
func TestDashboardForAllEyes(t *testing.T) {
	t.Parallel()
	_, b := watchedCluster(t)
	b.screen(1440, 900, "light")
	b.run(chromedp.Navigate(listening))
	b.shows("#checks", "connection refused")
	for name, media := range map[string]*emulation.SetEmulatedMediaParams{
		"forced": emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}),
		"print":  emulation.SetEmulatedMedia().WithMedia("print"),
	} {
		b.run(media)
		if list := eval[[]string](b, shapeless); len(list) > 0 {
			t.Errorf("%s: without a shape: %q", name, list)
		}
		b.picture(name)
	}
	if got := eval[string](b, `getComputedStyle(document.querySelector(".ok,.odd,.bad"), "::before").printColorAdjust`); got != "exact" {
		t.Errorf("a printer leaves out shapes: print-color-adjust is %q", got)
	}
	if n := eval[int](b, `document.getAnimations().length`); n > 0 {
		t.Errorf("%d animations", n)
	}
}

// Behind an nginx as it is installed, below a path, the page has its style, and follows.
func TestDashboardBehindAProxy(t *testing.T) {
	t.Parallel()
	c, b := watchedCluster(t)
	dir := t.TempDir()
	config := "daemon off; user root; error_log stderr; pid " + dir + "/pid; events {}\nhttp { access_log off; gzip on; gzip_types *;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config += kind + "_temp_path " + filepath.Join(dir, kind) + ";\n"
	}
	config += "server { listen 127.0.0.1:8099; location /lb/edge/ { proxy_pass " + listening + "; } } }\n"
	file := filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(file, []byte(config), 0o644))
	_, err := c.Nodes[0].Host.Start(exec.Command("nginx", "-c", file, "-p", dir, "-e", "stderr"))
	must(t, err)
	b.screen(1440, 900, "light")
	c.eventually("nginx answers", func() bool { return chromedp.Run(b.ctx, chromedp.Navigate("http://127.0.0.1:8099/lb/edge/")) == nil })
	b.heard()
	b.run(chromedp.Reload())
	b.shows("#live", "live,")
	b.becomes(`document.styleSheets.length > 0`)
	old := c.settled()
	next := c.others(old)[0]
	c.perch(c.Nodes[1], "transfer", next.Name)
	b.shows("#vips", next.Name+" owns and holds 2 VIPs")
	b.becomes(`performance.now() > 12000`) // longer than it waits for a word
	b.shows("#live", "live,")
	said, wanted := b.heard()
	if len(said) > 0 {
		t.Errorf("the console says %q", said)
	}
	for _, url := range wanted {
		if !strings.HasPrefix(url, "http://127.0.0.1:8099/lb/edge/") {
			t.Errorf("%s is asked for", url)
		}
	}
}
