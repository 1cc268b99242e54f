package config

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

const jsonPathRule = `must be names and indexes, like "components.db[0].status", with ["..."] around names that need it`

var errNoPath = errors.New("is not a path in JSON")

// jsonStep is what the next step of a path begins with: a name, an index, or a string as
// in JSON, in brackets.
const jsonStep = `^(?:[^][." \x00-\x1f\x7f]+|\[(?:0|[1-9][0-9]{0,5})\]|\[("(?:[^"\\]|\\.)*")\])`

// parseJSONPath reads names, with dots between them, and brackets.
func parseJSONPath(s string) (string, error) {
	if s == "" {
		return "", errEmpty
	}
	step := regexp.MustCompile(jsonStep)
	for rest, more := s, true; more; {
		m := step.FindStringSubmatch(rest)
		if m == nil || m[1] != "" && !json.Valid([]byte(m[1])) {
			return "", errNoPath
		}
		rest = rest[len(m[0]):]
		next, dot := strings.CutPrefix(rest, ".")
		if dot && strings.HasPrefix(next, "[") || !dot && rest != "" && rest[0] != '[' {
			return "", errNoPath
		}
		rest, more = next, rest != ""
	}
	return s, nil
}
