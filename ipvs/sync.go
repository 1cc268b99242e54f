package ipvs

import (
	"fmt"
	"net/netip"
)

// Role is what a sync daemon does, by its number in linux/ip_vs.h.
type Role uint32

// The roles. The kernel may have one daemon of each.
const (
	SyncMaster Role = 1 // tells others of this director's connections
	SyncBackup Role = 2 // hears of those of others
)

// String implements fmt.Stringer.
func (r Role) String() string {
	switch r {
	case SyncMaster:
		return "master"
	case SyncBackup:
		return "backup"
	default:
		return fmt.Sprint("role ", uint32(r))
	}
}

// SyncDaemon is one of the kernel's threads by which directors tell each other of their
// connections, so that these outlive the move of a VIP. While there is one, a service can
// have no servers of another family.
type SyncDaemon struct {
	Role      Role
	Interface string
	ID        uint8      // of those that belong together; a backup with 0 hears all
	MaxLen    uint16     // of a packet in bytes, without headers; 0 for what fits the interface
	Group     netip.Addr // multicast; the zero value for 224.0.0.81
	Port      uint16     // 0 for 8848
	TTL       uint8      // 0 for 1
}

// String implements fmt.Stringer: "sync master on eth0".
func (d SyncDaemon) String() string { return fmt.Sprintf("sync %s on %s", d.Role, d.Interface) }

// withDefaults names what the kernel takes for what is not given, but for the length,
// which depends on the interface.
func (d SyncDaemon) withDefaults() SyncDaemon {
	if !d.Group.IsValid() {
		d.Group = netip.AddrFrom4([4]byte{224, 0, 0, 81})
	}
	if d.Port == 0 {
		d.Port = 8848
	}
	if d.TTL == 0 {
		d.TTL = 1
	}
	return d
}

// backupMinLen is what the kernel makes of any smaller length of a backup.
const backupMinLen = 1024

// Serves says whether the running daemon d is what is wanted. Any length will do if none
// is: one that was given before stays until d is started for another reason.
func (d SyncDaemon) Serves(want SyncDaemon) bool {
	want = want.withDefaults()
	switch {
	case want.MaxLen == 0:
		want.MaxLen = d.MaxLen
	case want.Role == SyncBackup:
		want.MaxLen = max(want.MaxLen, backupMinLen)
	}
	return d == want
}

// planSync returns which of the running daemons are to be stopped, and which are then to
// be started.
func planSync(have, want []SyncDaemon) (stop, start []SyncDaemon) {
	for _, d := range have {
		if !anyServes([]SyncDaemon{d}, want) {
			stop = append(stop, d)
		}
	}
	for _, w := range want {
		if !anyServes(have, []SyncDaemon{w}) {
			start = append(start, w)
		}
	}
	return stop, start
}

// anyServes says whether one of have is what one of want is to be.
func anyServes(have, want []SyncDaemon) bool {
	for _, d := range have {
		for _, w := range want {
			if d.Serves(w) {
				return true
			}
		}
	}
	return false
}
