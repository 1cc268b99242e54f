package checker

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// maxCommand is how many bytes of a command line count.
	maxCommand = 32 << 10

	flagExiting = 0x00000004 // PF_EXITING of the kernel
	flagKernel  = 0x00200000 // PF_KTHREAD
)

// process is what /proc tells of a process.
type process struct {
	pid     int
	comm    string // at most 15 bytes
	state   byte
	flags   uint64
	threads int
	command string // its arguments, with spaces between; of a zombie none
	base    string // base name of the first one
	bare    bool   // its environment is known to be empty
}

// alive tells whether it runs, or could: a kernel thread is no process of anybody, and a
// zombie is none anymore, unless only its first thread has ended.
func (p process) alive() bool {
	zombie := p.state == 'Z' || p.state == 'X'
	return p.flags&flagKernel == 0 && (!zombie || p.threads > 1)
}

func (p process) exiting() bool { return p.flags&flagExiting != 0 }

// named tells whether it has a name: its own, or that of its program, which is longer.
func (p process) named(name string) bool { return p.comm == name || p.base == name }

// procReader reads of processes, one after the other.
type procReader struct{ buffer []byte }

// readProcess reads what there is to know of one process.
func readProcess(pid int) (process, error) { return new(procReader).process(pid) }

func (r *procReader) process(pid int) (process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := r.read(dir + "/stat")
	if err != nil {
		return process{}, err
	}
	p, err := parseStat(stat)
	if err != nil || !p.alive() {
		return p, err
	}
	arguments, err := r.read(dir + "/cmdline")
	if err != nil && !errors.Is(err, unix.EACCES) {
		return process{}, err
	}
	p.setArguments(arguments)
	return p, nil
}

// read returns the begin of a file, until the next read. It costs less than package os,
// which asks whether the file can be polled.
func (r *procReader) read(name string) ([]byte, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	defer func() { _ = unix.Close(fd) }()
	for size := max(len(r.buffer), 2<<10); ; size *= 2 {
		r.buffer = slices.Grow(r.buffer[:0], size)[:size]
		n, err := readAtBegin(fd, r.buffer)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if n < size || size >= maxCommand {
			return r.buffer[:n], nil
		}
	}
}

// readAtBegin reads all of a file in /proc that has a place in b: those come in one piece.
func readAtBegin(fd int, b []byte) (int, error) {
	for {
		if n, err := unix.Pread(fd, b, 0); err != unix.EINTR {
			return n, err
		}
	}
}

// names reads only what a process is called and its command line, which costs half as much.
func (r *procReader) names(pid int) (process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	comm, err := r.read(dir + "/comm")
	if err != nil {
		return process{}, err
	}
	p := process{pid: pid, comm: string(bytes.TrimSuffix(comm, []byte{'\n'}))}
	arguments, err := r.read(dir + "/cmdline")
	if err == nil {
		p.setArguments(arguments)
	}
	return p, nil
}

// setArguments takes what /proc/PID/cmdline has: a NUL after each argument, unless the
// program has written something else there.
func (p *process) setArguments(text []byte) {
	text = bytes.TrimRight(text, "\x00")
	first, _, _ := bytes.Cut(text, []byte{0})
	if len(first) > 0 {
		p.base = path.Base(string(first))
	}
	p.command = string(bytes.ReplaceAll(text, []byte{0}, []byte{' '}))
}

// parseStat reads /proc/PID/stat. The name is in parentheses and may have some in it.
func parseStat(text []byte) (process, error) {
	before, rest, opened := strings.Cut(string(text), " (")
	end := strings.LastIndex(rest, ") ")
	if !opened || end < 0 {
		return process{}, fmt.Errorf("parse stat %q: no name in parentheses", text)
	}
	p := process{comm: rest[:end]}
	fields := strings.Fields(rest[end+2:]) // from the third one, the state
	if len(fields) < 18 || len(fields[0]) != 1 {
		return process{}, fmt.Errorf("parse stat %q: %d fields after the name", text, len(fields))
	}
	var errs [3]error
	p.state = fields[0][0]
	p.pid, errs[0] = strconv.Atoi(before)
	p.flags, errs[1] = strconv.ParseUint(fields[6], 10, 64)
	p.threads, errs[2] = strconv.Atoi(fields[17])
	if err := errors.Join(errs[:]...); err != nil {
		return process{}, fmt.Errorf("parse stat %q: %w", text, err)
	}
	p.bare = len(fields) > 48 && fields[47] == fields[48] && fields[48] != "0" // where it begins and ends
	return p, nil
}

// hidesOthers tells whether /proc shows this process nothing of those of other users: by its
// mount option hidepid, or ProtectProc of the unit. There always is a process 1.
func hidesOthers() bool {
	_, err := readProcess(1)
	return err != nil
}
