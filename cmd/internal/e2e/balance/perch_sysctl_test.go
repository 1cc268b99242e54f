//go:build ipvs

package balance

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// With manage_sysctls perch sets what services need of the host for as long as it has
// some, and puts back what was there, also after a run that was killed.
func TestPerchManagesSysctls(t *testing.T) {
	b := newBed(t)
	s := plain(nat, ipv4)
	managed := "\n[ipvs]\nmanage_sysctls = true\n"
	a := b.newAlone(managed + b.tables(s))
	before := map[string]string{"ipv4/ip_forward": "0", "ipv4/vs/expire_nodest_conn": "0", "ipv4/conf/eth0/send_redirects": "1"}
	needed := map[string]string{"ipv4/ip_forward": "1", "ipv4/vs/expire_nodest_conn": "1", "ipv4/conf/eth0/send_redirects": "0"}
	for key, value := range before {
		must(t, a.Do(func() error { return set(key, value) }))
	}
	must(t, a.Start())
	a.has(b.want(nil, s))
	a.tuned(needed)
	a.reaches(s)

	a.reload(managed)
	a.tuned(before)
	a.reload(managed + b.tables(s))
	a.tuned(needed)

	must(t, a.Kill())
	a.tuned(needed)
	must(t, a.Start())
	eventually(t, "perch runs", func() bool { return a.allAre(api.ServerUp) })
	must(t, a.stop())
	a.tuned(before)
}

// tuned waits until sysctls of the director have these values.
func (a *alone) tuned(want map[string]string) {
	a.bed.t.Helper()
	a.bed.settles("the sysctls are as wanted", func() (wrong string) {
		for key, value := range want {
			var text []byte
			must(a.bed.t, a.Do(func() (err error) {
				text, err = os.ReadFile("/proc/sys/net/" + key)
				return err
			}))
			if got := strings.TrimSpace(string(text)); got != value {
				wrong += fmt.Sprintf("%s is %s, want %s\n", key, got, value)
			}
		}
		return wrong
	})
}
