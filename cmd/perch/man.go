//go:build man

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/perch-vip/perch/cmd/internal/man"
)

// main writes the manual pages into a folder: go run -tags man ./cmd/perch FOLDER CONFIG.MD VERSION.
func main() {
	if err := writePages(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func writePages(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("want a folder, docs/config.md and the version, not %q", args)
	}
	reference, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	root := newRootCommand()
	markCompletion(root)
	pages := man.Pages(root, args[2])
	pages["perch.toml.5"] = man.Config(string(reference), args[2])
	if err := os.MkdirAll(args[0], 0o755); err != nil {
		return err
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
