package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every make target that a page has is one.
func TestMakeTargetsInTheDocs(t *testing.T) {
	makefile, found := readPage(t, "../../Makefile"), 0
	named := regexp.MustCompile("(?m)(?:`|^    (?:sudo )?)make ([a-z][a-z-]*)")
	for _, file := range append(pages(t), "../../CHANGELOG.md") {
		for _, match := range named.FindAllStringSubmatch(readPage(t, file), -1) {
			found++
			if !strings.Contains(makefile, "\n"+match[1]+":") {
				t.Errorf("%s: there is no make %s", file, match[1])
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d targets found", found)
	}
}

// packaged is where the files of a package come from that pages name.
var packaged = strings.NewReplacer(
	"/usr/share/perch/perch.service.d-examples", "../../deploy/systemd/perch.service.d-examples",
	"/usr/share/perch/chrony.service.d-examples", "../../deploy/systemd/chrony.service.d-examples",
	"/usr/share/doc/perch", "../..",
	"/usr/share/perch", "../../deploy",
)

// Every file of a package that a page names is there. That a package has them, the golden files
// of its contents say.
func TestPackagedFilesInTheDocs(t *testing.T) {
	found := 0
	for _, file := range pages(t) {
		for _, path := range regexp.MustCompile(`/usr/share/(?:doc/)?perch[\w./-]*`).FindAllString(readPage(t, file), -1) {
			found++
			if _, err := os.Stat(packaged.Replace(strings.TrimRight(path, "."))); err != nil {
				t.Errorf("%s: %s: %v", file, path, err)
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d files found", found)
	}
}

// docs/install.md has each drop-in of the unit, with what it exposes by itself.
func TestDocsKnowTheDropIns(t *testing.T) {
	page := readPage(t, "../../docs/install.md")
	files, err := filepath.Glob("../../deploy/systemd/perch.service.d-examples/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	exposed, rows := regexp.MustCompile(`(?m)^# Exposure: ([0-9.]+) \(without drop-ins ([0-9.]+)\)$`), map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+\\.conf)` \\|.*\\| ([0-9.]+) \\|$").FindAllStringSubmatch(page, -1) {
		rows[row[1]] = row[2]
	}
	for _, file := range files {
		name, match := filepath.Base(file), exposed.FindStringSubmatch(readPage(t, file))
		if match == nil || rows[name] != match[1] || !strings.Contains(page, "calls its exposure "+match[2]+".") {
			t.Errorf("%s exposes %q, and docs/install.md says %q", name, match, rows[name])
		}
		delete(rows, name)
	}
	if len(rows) > 0 {
		t.Errorf("docs/install.md has drop-ins that are not there: %v", rows)
	}
}

// What docs/install.md says of the unit's times is what the unit has.
func TestDocsKnowTheTimesOfTheUnit(t *testing.T) {
	page, unit := strings.Join(strings.Fields(readPage(t, "../../docs/install.md")), " "), readPage(t, "../../deploy/systemd/perch.service")
	for key, said := range map[string]string{
		"WatchdogSec=5s":    "is ended** after 5 s by systemd's watchdog",
		"RestartSec=1s":     "it is started again** a second later",
		"TimeoutStopSec=90": "The limit is 90 s",
		"User=perch":        "perch runs as the user `perch`",
		"AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_BPF\n": "with `CAP_NET_ADMIN`, `CAP_NET_RAW` and `CAP_BPF`",
	} {
		if !strings.Contains(unit, "\n"+key) || !strings.Contains(page, said) {
			t.Errorf("the unit has no %q, or docs/install.md does not say %q", key, said)
		}
	}
}

// What docs/operations.md has perch status say where nobody owns the VIPs is in the code.
func TestDocsKnowWhatNobodySays(t *testing.T) {
	_, table, _ := strings.Cut(readPage(t, "../../docs/operations.md"), "\n## Nobody owns the VIPs\n")
	table, _, _ = strings.Cut(table, "\n## ")
	sources, found := sourceText(t), 0
	for _, row := range regexp.MustCompile(`(?m)^\| (.*?) \|`).FindAllStringSubmatch(table, -1) {
		for _, said := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			found++
			text, _, _ := strings.Cut(said[1], " = ") // a key of the config
			for _, part := range strings.Split(text, "lb2, lb3") {
				if part = strings.TrimRight(part, " ."); !strings.Contains(sources, part) {
					t.Errorf("docs/operations.md: perch never says %q", part)
				}
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d found", found)
	}
}

// sourceText is that of the code of perch status.
func sourceText(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range []string{"../../cluster/*.go", "../internal/daemon/*.go", "../internal/api/*.go", "../internal/config/keys.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				all.WriteString(strings.ReplaceAll(readPage(t, file), `\"`, `"`))
			}
		}
	}
	return all.String()
}
