package main

import (
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// view is what a drawn text depends on besides its subject.
type view struct {
	now   time.Time // ages count back from it, and times are shown in its zone
	width int       // in columns; 0 is no limit
	paint paint
}

// viewOf returns how to draw on out.
func viewOf(out io.Writer, now time.Time) view {
	v := view{now: now, paint: noColour}
	if wantsColour(out) {
		v.paint = ansiColour
	}
	return v
}

// wantsColour tells whether out is a terminal, and neither NO_COLOR (no-color.org)
// nor TERM=dumb speak against colour.
func wantsColour(out io.Writer) bool {
	_, ok := terminalSize(out)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// size of a terminal; 0 where it is not known.
type size struct{ columns, rows int }

// terminalSize returns false if out is no terminal.
func terminalSize(out io.Writer) (size, bool) {
	file, ok := out.(*os.File)
	if !ok {
		return size{}, false
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return size{}, false
	}
	var ws *unix.Winsize
	// Unlike file.Fd, Control leaves the file in its mode.
	cerr := conn.Control(func(fd uintptr) { ws, err = unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ) })
	if cerr != nil || err != nil {
		return size{}, false
	}
	return size{columns: int(ws.Col), rows: int(ws.Row)}, true
}
