package ipvs

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestPlanSync(t *testing.T) {
	t.Parallel()
	master := SyncDaemon{Role: SyncMaster, Interface: "eth0", ID: 7}
	backup := SyncDaemon{Role: SyncBackup, Interface: "eth0", ID: 7}
	other := SyncDaemon{Role: SyncBackup, Interface: "eth1", ID: 7}
	short := SyncDaemon{Role: SyncBackup, Interface: "eth0", ID: 7, MaxLen: 100}
	running := func(d SyncDaemon, length uint16) SyncDaemon {
		d = d.withDefaults()
		d.MaxLen = length
		return d
	}
	m, b := running(master, 1472), running(backup, 1472)
	for name, test := range map[string]struct{ have, want, stop, start []SyncDaemon }{
		"nothing":             {},
		"first start":         {want: []SyncDaemon{backup}, start: []SyncDaemon{backup}},
		"as it is":            {have: []SyncDaemon{b}, want: []SyncDaemon{backup}},
		"promoted":            {have: []SyncDaemon{b}, want: []SyncDaemon{master}, stop: []SyncDaemon{b}, start: []SyncDaemon{master}},
		"both at once":        {have: []SyncDaemon{m}, want: []SyncDaemon{master, backup}, start: []SyncDaemon{backup}},
		"one of both":         {have: []SyncDaemon{m, b}, want: []SyncDaemon{backup}, stop: []SyncDaemon{m}},
		"end":                 {have: []SyncDaemon{m, b}, stop: []SyncDaemon{m, b}},
		"another interface":   {have: []SyncDaemon{b}, want: []SyncDaemon{other}, stop: []SyncDaemon{b}, start: []SyncDaemon{other}},
		"raised by kernel":    {have: []SyncDaemon{running(short, 1024)}, want: []SyncDaemon{short}},
		"another length":      {have: []SyncDaemon{b}, want: []SyncDaemon{short}, stop: []SyncDaemon{b}, start: []SyncDaemon{short}},
		"no length any more":  {have: []SyncDaemon{running(short, 1024)}, want: []SyncDaemon{backup}},
		"default, said aloud": {have: []SyncDaemon{m}, want: []SyncDaemon{master.withDefaults()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stop, start := planSync(test.have, test.want)
			if !slices.Equal(stop, test.stop) || !slices.Equal(start, test.start) {
				t.Errorf("stop %v, start %v", stop, start)
			}
		})
	}
}

func TestSyncCodec(t *testing.T) {
	t.Parallel()
	groups := []netip.Addr{{}, netip.MustParseAddr("224.0.0.81"), netip.MustParseAddr("ff02::81")}
	rapid.Check(t, func(t *rapid.T) {
		want := SyncDaemon{
			Role:      rapid.SampledFrom([]Role{SyncMaster, SyncBackup}).Draw(t, "role"),
			Interface: rapid.StringMatching("[a-z0-9]{1,15}").Draw(t, "interface"),
			ID:        rapid.Uint8().Draw(t, "id"),
			MaxLen:    rapid.Uint16().Draw(t, "length"),
			Group:     rapid.SampledFrom(groups).Draw(t, "group"),
			Port:      rapid.Uint16().Draw(t, "port"),
			TTL:       rapid.Uint8().Draw(t, "TTL"),
		}
		r := encodeStart(want)
		if got, err := decodeDaemon(r.data); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	})
}
