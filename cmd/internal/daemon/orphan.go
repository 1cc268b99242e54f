package daemon

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// In a container perch may be process 1. What a script leaves running becomes its child, and
// stays in the table of processes after its end until perch waits for it. Nothing tells such
// a child from one that perch has started and whose end somebody is about to hear of; but
// that takes moments. So who has ended some looks ago is an orphan.

// Looks of an orphanage.
const (
	orphanEvery = 2 * time.Second
	orphanLooks = 3
)

// orphanage knows for how many looks in a row each child has been dead.
type orphanage map[int]int

// look takes the dead children, and returns those that are orphans.
func (o orphanage) look(dead []int) (orphans []int) {
	before := map[int]int{}
	for child, looks := range o {
		before[child] = looks
	}
	clear(o)
	for _, child := range dead {
		o[child] = before[child] + 1
		if o[child] >= orphanLooks {
			orphans = append(orphans, child)
		}
	}
	return orphans
}

// reapOrphans waits for dead orphans until ctx ends.
func reapOrphans(ctx context.Context, every time.Duration) error {
	o := orphanage{}
	for ctx.Err() == nil {
		for _, child := range o.look(deadChildren()) {
			_, _ = unix.Wait4(child, nil, unix.WNOHANG, nil) // it is gone if somebody heard of it after all
		}
		pause(ctx, every)
	}
	return nil
}

// deadChildren returns the process IDs of the children that have ended and were not waited
// for. They stay as they are.
func deadChildren() (dead []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // it errs on a bad pattern alone
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil { // it is gone
			continue
		}
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && isDeadChild(text, os.Getpid()) {
			dead = append(dead, child)
		}
	}
	return dead
}

// isDeadChild tells whether what /proc says of a process is that it has ended and is a child
// of parent. Its name, which is in brackets, may be anything.
func isDeadChild(stat []byte, parent int) bool {
	behind := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[behind+1:])
	return behind > 0 && len(fields) > 1 && string(fields[0]) == "Z" && string(fields[1]) == strconv.Itoa(parent)
}
