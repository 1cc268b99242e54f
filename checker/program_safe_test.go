package checker

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// waysToRun are all in which a program is run, or looked at before.
func waysToRun() map[string]func(*Program) error {
	limited := func(run func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(context.Background(), enough)
		defer cancel()
		return run(ctx)
	}
	return map[string]func(*Program) error{
		"Run": func(p *Program) error {
			return limited(func(ctx context.Context) error { return p.Run(ctx, nil, nil) })
		},
		"Keep": func(p *Program) error {
			return limited(func(ctx context.Context) error { return p.Keep(ctx, time.Second, nil) })
		},
		"Ask": func(p *Program) error {
			return limited(func(ctx context.Context) error { return p.Ask(ctx, time.Second, nil, nil) })
		},
		"Vet": (*Program).Vet,
	}
}

// In no way does root run what others could change: the file, a folder or a link on the way to it,
// or its interpreter. It is looked at each time: all was well when the program was made, and
// when it was run before.
func TestProgramThatOthersCanChangeIsNotRunByRoot(t *testing.T) {
	for name, spoil := range map[string]func(*tree) error{
		"file of all":          func(w *tree) error { return os.Chmod(w.script, 0o757) },
		"file of a group":      func(w *tree) error { return os.Chmod(w.script, 0o775) },
		"file of another":      func(w *tree) error { return os.Chown(w.script, 12345, 0) },
		"folder of all":        func(w *tree) error { return os.Chmod(w.folder, 0o757) },
		"folder of another":    func(w *tree) error { return os.Chown(w.folder, 12345, 0) },
		"folder further up":    func(w *tree) error { return os.Chmod(filepath.Dir(w.folder), 0o777) },
		"link of another":      func(w *tree) error { return os.Lchown(w.link, 12345, 0) },
		"link to another file": func(w *tree) error { return relink(w.link, theirs(w)) },
		"their interpreter":    func(w *tree) error { return os.WriteFile(w.script, []byte("#!"+theirs(w)+"\n"), 0o755) },
	} {
		for way, run := range waysToRun() {
			t.Run(name+" by "+way, func(t *testing.T) {
				w := newTree(t)
				p, err := NewProgram([]string{w.link}, "")
				must(t, err, run(p), spoil(w))
				if err := run(p); err == nil || !strings.HasSuffix(err.Error(), ": refused because it would run as root") {
					t.Errorf("it is not refused: %v", err)
				}
				if _, err := os.Stat(filepath.Join(w.folder, "ran")); err == nil {
					t.Error("their file was run")
				}
			})
		}
	}
}

// theirs returns a program of somebody else, who has it tell when it is run.
func theirs(w *tree) string {
	path := filepath.Join(w.folder, "theirs")
	must(w.t, os.WriteFile(path, []byte("#!/bin/sh\ntouch "+w.folder+"/ran\n"), 0o755), os.Chown(path, 12345, 0))
	return path
}

// relink has a link lead elsewhere, in one step.
func relink(link, to string) error {
	if err := os.Symlink(to, link+".new"); err != nil {
		return err
	}
	return os.Rename(link+".new", link)
}

// What others could change is not root's to run, and another user's is its own affair.
func TestProgramOfAnotherUserIsItsOwnAffair(t *testing.T) {
	needRoot(t)
	p, err := NewProgram([]string{shell(t, "exit 0")}, "nobody")
	must(t, err, os.Chmod(p.script.argv[0], 0o777), p.Vet())
}

// Who is asked to end has its variables, and is asked when its time is over.
func TestProgramThatIsAsked(t *testing.T) {
	script := shell(t, `trap 'echo "$1 $NAME" >$0.out; exit 7' TERM; while :; do sleep 0.01; done`)
	p, err := NewProgram([]string{script}, "")
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	leavesNothing(t, func() {
		err = p.Ask(ctx, enough, []string{"owner"}, []string{"NAME=edge"})
	})
	if err == nil || !strings.HasPrefix(err.Error(), "no end within ") {
		t.Errorf("%v", err)
	}
	if text, _ := os.ReadFile(script + ".out"); string(text) != "owner edge\n" {
		t.Errorf("it was told %q", text)
	}
}
