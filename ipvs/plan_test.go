package ipvs

import (
	"slices"
	"testing"
)

func keySet(services ...Service) map[Key]struct{} {
	set := make(map[Key]struct{})
	for _, s := range services {
		set[s.Key] = struct{}{}
	}
	return set
}

func TestPlan(t *testing.T) {
	routed := web(1, 1, 1)
	routed.Servers[1].Forward = Direct
	persistent := web(1, 1)
	persistent.Persistence = Persistence{Timeout: 60, Prefix: 32}
	tests := []struct {
		name             string
		have, mine, want []Service
		all              bool
		steps            []string
		foreign, blocked []Key
		claims           []Key
	}{
		{name: "nothing"},
		{
			name: "a new service", want: []Service{web(1, 1, 2)}, claims: []Key{web(1).Key},
			steps: []string{"+ tcp 198.18.0.1:80 wlc", "+ tcp 198.18.0.1:80 > 10.0.0.1:80*1", "+ tcp 198.18.0.1:80 > 10.0.0.2:80*2"},
		},
		{
			name: "nothing to do",
			have: []Service{web(1, 1, 2)}, mine: []Service{web(1)}, want: []Service{web(1, 1, 2)},
		},
		{
			name: "one weight",
			have: []Service{web(1, 1, 2, 3)}, mine: []Service{web(1)}, want: []Service{web(1, 1, 0, 3)},
			steps: []string{"~ tcp 198.18.0.1:80 > 10.0.0.2:80*0"},
		},
		{
			name: "somebody has traffic at any time",
			have: []Service{web(1, 1, 1), web(2, 1, 0, 1)}, mine: []Service{web(1), web(2)},
			want: []Service{web(1, 0, 0, 1), web(2, 0, 1)},
			steps: []string{
				"+ tcp 198.18.0.1:80 > 10.0.0.3:80*1", "~ tcp 198.18.0.2:80 > 10.0.0.2:80*1",
				"~ tcp 198.18.0.1:80 > 10.0.0.1:80*0", "~ tcp 198.18.0.1:80 > 10.0.0.2:80*0",
				"~ tcp 198.18.0.2:80 > 10.0.0.1:80*0", "- tcp 198.18.0.2:80 > 10.0.0.3:80",
			},
		},
		{
			name: "one route",
			have: []Service{web(1, 1, 1)}, mine: []Service{web(1)}, want: []Service{routed},
			steps: []string{"~ tcp 198.18.0.1:80 > 10.0.0.2:80*1"},
		},
		{
			name: "another scheduler",
			have: []Service{web(1, 1)}, mine: []Service{web(1)}, want: []Service{web(1, 1).by("rr")},
			steps: []string{"~ tcp 198.18.0.1:80 rr"},
		},
		{
			name: "persistence",
			have: []Service{web(1, 1)}, mine: []Service{web(1)}, want: []Service{persistent},
			steps: []string{"~ tcp 198.18.0.1:80 wlc"},
		},
		{
			name: "removals come last",
			have: []Service{web(1, 1), web(2, 1, -1, 1), web(3)}, mine: []Service{web(1), web(2), web(3)},
			want:   []Service{web(2, -1, 1, 2), web(4, 1)},
			claims: []Key{web(4).Key},
			steps: []string{
				"+ tcp 198.18.0.4:80 wlc",
				"+ tcp 198.18.0.2:80 > 10.0.0.2:80*1", "~ tcp 198.18.0.2:80 > 10.0.0.3:80*2",
				"+ tcp 198.18.0.4:80 > 10.0.0.1:80*1",
				"- tcp 198.18.0.1:80", "- tcp 198.18.0.2:80 > 10.0.0.1:80", "- tcp 198.18.0.3:80",
			},
		},
		{
			name: "others' services",
			have: []Service{web(1, 1), web(2, 5)}, want: []Service{web(2, 6), web(3)},
			foreign: []Key{web(1).Key}, blocked: []Key{web(2).Key}, claims: []Key{web(3).Key},
			steps: []string{"+ tcp 198.18.0.3:80 wlc"},
		},
		{
			name: "all is owned",
			have: []Service{web(1, 1), web(2, 5)}, want: []Service{web(2, 6), web(3)}, all: true,
			claims: []Key{web(2).Key, web(3).Key},
			steps:  []string{"+ tcp 198.18.0.3:80 wlc", "~ tcp 198.18.0.2:80 > 10.0.0.1:80*6", "- tcp 198.18.0.1:80"},
		},
		{
			name: "one that was removed by others is put back, and claimed already",
			mine: []Service{web(1)}, want: []Service{web(1)}, steps: []string{"+ tcp 198.18.0.1:80 wlc"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := intent{want: test.want, mine: keySet(test.mine...), all: test.all}.plan(test.have)
			wantSteps(t, stepTexts(slices.Concat(p.creates, p.steps)), test.steps...)
			if !slices.Equal(p.foreign, test.foreign) || !slices.Equal(p.blocked, test.blocked) || !slices.Equal(p.claims, test.claims) {
				t.Errorf("foreign %v, blocked %v, claims %v, want %v, %v, %v",
					p.foreign, p.blocked, p.claims, test.foreign, test.blocked, test.claims)
			}
		})
	}
}

func TestRewriteKeepsToWhatBothHave(t *testing.T) {
	steps := rewrite([]Service{web(1, 1), web(2, 1, 1), web(4, 1)}, []Service{web(2, 2, -1, 1), web(3, 1), web(4, 1)})
	wantSteps(t, stepTexts(steps),
		"~ tcp 198.18.0.2:80 > 10.0.0.1:80*2", "+ tcp 198.18.0.2:80 > 10.0.0.3:80*1", "- tcp 198.18.0.2:80 > 10.0.0.2:80")
}

func TestOrdered(t *testing.T) {
	given := []Service{web(2), web(1, 1), web(1, 2)}
	if got, want := ordered(given), []Service{web(1, 1), web(2)}; !slices.EqualFunc(got, want, Service.equal) {
		t.Errorf("ordered %v, want %v", got, want)
	}
	if given[0].Key != web(2).Key {
		t.Error("the list of the caller was changed")
	}
	if got := ordered([]Service{web(1, 1), web(1, 2)}); len(got) != 1 {
		t.Errorf("ordered %v, want the first alone", got)
	}
}
