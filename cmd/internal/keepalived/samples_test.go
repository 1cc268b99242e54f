package keepalived

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sample is a word of keepalived.conf, or what has it in it, with a value that should count.
type sample struct {
	block string   // where it stands, as base.conf calls it
	with  []string // what stands there, too
	lines []string
}

// vocabulary is the kind of block that the sample stands in.
func (s sample) vocabulary() string {
	kind, _, _ := strings.Cut(s.block, " ")
	return kind
}

// name is the kind of block and the word.
func (s sample) name() string {
	keyword, _, _ := strings.Cut(s.lines[0], " ")
	return s.vocabulary() + " " + keyword
}

func (s sample) String() string {
	return strings.Join(append([]string{s.block + ": " + s.lines[0]}, s.with...), " with ")
}

// readSamples returns those of testdata/words/samples.txt.
func readSamples(t *testing.T) (samples []sample) {
	t.Helper()
	text, err := os.ReadFile("testdata/words/samples.txt")
	if err != nil {
		t.Fatal(err)
	}
	header := regexp.MustCompile(`^\[(.+?)(?: with (.+))?\]$`)
	for section := range strings.SplitSeq(string(text), "\n\n") {
		lines := strings.Split(strings.TrimSpace(section), "\n")
		parts := header.FindStringSubmatch(lines[0])
		if parts == nil {
			continue
		}
		for block := range strings.SplitSeq(parts[1], ", ") {
			s := sample{block: block}
			if parts[2] != "" {
				s.with = strings.Split(parts[2], "; ")
			}
			samples = append(samples, s.each(lines[1:])...)
		}
	}
	return samples
}

// each returns a sample like s for each statement.
func (s sample) each(lines []string) (list []sample) {
	for _, line := range lines {
		if strings.HasPrefix(line, " ") || line == "}" {
			last := &list[len(list)-1]
			last.lines = append(last.lines, line)
			continue
		}
		s.lines = []string{line}
		list = append(list, s)
	}
	return list
}

// base is the text around samples.
type base []string

func readBase(t *testing.T) base {
	t.Helper()
	text, err := os.ReadFile("testdata/words/base.conf")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// put returns the file with lines in the place of a sample, and the first line there.
func (b base) put(s sample, lines []string) (text string, at int) {
	var out []string
	for _, line := range b {
		switch marker, ok := strings.CutPrefix(strings.TrimSpace(line), "@"); {
		case !ok:
			out = append(out, line)
		case marker == s.block:
			out = append(out, s.with...)
			at = len(out) + 1
			out = append(out, lines...)
		}
	}
	return strings.Join(out, "\n"), at
}

// vocabularies returns the keywords of all kinds of blocks.
func vocabularies(t *testing.T) map[string][]string {
	checkers, lines := checkerWords(), inventory(t, "keepalived-vrrp.txt")
	all := map[string][]string{
		"root":               keywords(rootWords()),
		"global_defs":        keywords(globalWords()),
		"garp_group":         keywords(pacingWords()),
		"vrrp_script":        keywords(scriptWords()),
		"track_file":         keywords(fileWords()),
		"vrrp_track_process": keywords(processWords()),
		"bfd_instance":       keywords(bfdWords()),
		"vrrp_sync_group":    keywords(groupWords()),
		"vrrp_instance":      keywords(instanceWords()),
		"authentication":     keywords(authenticationWords()),
		"auth_hmac":          keywords(hmacWords()),
		"SSL":                keywords(clientTLSWords()),
		"virtual_server":     keywords(virtualServerWords()),
		"real_server":        keywords(realServerWords()),
		"url":                keywords(urlWords()),
		"host":               keywords(hostWords()),
	}
	for kind, words := range checkers {
		all[kind] = keywords(words)
	}
	for _, block := range []string{"unicast_peer", "virtual_ipaddress", "virtual_routes", "virtual_rules"} {
		all[block] = slices.DeleteFunc(lines[block], func(word string) bool { return word == "address" })
	}
	return all
}
