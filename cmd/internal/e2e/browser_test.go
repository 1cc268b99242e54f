package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	console "github.com/chromedp/cdproto/log"
	traffic "github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// picturesEnv names a folder in which screenshots are kept; else they are with the test's
// artefacts.
const picturesEnv = "PERCH_PICTURES"

// browser is a window of Chromium on a host of a lab.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu     sync.Mutex
	said   []string // on its console, and exceptions
	wanted []string // URLs
}

// openBrowser starts Chromium on a host.
func openBrowser(t *testing.T, h *lab.Host) *browser {
	t.Helper()
	lab.NeedBrowser(t)
	profile, err := os.MkdirTemp("", "perch-e2e-")
	must(t, err)
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile),
		chromedp.Env("TMPDIR="+profile), // for what it would leave behind
		chromedp.Flag("headless", "new"), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-component-update", true),
		chromedp.WSURLReadTimeout(time.Minute))
	allocator, end := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	b := &browser{t: t, ctx: ctx}
	t.Cleanup(func() {
		closing, stop := context.WithTimeout(ctx, patience)
		defer stop()
		_ = chromedp.Cancel(closing) // asks it to close, and waits
		cancel()
		end()
		for end := time.Now().Add(patience); os.RemoveAll(profile) != nil; time.Sleep(byCommand) { // its processes end one by one
			if time.Now().After(end) {
				t.Errorf("%s cannot be removed", profile)
				return
			}
		}
	})
	chromedp.ListenTarget(ctx, b.hear)
	must(t, h.Do(func() error { return chromedp.Run(ctx, traffic.Enable(), console.Enable(), runtime.Enable()) }))
	return b
}

// hear notes what a page says and asks for.
func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		b.said = append(b.said, string(e.Type))
	case *runtime.EventExceptionThrown:
		b.said = append(b.said, e.ExceptionDetails.Error())
	case *console.EventEntryAdded:
		b.said = append(b.said, e.Entry.Text+" "+e.Entry.URL)
	case *traffic.EventRequestWillBeSent:
		b.wanted = append(b.wanted, e.Request.URL)
	}
}

// heard returns what was said on the console and asked for since it was called last.
func (b *browser) heard() (said, wanted []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	said, wanted = b.said, b.wanted
	b.said, b.wanted = nil, nil
	return said, wanted
}

func (b *browser) run(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*patience)
	defer cancel()
	must(b.t, chromedp.Run(ctx, actions...))
}

// eval returns what an expression of JavaScript is.
func eval[T any](b *browser, expression string) (value T) {
	b.t.Helper()
	b.run(chromedp.Evaluate(expression, &value))
	return value
}

func (b *browser) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

// shows waits until an element's text has all of these in it.
func (b *browser) shows(selector string, texts ...string) {
	b.t.Helper()
	text := ""
	for end := time.Now().Add(2 * patience); ; time.Sleep(byCommand) {
		text = b.text(selector)
		if !slices.ContainsFunc(texts, func(want string) bool { return !strings.Contains(text, want) }) {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s does not show %q but\n%s", selector, texts, text)
		}
	}
}

// becomes waits until an expression of JavaScript is true.
func (b *browser) becomes(expression string) {
	b.t.Helper()
	for end := time.Now().Add(2 * patience); !eval[bool](b, expression); time.Sleep(byCommand) {
		if time.Now().After(end) {
			b.t.Fatalf("still not so: %s", expression)
		}
	}
}

// screen makes the window so large, and the page light or dark.
func (b *browser) screen(width, height int64, scheme string) {
	b.t.Helper()
	b.run(emulation.SetDeviceMetricsOverride(width, height, 1, width < 600),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// picture keeps a picture of the page, down to its end.
func (b *browser) picture(name string) {
	b.t.Helper()
	var picture []byte
	b.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		picture, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).Do(ctx)
		return err
	}))
	dir := os.Getenv(picturesEnv)
	if dir == "" {
		dir = b.t.ArtifactDir()
	}
	must(b.t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644))
}

// smallestText returns the size of the smallest text that is shown, in pixels.
const smallestText = `Math.min(...[...document.querySelectorAll("body *")].filter(e => e.checkVisibility() &&
	[...e.childNodes].some(n => n.nodeType === 3 && n.data.trim() !== "")).map(e => parseFloat(getComputedStyle(e).fontSize)))`

// tooWide names the elements that stick out at the right.
const tooWide = `[...document.querySelectorAll("body *")].filter(e => e.checkVisibility() && !e.closest(".sr,caption") &&
	e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.tagName + " " + e.innerText.slice(0, 40))`

// narrowest returns the width of the narrowest name, in pixels.
const narrowest = `Math.min(...[...document.querySelectorAll("tbody th")].filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect().width))`

// shapeless names marks whose shape has the colour of what is behind it, as all have that are not
// told apart when the system forces its colours.
const shapeless = `[...document.querySelectorAll(".ok,.odd,.bad,.idle")].filter(e => {
	const s = getComputedStyle(e, "::before"), behind = getComputedStyle(e.closest("section")).backgroundColor;
	return e.checkVisibility() && s.backgroundColor === behind && s.borderTopWidth === "0px";
}).map(e => e.tagName + " " + e.innerText.slice(0, 40))`

// faint names texts whose contrast is below the 4.5 to 1 of WCAG AA.
const faint = `(() => {
	const parts = c => c.match(/[\d.]+/g).map(Number);
	const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = e => { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor); if (c[3] !== 0) return c; } return [255, 255, 255]; };
	return [...document.querySelectorAll("body *")].filter(e => e.checkVisibility() && !e.closest(".sr,caption") &&
		[...e.childNodes].some(n => n.nodeType === 3 && n.data.trim() !== "")).filter(e => {
			const [a, b] = [light(parts(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
			return (a + 0.05) / (b + 0.05) < 4.5;
		}).map(e => e.tagName + " " + e.innerText.slice(0, 40));
})()`
