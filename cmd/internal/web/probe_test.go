package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// asked returns what a server of these sources answers.
func asked(from Sources, method, path string) (code int, text string) {
	w := httptest.NewRecorder()
	NewServer(from, quiet).routes().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Code, w.Body.String()
}

func TestProbes(t *testing.T) {
	many := make([]string, maxObstacles+3)
	for i := range many {
		many[i] = "x"
	}
	for _, tt := range []struct {
		path      string
		dead      bool
		obstacles []string
		code      int
		text      string
	}{
		{"/healthz", false, []string{"drained"}, 200, "alive\n"},
		{"/healthz", true, nil, 503, "a main loop does not get on\n"},
		{"/readyz", true, nil, 200, "ready\n"},
		{"/readyz", false, []string{"fence: gone", "cluster: sick"}, 503, "fence: gone\ncluster: sick\n"},
		{"/readyz", false, []string{"two\nlines\r\n and\t\xffmore"}, 503, "two lines and \uFFFDmore\n"},
		{"/readyz", false, []string{"a\x1b]0;b\x07\u009b2J\u202ec"}, 503, "a\uFFFD]0;b\uFFFD\uFFFD2J\uFFFDc\n"},
		{"/readyz", false, many, 503, strings.Repeat("x\n", maxObstacles) + "and 3 more\n"},
		{"/readyz", false, []string{strings.Repeat("y", 2*maxObstacle)}, 503, strings.Repeat("y", maxObstacle) + "…\n"},
	} {
		from := sources()
		from.Alive = func() bool { return !tt.dead }
		from.Obstacles = func() []string { return tt.obstacles }
		if code, text := asked(from, http.MethodGet, tt.path); code != tt.code || text != tt.text {
			t.Errorf("%s with %.40q: %d %q, want %d %q", tt.path, tt.obstacles, code, text, tt.code, tt.text)
		}
	}
}

// What hangs, or panics, is not well, and keeps nobody waiting.
func TestProbesOfWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan struct{})
		defer close(hung)
		from := sources()
		from.Alive = func() bool { <-hung; return true }
		from.Obstacles = func() []string { panic("a bug") }
		begin := time.Now()
		code, text := asked(from, http.MethodGet, "/healthz")
		if took := time.Since(begin); code != 503 || !strings.Contains(text, errSlow.Error()) || took != probeLimit {
			t.Errorf("hung: %d %q after %v", code, text, took)
		}
		if code, text := asked(from, http.MethodGet, "/readyz"); code != 503 || !strings.Contains(text, errBroken.Error()) {
			t.Errorf("broken: %d %q", code, text)
		}
	})
}

// Nothing but what is there is answered, and nothing is changed.
func TestOtherRequests(t *testing.T) {
	if code, text := asked(sources(), http.MethodGet, "/readyz/"); code != 404 || !strings.Contains(text, "/healthz, /metrics, /readyz") {
		t.Errorf("%d %q", code, text)
	}
	if code, _ := asked(sources(), http.MethodPost, "/readyz"); code != 405 {
		t.Errorf("POST is answered with %d", code)
	}
}

// A scrape has what is known of the process, too.
func TestScrapeHasTheProcess(t *testing.T) {
	_, text := asked(sources(), http.MethodGet, "/metrics")
	parse(t, []byte(text))
	for _, name := range []string{"go_goroutines", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"} {
		if !strings.Contains(text, "\n"+name+" ") {
			t.Errorf("a scrape has no %s", name)
		}
	}
}

// What cannot be a sample is missing, and said; the others are there.
func TestSamplesThatCannotBe(t *testing.T) {
	m := website()
	m.Checks = append(m.Checks, m.Checks[0]) // twice the same labels
	text, err := render(nil, &m)
	if err == nil || !strings.Contains(string(text), "\nperch_server_up{") || !strings.Contains(string(text), "\nperch_cluster_term ") {
		t.Errorf("error %v, text\n%s", err, text)
	}
	m = website()
	m.Checks[0].Name, m.Services[0].Name = "\xff", "\xff"
	parse(t, rendered(nil, &m))
}
