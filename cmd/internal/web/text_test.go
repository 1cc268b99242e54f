package web

import "testing"

func TestSample(t *testing.T) {
	for want, got := range map[string][]byte{
		"a 0\n": appendSample(nil, "a", nil, 0),
		"a{b=\"c\",d=\"\"} 18446744073709551615\n": appendSample(nil, "a", appendLabels(nil, "b", "c", "d", ""), 1<<64-1),
		`a{b="\\ \" \n é"} 1` + "\n":               appendSample(nil, "a", appendLabels(nil, "b", "\\ \" \n é"), 1),
		"# HELP a What.\n# TYPE a gauge\n":         appendHead(nil, metric{"a", gauge, "What."}),
		`a{b="c",state="up"} 1` + "\n":             appendState(nil, "a", appendLabels(nil, "b", "c"), "up"),
	} {
		if string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLabelSets(t *testing.T) {
	var l labelSets
	l.add("a", "b")
	l.add()
	l.add("c", "d", "e", "f")
	for i, want := range []string{`a="b"`, "", `c="d",e="f"`} {
		if got := string(l.at(i)); got != want {
			t.Errorf("set %d is %q, want %q", i, got, want)
		}
	}
}
