package doctor

import (
	"fmt"
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Disk is where this node keeps its votes and its log.
type Disk struct {
	Known    bool
	Dir      string // data_dir, or the folder above it that is there
	Absent   bool   // data_dir is not there yet
	System   string // the file system: "ext4", "nfs", ...; "" for one of no account here
	ReadOnly bool
	Free     uint64 // bytes, for who is not root
	Inodes   uint64 // free; ^0 where there is no such number
	Syncs    []time.Duration
	Failed   string // why no write was tried, or failed
	Stall    Stall  // that the daemon has seen
}

// Stall is what the daemon knows of writes that took long.
type Stall struct {
	Count   uint64
	Longest time.Duration
	Ago     time.Duration // since the last one
}

const (
	scarceBytes  = 64 << 20
	scarceInodes = 256
	// electionSyncs is how often a node waits for its disk in one election.
	electionSyncs = 8
	// lately is for how long a stall is worth a word.
	lately = 24 * time.Hour
)

// disk finds what keeps a node of a cluster from writing in time, or from remembering.
func disk(c *config.Config, f Facts) (all []Finding) {
	if c.Cluster == nil || !f.Disk.Known {
		return nil
	}
	return slices.Concat(f.Disk.place(), f.Disk.room(), f.Disk.speed(c.Cluster.Heartbeat, f), f.Disk.stalls(c.Cluster.Heartbeat))
}

// place is about the kind of file system.
func (d Disk) place() []Finding {
	show := "findmnt -T " + quoted(d.Dir)
	switch d.System {
	case "tmpfs", "ramfs":
		return []Finding{{
			Warning, d.Dir, "is in memory (" + d.System + "): this node forgets its votes when it reboots, and waits to be admitted again; two such nodes of three lose the cluster", show,
		}}
	case "overlay":
		return []Finding{{
			Warning, d.Dir, "is in the layer of a container (overlay): this node forgets its votes with the container; have data_dir on a volume", show,
		}}
	case "nfs", "cifs", "smb2", "fuse", "ceph", "9p":
		return []Finding{{
			Warning, d.Dir, "is on another machine, or in a program (" + d.System + "): when that hangs this node hangs, and takes no part in the cluster", show,
		}}
	}
	return nil
}

func (d Disk) room() (all []Finding) {
	if d.ReadOnly {
		return []Finding{{Error, d.Dir, "is on a file system that is read-only: this node cannot vote", "findmnt -T " + quoted(d.Dir)}}
	}
	if d.Free < scarceBytes {
		severity := Warning
		if d.Free == 0 {
			severity = Error
		}
		all = append(all, Finding{severity, d.Dir, fmt.Sprintf("has %d MiB left: a node whose disk is full cannot vote", d.Free>>20), "df -h " + quoted(d.Dir)})
	}
	if d.Inodes < scarceInodes {
		all = append(all, Finding{Warning, d.Dir, fmt.Sprintf("has room for %d more files: a node that cannot make one cannot vote", d.Inodes), "df -i " + quoted(d.Dir)})
	}
	return all
}

// speed compares what a write takes with the heartbeat.
func (d Disk) speed(heartbeat time.Duration, f Facts) []Finding {
	if d.Failed != "" {
		return []Finding{{Hint, d.Dir, "was not written to, to see how long that takes: " + d.Failed, f.again()}}
	}
	if len(d.Syncs) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(d.Syncs))
	median, worst := sorted[len(sorted)/2], sorted[len(sorted)-1]
	switch {
	case electionSyncs*median > heartbeat:
		return []Finding{{
			Warning, d.Dir, fmt.Sprintf("takes %s to write something for good, and an election waits for %d such writes: with a heartbeat of %s each takes longer than that",
				brief(median), electionSyncs, heartbeat),
			f.edit(`failover = "wan" in [cluster], on all nodes; or have data_dir on a faster disk`),
		}}
	case worst > heartbeat:
		return []Finding{{
			Warning, d.Dir, fmt.Sprintf("took %s to write something for good, once in %d times: that is longer than the heartbeat of %s", brief(worst), len(sorted), heartbeat),
			"iostat -x 1",
		}}
	}
	return nil
}

// stalls is about what the daemon has met.
func (d Disk) stalls(heartbeat time.Duration) []Finding {
	if d.Stall.Count == 0 || d.Stall.Ago > lately {
		return nil
	}
	return []Finding{{
		Warning, d.Dir, fmt.Sprintf("has kept the daemon waiting for longer than its heartbeat of %s, %d times: the last time %s ago, the longest for %s",
			heartbeat, d.Stall.Count, d.Stall.Ago.Round(time.Second), brief(d.Stall.Longest)),
		"dmesg | grep -i -e ext4 -e xfs -e nvme -e 'blocked for more than'",
	}}
}

// brief has as many digits as matter.
func brief(d time.Duration) time.Duration {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond)
	case d < time.Second:
		return d.Round(100 * time.Microsecond)
	default:
		return d.Round(10 * time.Millisecond)
	}
}
