package checker

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"
)

// How long a look may take.
const (
	enough   = time.Minute            // for what ends by itself, however busy the machine is
	soonOver = 300 * time.Millisecond // for what does not
	soon     = 100 * time.Millisecond // likewise, where nothing else can come
)

// testHost returns a Host that does not run.
func testHost() *Host { return NewHost(quiet()) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// made makes the check of a spec.
func made(t testing.TB, h *Host, spec Spec) Checker {
	t.Helper()
	c, err := h.New(spec)
	must(t, err)
	return c
}

// oneLook looks once.
func oneLook(c Checker, limit time.Duration) (Finding, error) {
	ctx, cancel := withTimeout(context.Background(), limit)
	defer cancel()
	return c.Check(ctx)
}

// lookAt looks once at what a spec says, with enough time.
func lookAt(t testing.TB, spec Spec) (Finding, error) {
	t.Helper()
	return lookWithin(t, spec, enough)
}

func lookWithin(t testing.TB, spec Spec, limit time.Duration) (Finding, error) {
	t.Helper()
	return oneLook(made(t, testHost(), spec), limit)
}

// findingOf looks once, and returns the reason as well, "" if all is well.
func findingOf(c Checker, limit time.Duration) (Finding, string) {
	finding, err := oneLook(c, limit)
	if err != nil {
		return finding, err.Error()
	}
	return finding, ""
}

// reasonOf looks once, which must end in time, and returns the reason, "" if all is well.
func reasonOf(t testing.TB, c Checker, limit time.Duration) string {
	t.Helper()
	begin := time.Now()
	_, got := findingOf(c, limit)
	if took := time.Since(begin); took > limit+5*time.Second {
		t.Errorf("a look of %v took %v", limit, took)
	}
	if got != "" {
		checkReason(t, got)
	}
	return got
}

// lookOnce is reasonOf for the check of a spec.
func lookOnce(t testing.TB, spec Spec, limit time.Duration) string {
	t.Helper()
	return reasonOf(t, made(t, testHost(), spec), limit)
}

// wantReason looks once and compares the reason.
func wantReason(t testing.TB, c Checker, limit time.Duration, want string) {
	t.Helper()
	if got := reasonOf(t, c, limit); got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

// awaitReason looks until a reason comes: what is shared is no fresher than it is.
func awaitReason(t testing.TB, c Checker, want string) {
	t.Helper()
	until(t, fmt.Sprintf("the reason is %q", want), func() bool { return reasonOf(t, c, enough) == want })
}

// wantError compares what an error says, "" for none.
func wantError(t testing.TB, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

// checkReason checks what is so of every reason.
func checkReason(t testing.TB, text string) {
	t.Helper()
	if len(text) > briefLimit || text == "" {
		t.Errorf("a reason of %d bytes: %q", len(text), text)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Errorf("a reason with control characters: %q", text)
	}
}

// isLike tells whether a text is as wanted, where a * stands for anything.
func isLike(text, wanted string) bool {
	begin, end, open := strings.Cut(wanted, "*")
	if !open {
		return text == wanted
	}
	return len(text) >= len(begin)+len(end) && strings.HasPrefix(text, begin) && strings.HasSuffix(text, end)
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// until waits for something to be so.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for began := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(began) > enough {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// openFiles counts the open files of this process.
func openFiles(t testing.TB) int {
	t.Helper()
	read, write, err := os.Pipe() // the first one lets the runtime open files of its own
	must(t, err, read.Close(), write.Close())
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}
