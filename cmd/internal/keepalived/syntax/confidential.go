package syntax

import "strings"

// confidential reports whether a line says a secret, of which no message may tell anything: a
// password, a key, or a variable that is called so.
func confidential(text string) bool {
	if strings.Contains(text, "auth_pass") {
		return true
	}
	if name, _, ok := definition(text); ok {
		return ForSecret(name)
	}
	switch firstWord(text) {
	case "key", "password":
		return true
	}
	return false
}

// ForSecret reports whether a variable is called like one that stands for a secret.
func ForSecret(name string) bool {
	for _, part := range []string{"pass", "pw", "secret", "key"} {
		if strings.Contains(strings.ToLower(name), part) {
			return true
		}
	}
	return false
}

// firstWord is the keyword of a line.
func firstWord(text string) string {
	if n := strings.IndexAny(text, space+`"`); n >= 0 {
		return text[:n]
	}
	return text
}

// about is how messages name a line.
func about(text string) string {
	if confidential(text) {
		return shorten(firstWord(text))
	}
	return shorten(text)
}

// hideRest takes away a comment that begins within the word of a secret or the value of a
// variable: it may be what is left of a password.
func (p *parser) hideRest(at Position, text string, c *comment) {
	if !c.within {
		return
	}
	if _, _, defines := definition(text); !defines && !confidential(text) {
		return
	}
	c.given, c.text = false, ""
	before, _, _ := strings.Cut(text, "=")
	p.remark(at, "%s: ends at the # or !, with which a comment begins outside of quotes, for keepalived, too", firstWord(before))
}
