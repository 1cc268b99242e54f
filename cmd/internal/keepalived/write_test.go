package keepalived

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// effect is what becomes of a priority.
type effect struct {
	change int
	fault  bool
}

// effectThere is keepalived's: a positive weight counts while the watch is up, a negative one while it
// is down, and reverse turns the change round. Weight 0 is a fault while it is down, and
// reversed while it is up.
func effectThere(w weight, up bool) effect {
	switch {
	case w.value == 0:
		return effect{fault: up == w.reverse}
	case up != (w.value > 0):
		return effect{}
	case w.reverse:
		return effect{change: -w.value}
	}
	return effect{change: w.value}
}

// effectHere is perch's (docs/checks.md): reverse turns round what counts as healthy.
func effectHere(w weight, up bool) effect {
	healthy := up != w.reverse
	switch {
	case w.value == 0:
		return effect{fault: !healthy}
	case healthy != (w.value > 0):
		return effect{}
	}
	return effect{change: w.value}
}

func TestWeightsHaveTheSameEffect(t *testing.T) {
	for value := -3; value <= 3; value++ {
		for _, reverse := range []bool{false, true} {
			for _, up := range []bool{false, true} {
				there := weight{value: value, reverse: reverse}
				here := (&watch{kind: watchesScript}).inPerch(there)
				if want, got := effectThere(there, up), effectHere(here, up); got != want {
					t.Errorf("%d, reverse %v, up %v: %+v here, %+v there", value, reverse, up, got, want)
				}
			}
		}
	}
}

// What is said of a line is said once, however often the line is generated.
func TestGeneratedLinesAreToldOnce(t *testing.T) {
	text := "$INST= \\\n vrrp_instance V${N} { \\\n interface eth${N} \\\n %s \\\n virtual_router_id 7 \\\n" +
		" virtual_ipaddress { \\\n 10.0.${N}.1/24 \\\n } \\\n }\n\n~SEQ(N,1,9) $INST\n"
	r, err := importFile(fmt.Sprintf(text, "use_ipvlan"))
	if err != nil || len(r.Remarks) != 1 {
		t.Errorf("%v, and %d remarks:\n%s", err, len(r.Remarks), remarks(r))
	}
	_, err = importFile(fmt.Sprintf(text, "priority 0"))
	if got := strings.Count(fmt.Sprint(err), "\n") + 1; got != 1 {
		t.Errorf("%d mistakes:\n%v", got, err)
	}
}

func TestDelayed(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		up, down time.Duration
		want     pulse
	}{
		{0, 0, pulse{0, 1, 1}},
		{500 * ms, 2000 * ms, pulse{500 * ms, 2, 5}},
		{0, 1500 * ms, pulse{1500 * ms, 1, 2}},
		{1000 * ms, 1000 * ms, pulse{1000 * ms, 2, 2}},
		{time.Millisecond, 0, pulse{10 * ms, 2, 1}},
		{10 * ms, time.Hour, pulse{5120 * ms, 2, 705}},
	} {
		if got := delayed(c.up, c.down); got != c.want {
			t.Errorf("delayed(%v, %v) is %+v, want %+v", c.up, c.down, got, c.want)
		}
	}
}

func TestProcessOf(t *testing.T) {
	for command, want := range map[string]string{
		"/usr/bin/killall -0 haproxy":         "haproxy",
		"/usr/bin/env killall -0 nginx":       "nginx",
		"/bin/pidof sshd":                     "sshd",
		"/bin/pidof -s sshd":                  "",
		"/bin/pidof -s":                       "",
		"/bin/pidof /usr/sbin/sshd":           "",
		"/bin/pidof a-name-too-long-for-comm": "",
		"/usr/bin/killall haproxy":            "",
		"/usr/bin/killall -9 haproxy":         "",
		"/usr/bin/env":                        "",
		"/usr/local/bin/check":                "",
	} {
		if got := processOf(strings.Fields(command)); got != want {
			t.Errorf("%s asks for %q, want %q", command, got, want)
		}
	}
}

// Names are each their own, in the order of the file, and those that fit stay as they are.
func TestTitles(t *testing.T) {
	names := []string{"a b", "a-b", "a?b", "", "__", strings.Repeat("x", 64), strings.Repeat("x", 63), "a-b"}
	want := []string{"a-b-2", "a-b", "a-b-3", "unnamed", "unnamed-2", strings.Repeat("x", 61) + "-2", strings.Repeat("x", 63), "a-b-4"}
	list, got := make([]named, len(names)), make([]string, len(names))
	for i, name := range names {
		list[i] = named{name: name, title: &got[i]}
	}
	newImporter(Options{}).give(list)
	for i := range names {
		if got[i] != want[i] {
			t.Errorf("%q is called %q, want %q", names[i], got[i], want[i])
		}
	}
}
