package ipvs

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsLeftAtTheEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		settings Settings
		left     []Service
	}{
		"all stays":               {Settings{}, []Service{web(1, 9), web(2, 1), web(3, 1)}},
		"perch's is removed":      {Settings{AtEnd: Remove}, []Service{web(1, 9)}},
		"all is removed":          {Settings{AtEnd: Flush}, nil},
		"all is perch's, removed": {Settings{AtEnd: Remove, All: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := manage(t, newModelKernel(web(1, 9)))
				stop := m.run(t)
				m.set(Settings{}, web(2, 1), web(3, 1))
				m.set(tc.settings, web(2, 1), web(3, 1))
				if !tc.settings.All {
					wantServices(t, m.k, web(1, 9), web(2, 1), web(3, 1))
				}
				stop()
				wantServices(t, m.k, tc.left...)
				if tc.settings.AtEnd != Keep {
					wantKeys(t, "record", m.keys(t))
				}
			})
		})
	}
}

// What cannot be removed is known to be perch's by its next process.
func TestRefusedRemovalAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		stop := m.run(t)
		m.set(Settings{AtEnd: Remove}, web(1, 1), web(2, 1))
		m.k.change(func(k *modelKernel) {
			k.refuse = func(s step) error {
				if s.Key == web(1).Key {
					return errors.New("busy")
				}
				return nil
			}
		})
		stop()
		wantServices(t, m.k, web(1, 1))
		wantKeys(t, "record", m.keys(t), web(1))
		if m.lines.count("not removed", "busy") != 1 {
			t.Errorf("said %q", m.lines.text.String())
		}
	})
}

// A conversation that has broken off is begun anew for what is to be removed.
func TestRemovalAtTheEndAfterALookThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel(web(1, 9)))
		stop := m.run(t)
		m.set(Settings{AtEnd: Remove}, web(2, 1))
		m.k.load() // what was said before counts no more
		time.Sleep(reviewEvery)
		synctest.Wait()
		stop()
		wantServices(t, m.k, web(1, 9))
		wantKeys(t, "record", m.keys(t))
	})
}

// Who has no services there takes none away.
func TestNothingIsFlushedWithoutServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel(web(1, 9)))
		stop := m.run(t)
		m.set(Settings{AtEnd: Flush, Timeouts: Timeouts{TCP: 7200}})
		stop()
		wantServices(t, m.k, web(1, 9))
	})
}

// Nothing is asked of a kernel of which nothing was wanted.
func TestEndWithoutServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		stop := m.run(t)
		m.set(Settings{AtEnd: Remove})
		stop()
		if opens, _, _ := m.k.counts(); opens != 0 {
			t.Errorf("opened %d times", opens)
		}
	})
}
