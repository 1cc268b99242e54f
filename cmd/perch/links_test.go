package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	mdLink    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	mdHeading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	mdCode    = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	inCode    = regexp.MustCompile("`[^`\n]*`")
	notAnchor = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// Every link of README.md, CHANGELOG.md and docs/ to a file of this repository leads there, and
// to the heading that it names. Every page of docs/ is linked from README.md.
func TestLinks(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range append(files, "../../README.md", "../../CHANGELOG.md") {
		for _, link := range linksIn(t, file) {
			found++
			if err := follow(t, file, link); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if found < 200 {
		t.Errorf("only %d links found", found)
	}
	fromReadme := linksIn(t, "../../README.md")
	for _, file := range files {
		if page := "docs/" + filepath.Base(file); !slices.Contains(fromReadme, page) {
			t.Errorf("README.md does not link to %s", page)
		}
	}
}

// A link that leads nowhere is found, be it the file, the heading or both that are missing.
func TestLinksLeadSomewhere(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "page.md")
	text := "# A page, `perch` & more\n## Twice\n## Twice\n```sh\n# not a heading\n[not](a-link.md)\n```\n`[nor](this)`\n[a](b.md) [c](#d)\n"
	if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if links := linksIn(t, page); !slices.Equal(links, []string{"b.md", "#d"}) {
		t.Errorf("links: %q", links)
	}
	for link, good := range map[string]bool{
		"page.md": true, "#a-page-perch--more": true, "page.md#twice": true, "#twice-1": true, "https://example.com/": true,
		"b.md": false, "#d": false, "page.md#twice-2": false, "#not-a-heading": false, ".#twice": false,
	} {
		if err := follow(t, page, link); (err == nil) != good {
			t.Errorf("%s: %v", link, err)
		}
	}
}

// linksIn returns what a page links to, outside of its code.
func linksIn(t *testing.T, file string) (links []string) {
	t.Helper()
	text := inCode.ReplaceAllString(mdCode.ReplaceAllString(readPage(t, file), ""), "")
	for _, match := range mdLink.FindAllStringSubmatch(text, -1) {
		links = append(links, match[1])
	}
	return links
}

// follow looks whether what a link of a page leads to is there. Other sites are not asked.
func follow(t *testing.T, page, link string) error {
	t.Helper()
	if strings.Contains(link, "://") {
		return nil
	}
	path, anchor, hasAnchor := strings.Cut(link, "#")
	target := page
	if path != "" {
		target = filepath.Join(filepath.Dir(page), path)
	}
	if _, err := os.Stat(target); err != nil {
		return err
	}
	if !hasAnchor {
		return nil
	}
	if filepath.Ext(target) != ".md" || !slices.Contains(anchorsOf(readPage(t, target)), anchor) {
		return fmt.Errorf("%s: no such heading", link)
	}
	return nil
}

// anchorsOf returns the names that a forge gives to the headings of a page: in lower case,
// without punctuation, with "-" for spaces, and numbered from the second of the same name on.
func anchorsOf(text string) (anchors []string) {
	times := map[string]int{}
	for _, match := range mdHeading.FindAllStringSubmatch(mdCode.ReplaceAllString(text, ""), -1) {
		name := mdLink.ReplaceAllString(match[1], "]")
		name = strings.ReplaceAll(notAnchor.ReplaceAllString(strings.ToLower(name), ""), " ", "-")
		if n := times[name]; n > 0 {
			anchors = append(anchors, fmt.Sprintf("%s-%d", name, n))
		} else {
			anchors = append(anchors, name)
		}
		times[name]++
	}
	return anchors
}

func readPage(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
