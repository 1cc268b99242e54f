package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// defaultKeepalivedConf is what keepalived reads when no file is named.
const defaultKeepalivedConf = "/etc/keepalived/keepalived.conf"

// refuseIncumbent is an error while a keepalived of this network namespace runs the
// keepalived.conf at path. The two would take the addresses from each other, and adverts
// of the one keep every other node from taking them over. What may not be seen of a
// process counts as nothing. Proc is where the kernel shows the processes.
func refuseIncumbent(proc, path string) error {
	conf, err := os.Stat(path)
	if err != nil {
		return nil // whoever reads it says so
	}
	names, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "comm"))
	for _, name := range names {
		process := filepath.Dir(name)
		if isKeepalived(process) && sameFile(filepath.Join(process, "ns/net"), filepath.Join(proc, "thread-self/ns/net")) && runs(process, conf) {
			return fmt.Errorf("%s is what keepalived runs, process %s: stop it first, or both fight for the addresses", path, filepath.Base(process))
		}
	}
	return nil
}

func isKeepalived(process string) bool {
	comm, err := os.ReadFile(filepath.Join(process, "comm"))
	return err == nil && strings.TrimSpace(string(comm)) == "keepalived"
}

// runs tells whether the config of a keepalived is conf.
func runs(process string, conf os.FileInfo) bool {
	line, err := os.ReadFile(filepath.Join(process, "cmdline"))
	if err != nil {
		return false
	}
	path := useFile(strings.Split(string(line), "\x00"))
	root := "cwd"
	if filepath.IsAbs(path) {
		root = "root"
	}
	its, err := os.Stat(filepath.Join(process, root, path))
	return err == nil && os.SameFile(its, conf)
}

// useFile returns which config a command line of keepalived names.
func useFile(argv []string) string {
	for i, arg := range argv {
		if path, ok := strings.CutPrefix(arg, "--use-file="); ok {
			return path
		}
		if (arg == "-f" || arg == "--use-file") && i+1 < len(argv) {
			return argv[i+1]
		}
		if path, ok := strings.CutPrefix(arg, "-f"); ok {
			return path
		}
	}
	return defaultKeepalivedConf
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
