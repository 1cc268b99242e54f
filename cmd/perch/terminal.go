package main

import (
	"cmp"
	"io"
	"os"
	"strings"
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

// readable returns text as out can show it: a terminal whose locale has no UTF-8, such as a serial
// console with LANG=C, gets other characters of the same width. Files and programs get it as it is.
func readable(out io.Writer, text string) string {
	if _, ok := terminalSize(out); !ok {
		return text
	}
	locale := strings.ToLower(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG")))
	if strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8") {
		return text
	}
	return strings.NewReplacer("→", ">", "≤", "<", "≈", "~", "…", "~", "µ", "u").Replace(text)
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
