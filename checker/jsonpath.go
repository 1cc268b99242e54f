package checker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// jsonPath leads to a value in JSON text.
type jsonPath []jsonStep

// jsonStep is the name of a member of an object, or the position of an entry of a list.
type jsonStep struct {
	name  string
	index int // -1 for a name
}

// maxJSONIndex is more entries than a body can have.
const maxJSONIndex = maxBody

// parseJSONPath parses a path such as `components.db[0]["a name"].status`: names joined by
// dots, [N] for entries of lists, which count from 0, and ["..."], which is a string as in
// JSON, for names with a dot, a bracket, a quotation mark, a space or a control character.
func parseJSONPath(text string) (jsonPath, error) {
	var path jsonPath
	for rest := text; rest != "" || path == nil; {
		step, after, err := parseJSONStep(rest, len(path))
		if err != nil {
			return nil, err
		}
		path, rest = append(path, step), after
	}
	return path, nil
}

// parseJSONStep parses the step at the begin of a text, with so many others before it.
func parseJSONStep(text string, before int) (step jsonStep, rest string, err error) {
	switch {
	case strings.HasPrefix(text, `["`):
		return parseQuotedStep(text[1:])
	case strings.HasPrefix(text, "["):
		return parseIndexStep(text[1:])
	case before == 0:
		return parseNameStep(text)
	case text[0] == '.':
		return parseNameStep(text[1:])
	}
	return jsonStep{}, "", fmt.Errorf("%q: a dot or a bracket must come here", text)
}

func parseNameStep(text string) (step jsonStep, rest string, err error) {
	end := strings.IndexAny(text, `.[`)
	if end < 0 {
		end = len(text)
	}
	name := text[:end]
	if name == "" {
		return jsonStep{}, "", errors.New("a name is missing")
	}
	if strings.ContainsAny(name, `]" `) || strings.ContainsFunc(name, isControl) || strings.Contains(name, "\t") {
		return jsonStep{}, "", fmt.Errorf("name %q: must be written as [%q]", name, name)
	}
	return jsonStep{name: name, index: -1}, text[end:], nil
}

func parseIndexStep(text string) (step jsonStep, rest string, err error) {
	number, rest, closed := strings.Cut(text, "]")
	index, err := strconv.ParseUint(number, 10, 32)
	if !closed || err != nil || index > maxJSONIndex || number != strconv.FormatUint(index, 10) {
		return jsonStep{}, "", fmt.Errorf("[%s: must be a number from 0 to %d, or a name in quotation marks, and a bracket", text, maxJSONIndex)
	}
	return jsonStep{index: int(index)}, rest, nil
}

// parseQuotedStep parses `"...\u0022..."]`.
func parseQuotedStep(text string) (step jsonStep, rest string, err error) {
	end := skipJSONString([]byte(text), 0)
	if end < 0 || !strings.HasPrefix(text[end:], "]") {
		return jsonStep{}, "", fmt.Errorf("[%s: must end with %q", text, `"]`)
	}
	step.index = -1
	if err := json.Unmarshal([]byte(text[:end]), &step.name); err != nil {
		return jsonStep{}, "", fmt.Errorf("[%s]: must be a string as in JSON", text[:end])
	}
	return step, text[end+1:], nil
}

// lookup returns the value that a path leads to, nil if there is none. It holds no more
// than the text, whatever is in it. Of members with one name the last one counts.
func (p jsonPath) lookup(text []byte) ([]byte, error) {
	if !json.Valid(text) {
		return nil, because("body is not JSON")
	}
	at := skipSpace(text, 0)
	value := text[at:skipJSON(text, at)]
	for _, step := range p {
		if value = step.in(value); value == nil {
			return nil, nil
		}
	}
	return value, nil
}

// in returns what a step leads to in a value of valid JSON.
func (s jsonStep) in(value []byte) []byte {
	switch {
	case value[0] == '{' && s.index < 0:
		return jsonMember(value, s.name)
	case value[0] == '[' && s.index >= 0:
		return jsonEntry(value, s.index)
	}
	return nil
}

func jsonMember(object []byte, name string) []byte {
	var found []byte
	at := skipSpace(object, 1)
	for object[at] != '}' {
		end := skipJSONString(object, at)
		is := isJSONString(object[at:end], name)
		at = skipSpace(object, skipSpace(object, end)+1) // past the colon
		end = skipJSON(object, at)
		if is {
			found = object[at:end]
		}
		at = skipComma(object, end)
	}
	return found
}

func jsonEntry(list []byte, index int) []byte {
	at := skipSpace(list, 1)
	for list[at] != ']' {
		end := skipJSON(list, at)
		if index == 0 {
			return list[at:end]
		}
		index--
		at = skipComma(list, end)
	}
	return nil
}

// isJSONString tells whether a string of valid JSON is that name.
func isJSONString(quoted []byte, name string) bool {
	if plain := quoted[1 : len(quoted)-1]; string(plain) == name {
		return !bytes.Contains(plain, []byte(`\`))
	}
	return bytes.Contains(quoted, []byte(`\`)) && jsonText(quoted) == name
}

// jsonText returns a string as it is meant, any other value as it is written.
func jsonText(value []byte) string {
	var text string
	if value[0] != '"' || json.Unmarshal(value, &text) != nil {
		return string(value)
	}
	return text
}

func skipSpace(text []byte, at int) int {
	for at < len(text) && strings.IndexByte(" \t\r\n", text[at]) >= 0 {
		at++
	}
	return at
}

func skipComma(text []byte, at int) int {
	at = skipSpace(text, at)
	if text[at] == ',' {
		at = skipSpace(text, at+1)
	}
	return at
}

// skipJSON returns the end of the value that begins at a place in valid JSON.
func skipJSON(text []byte, at int) int {
	switch text[at] {
	case '"':
		return skipJSONString(text, at)
	case '{', '[':
		return skipJSONNested(text, at)
	}
	for at < len(text) && strings.IndexByte(",]} \t\r\n", text[at]) < 0 {
		at++
	}
	return at
}

func skipJSONNested(text []byte, at int) int {
	for depth := 0; ; {
		switch text[at] {
		case '"':
			at = skipJSONString(text, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if at++; depth == 0 {
			return at
		}
	}
}

// skipJSONString returns the end of the string that begins at a place, -1 if it has none.
func skipJSONString(text []byte, at int) int {
	for at++; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return -1
}
