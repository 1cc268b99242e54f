package web

import "testing"

func TestSample(t *testing.T) {
	for want, got := range map[string][]byte{
		"a 0\n": appendSample(nil, "a", nil, 0),
		"a{b=\"c\",d=\"\"} 18446744073709551615\n": appendSample(nil, "a", appendLabels(nil, []string{"b", "d"}, []string{"c", ""}), 1<<64-1),
		`a{b="\\ \" \n é"} 1` + "\n":               appendSample(nil, "a", appendLabels(nil, []string{"b"}, []string{"\\ \" \n é"}), 1),
		"a{b=\"\uFFFDc\"} 1\n":                     appendSample(nil, "a", appendLabels(nil, []string{"b"}, []string{"\xffc"}), 1),
		"# HELP a What.\n# TYPE a gauge\n":         appendHead(nil, metric{"a", gauge, "What.", nil}),
	} {
		if string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLabelSets(t *testing.T) {
	var l labelSets
	l.add([]string{"a"}, []string{"b"})
	l.add(nil, nil)
	l.add([]string{"c", "e"}, []string{"d", "f"})
	for i, want := range []string{`a="b"`, "", `c="d",e="f"`} {
		if got := string(l.at(i)); got != want {
			t.Errorf("set %d is %q, want %q", i, got, want)
		}
	}
}
