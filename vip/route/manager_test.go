package route

import "testing"

// TestWantDoesNotWait: and wants each once.
func TestWantDoesNotWait(t *testing.T) {
	l := newLab(t)
	m, err := New(nil)
	must(t, err)
	rule := Rule{Preference: 1000}
	m.Want([]Route{gateway, gateway}, []Rule{rule, rule})
	l.has() // as nobody runs it
	if got := m.Status(); len(got.Routes)+len(got.Rules) != 0 || got.Lacks() {
		t.Errorf("status is %+v, want nothing yet", got)
	}
	must(t, m.sync(m.wanted()))
	l.has(gatewayText, rule.String())
	if got := m.Status(); len(got.Routes) != 1 || len(got.Rules) != 1 {
		t.Errorf("status is %+v, want each once", got)
	}
	must(t, m.sync(demand{}))
	m.Close()
	m.Close() // does no harm
}

func TestRunOnce(t *testing.T) {
	l := newLab(t)
	m, stop := l.run()
	m.Want([]Route{gateway}, nil)
	l.has(gatewayText)
	if err := m.Run(t.Context()); err == nil {
		t.Error("a second Run began")
	}
	stop()
	l.has()
}
