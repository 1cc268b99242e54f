package syntax

import "strings"

// line is a line of a file or of a definition: without its comment, without space
// around it. Lines without variables and the like are taken apart once, however often a
// definition is used.
type line struct {
	at      Position
	text    string
	pieces  []piece
	isPlain bool // pieces are set
}

// A reader reads the lines of a file.
type reader struct {
	file string
	rest string
	n    int // lines read
}

// next returns the next line with the space around it, and its place.
func (r *reader) next() (raw string, at Position, ok bool) {
	if r.rest == "" {
		return "", Position{}, false
	}
	raw, r.rest, _ = strings.Cut(r.rest, "\n")
	r.n++
	raw = strings.TrimSuffix(raw, "\r")
	return raw, Position{r.file, r.n}, true
}

// comment is where a line's comment begins, what follows its # or !, and whether the
// line has a # or ! behind a backslash, outside quotes, which are no end.
type comment struct {
	text    string
	given   bool
	escaped bool
	within  bool // whether it begins directly behind a word
}

// uncomment splits a line at its comment and takes the space around it away.
func uncomment(raw string) (text string, c comment) {
	quoted := false
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case b == '"':
			quoted = !quoted
		case b == '\\':
			i++
			if !quoted && i < len(raw) && isMark(raw[i]) {
				c.escaped = true
			}
		case isMark(b) && !quoted:
			c.given = true
			c.text = raw[i+1:]
			c.within = i > 0 && !isSpace(raw[i-1]) && strings.IndexByte("{}", raw[i-1]) < 0
			return trim(raw[:i]), c
		}
	}
	return trim(raw), c
}

func isMark(b byte) bool { return b == '#' || b == '!' }

// clean returns a comment as it can be written anywhere: without the space behind the
// mark and at the end, and with nothing that upsets a terminal.
func clean(text string) string {
	return printable(strings.ReplaceAll(trimRight(strings.TrimPrefix(text, " ")), "\t", "    "))
}

// continues says whether the next line belongs to the definition: a backslash ends
// this one, or would without its comment.
func continues(raw, text string) bool {
	return strings.HasSuffix(text, `\`) || strings.HasSuffix(trimRight(raw), `\`)
}

// kind is what a piece of a line is.
type kind byte

const (
	inText  kind = iota
	opening      // {
	closing      // }
)

// piece is a part of a line between braces, or a brace.
type piece struct {
	kind  kind
	text  string
	words []string
}

// pieces appends what a line consists of. Braces in quotes are none.
func pieces(to []piece, text string) []piece {
	quoted := false
	start := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted || c != '{' && c != '}':
		default:
			to = appendText(to, text[start:i])
			k := opening
			if c == '}' {
				k = closing
			}
			to = append(to, piece{kind: k})
			start = i + 1
		}
	}
	return appendText(to, text[start:])
}

func appendText(to []piece, text string) []piece {
	if text = trim(text); text == "" {
		return to
	}
	return append(to, piece{text: text})
}
