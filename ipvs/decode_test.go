package ipvs

import (
	"net/netip"
	"testing"
)

func FuzzDecode(f *testing.F) {
	for _, d := range []SyncDaemon{{Role: SyncMaster, Interface: "eth0"}, {Role: SyncBackup, Group: netip.MustParseAddr("ff02::81")}} {
		f.Add(encodeStart(d).data)
	}
	f.Add(encodeStep(step{Key: KeyOfMark(7, IPv6), Balancing: Balancing{Persistence: Persistence{Engine: "sip"}}}).data)
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = decodeDaemon(data)
		_, _, _ = decodeEngine(data)
	})
}
