package checker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	maxLinks       = 40  // on one path, as in the kernel
	maxInterpreter = 256 // bytes of a #! line, as in the kernel
	maxNested      = 5   // interpreters that are scripts themselves, as in the kernel
)

// onlyRootWrites is an error if somebody but root could change what a program is: its
// file, that of the interpreter that it names, or a folder or link on the way to them.
func onlyRootWrites(path string) error {
	if err := onlyRootLeadsTo(path); err != nil {
		return err
	}
	interpreter := interpreterOf(path)
	if !filepath.IsAbs(interpreter) {
		return nil
	}
	if err := onlyRootLeadsTo(interpreter); err != nil {
		return fmt.Errorf("%s: interpreter %w", path, err)
	}
	return nil
}

// onlyRootLeadsTo goes down a path name by name. Once a folder is found well nobody but
// root can put another thing in the place of what is in it, so what is found stays true
// until the program is started.
func onlyRootLeadsTo(path string) error {
	at, ahead := "/", namesOn(path)
	for links := 0; links <= maxLinks; {
		info, err := os.Lstat(at)
		if err != nil {
			return noFile(path, err)
		}
		if err := onlyRootChanges(at, info); err != nil {
			return err
		}
		if info.Mode()&os.ModeSymlink != 0 {
			links++
			if at, ahead, err = followLink(at, ahead); err != nil {
				return err
			}
			continue
		}
		if len(ahead) == 0 {
			return nil
		}
		at, ahead = filepath.Join(at, ahead[0]), ahead[1:]
	}
	return fmt.Errorf("%s: too many symbolic links", path)
}

func noFile(path string, err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("%s: no such file", printable(path))
	}
	return err
}

// followLink returns where a symbolic link leads to, and which names come then.
func followLink(link string, ahead []string) (string, []string, error) {
	to, err := os.Readlink(link)
	if err != nil {
		return "", nil, err
	}
	from := filepath.Dir(link)
	if filepath.IsAbs(to) {
		from = "/"
	}
	return from, append(namesOn(to), ahead...), nil
}

func namesOn(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(name string) bool { return name == "" })
}

// LooseError says that root runs no program to which Path leads, since others can change it.
type LooseError struct {
	Path string // what is to be mended: the program, its interpreter, or a folder or link on the way
	Why  string
}

func (e *LooseError) Error() string {
	return e.Path + " " + e.Why + ": refused because it would run as root"
}

// onlyRootChanges is about one name on a path. What belongs to root is safe in a folder
// with the sticky bit, whoever else may write there.
func onlyRootChanges(path string, info os.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Uid != 0 {
		return &LooseError{path, "does not belong to root"}
	}
	mode := info.Mode()
	link, sticky := mode&os.ModeSymlink != 0, mode.IsDir() && mode&os.ModeSticky != 0
	if mode.Perm()&0o022 != 0 && !link && !sticky {
		return &LooseError{path, fmt.Sprintf("is writable by others (mode %04o)", mode.Perm())}
	}
	return nil
}

// interpreterOf returns what a script has in its #! line, or "".
func interpreterOf(path string) string {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	head := make([]byte, maxInterpreter)
	n, _ := file.ReadAt(head, 0) // fails at once for what cannot seek
	line, _, _ := strings.Cut(string(head[:n]), "\n")
	line, is := strings.CutPrefix(line, "#!")
	blank := func(r rune) bool { return r == ' ' || r == '\t' }
	if fields := strings.FieldsFunc(line, blank); is && len(fields) > 0 {
		return fields[0]
	}
	return ""
}

// readAhead reads what an exec of a program would read first, its interpreters included. A
// file system that hangs keeps this waiting, and not the exec.
func readAhead(path string) {
	for range maxNested + 1 {
		if path = interpreterOf(path); path == "" {
			return
		}
	}
}
