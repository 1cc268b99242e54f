package keepalived

import (
	"strings"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// discreet takes passwords and keys out of comments, such as those of lines that were
// commented out: they go into a file that others may read.
func (im *importer) discreet(comments []string) []string {
	var list []string
	for _, text := range comments {
		text = withoutPassword(withoutKey(text))
		for _, word := range strings.Fields(text) {
			if word = strings.Trim(word, `"'.,;:()`); im.private[word] {
				text = strings.ReplaceAll(text, word, "...")
			}
		}
		list = append(list, text)
	}
	return list
}

// keep remembers a secret that no comment may tell. One of a few letters may be any word.
func (im *importer) keep(secret string) {
	if len(secret) >= 4 {
		im.private[secret] = true
	}
}

// withoutPassword cuts a comment behind what announces a password.
func withoutPassword(text string) string {
	if name, _, defines := strings.Cut(text, "="); defines && strings.HasPrefix(name, "$") && syntax.ForSecret(name) {
		return name + "=..."
	}
	lower := strings.Map(lowerASCII, text)
	for _, word := range []string{"auth_pass", "auth pass", "password", "passphrase", "passwd"} {
		at := strings.Index(lower, word)
		if at < 0 {
			continue
		}
		if end := at + len(word); word == "auth_pass" || strings.TrimSpace(text[end:]) != "" {
			text = text[:end] + " ..."
		}
		return text
	}
	return text
}

// lowerASCII leaves other letters alone, so that the text keeps its length.
func lowerASCII(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// withoutKey cuts a comment before the value of a key of auth_hmac.
func withoutKey(text string) string {
	words := strings.Fields(text)
	for i := 0; i+2 < len(words); i++ {
		if words[i] == "key" && len(words[i+2]) >= shortestKey {
			return strings.Join(words[:i+2], " ") + " ..."
		}
	}
	return text
}
