package ipvs

import (
	"net/netip"
	"testing"
)

func FuzzDecode(f *testing.F) {
	for _, d := range []SyncDaemon{{Role: SyncMaster, Interface: "eth0"}, {Role: SyncBackup, Group: netip.MustParseAddr("ff02::81")}} {
		r, err := encodeStart(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.data)
	}
	r, err := encodeStep(step{Key: KeyOfMark(7, IPv6), Balancing: Balancing{Persistence: Persistence{Engine: "sip"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.data)
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = decodeDaemon(data)
		_, _, _ = decodeEngine(data)
	})
}
