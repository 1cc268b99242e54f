package syntax

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of lines whose quotes or escapes do not end.
var (
	errQuote  = errors.New(`a quote is not closed on this line`)
	errEscape = errors.New(`an escape is not complete at the end of the line`)
	errNUL    = errors.New(`an escape stands for the byte 0, which no word can hold`)
)

// errNoCommand is a script without a program.
var errNoCommand = errors.New("no program is named")

const space = " \t\n\v\f\r"

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// trim takes away the space around text.
func trim(text string) string { return trimLeft(trimRight(text)) }

func trimLeft(text string) string {
	for text != "" && isSpace(text[0]) {
		text = text[1:]
	}
	return text
}

func trimRight(text string) string {
	for text != "" && isSpace(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

// plainWords appends the words of a line in which only " quotes and nothing escapes:
// a word ends at a space or at a quote.
func plainWords(words []string, text string) ([]string, error) {
	for i := 0; ; {
		for i < len(text) && isSpace(text[i]) {
			i++
		}
		if i == len(text) {
			return words, nil
		}
		start := i
		if text[i] == '"' {
			n := strings.IndexByte(text[i+1:], '"')
			if n < 0 {
				return words, errQuote
			}
			i += n + 2
			words = append(words, text[start+1:i-1])
			continue
		}
		for i < len(text) && !isSpace(text[i]) && text[i] != '"' {
			i++
		}
		words = append(words, text[start:i])
	}
}

// Escaped returns the statement's words as keepalived reads those of scripts, patterns
// and the like: with ", ', and escapes as \n, \x41 and \101.
func (s *Statement) Escaped() ([]string, error) {
	words, err := escapedWords(s.Text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Keyword(), err)
	}
	return words, nil
}

// Unbalanced reports whether Words are those of Escaped, since without escapes the last quote
// of the line would not be closed.
func (s *Statement) Unbalanced() bool { return strings.Count(s.Text, `"`)%2 != 0 }

// Command returns the program that the statement's first argument names, with its
// arguments, and the words behind it, which name a user and a group. Keepalived takes that
// argument apart a second time: script "/bin/x 'a b' c" runs /bin/x with two arguments.
func (s *Statement) Command() (argv, rest []string, err error) {
	words, err := s.Escaped()
	if err != nil {
		return nil, nil, err
	}
	if len(words) < 2 {
		return nil, nil, fmt.Errorf("%s: %w", s.Keyword(), errNoCommand)
	}
	argv, err = escapedWords(words[1])
	if err == nil && (len(argv) == 0 || argv[0] == "") {
		err = errNoCommand
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s %q: %w", words[0], words[1], err)
	}
	return argv, words[2:], nil
}

func escapedWords(text string) ([]string, error) {
	var words []string
	for {
		text = trimLeft(text)
		if text == "" {
			return words, nil
		}
		word, rest, err := escapedWord(text)
		if err != nil {
			return nil, err
		}
		words, text = append(words, word), rest
	}
}

// escapedWord returns the first word of text, which does not begin with space, and
// what follows it.
func escapedWord(text string) (word, rest string, err error) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); {
		c := text[i]
		i++
		switch {
		case c == '\\':
			value, n := unescape(text[i:])
			if n == 0 {
				return "", "", errEscape
			}
			if value == 0 {
				return "", "", errNUL
			}
			b.WriteByte(value)
			i += n
		case c == quote:
			quote = 0
		case quote != 0:
			b.WriteByte(c)
		case c == '"' || c == '\'':
			quote = c
		case isSpace(c):
			return b.String(), text[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", "", errQuote
	}
	return b.String(), "", nil
}

// unescape returns what the text behind a backslash stands for and its length, 0 if
// it is not complete.
func unescape(text string) (value byte, n int) {
	if text == "" {
		return 0, 0
	}
	switch c := text[0]; {
	case c >= '0' && c <= '7':
		return digits(text, 8, 3)
	case c == 'x':
		value, n = digits(text[1:], 16, 2)
		if n == 0 {
			return 'x', 1
		}
		return value, n + 1
	case c == 'c':
		if len(text) == 1 {
			return 0, 0
		}
		return text[1] & 0x1f, 2
	}
	if i := strings.IndexByte("abEfnrtv", text[0]); i >= 0 {
		return "\a\b\x1b\f\n\r\t\v"[i], 1
	}
	return text[0], 1
}

// digits reads at most so many digits. A value of more than 8 bits loses the upper ones.
func digits(text string, base, most int) (value byte, n int) {
	for n < min(most, len(text)) {
		d := strings.IndexByte("0123456789abcdef", lower(text[n]))
		if d < 0 || d >= base {
			break
		}
		value = value*byte(base) + byte(d)
		n++
	}
	return value, n
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
