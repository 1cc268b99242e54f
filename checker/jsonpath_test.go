package checker

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestJSONPath(t *testing.T) {
	const text = ` {"a": {"b.c": [10, {"d": "x\ny"}, [], "]"]}, "e": "}", "é": 1, "q\"": 2, "f": 1, "f": 2, "": 3, "n": -1.5e3} `
	for path, want := range map[string]string{
		`a["b.c"][0]`:   `10`,
		`a["b.c"][1].d`: `"x\ny"`,
		`a["b.c"][2]`:   `[]`,
		`a["b.c"][3]`:   `"]"`,
		`a["b.c"][4]`:   ``,
		`a["b.c"].x`:    ``,
		`a[0]`:          ``,
		`e`:             `"}"`,
		`é`:             `1`,
		`["\u00e9"]`:    `1`,
		`["q\""]`:       `2`,
		`f`:             `2`,
		`[""]`:          `3`,
		`n`:             `-1.5e3`,
		`n.x`:           ``,
	} {
		parsed, err := parseJSONPath(path)
		must(t, err)
		value, err := parsed.lookup([]byte(text))
		must(t, err)
		if string(value) != want {
			t.Errorf("%s is %s, want %s", path, value, want)
		}
	}
}

func TestJSONPathErrors(t *testing.T) {
	for path, want := range map[string]string{
		``:               `a name is missing`,
		`.a`:             `a name is missing`,
		`a.`:             `a name is missing`,
		`a..b`:           `a name is missing`,
		`a[`:             `[: must be a number from 0 to 1048576, or a name in quotation marks, and a bracket`,
		`a[-1]`:          `[-1]: must be a number from 0 to 1048576, or a name in quotation marks, and a bracket`,
		`a[01]`:          `[01]: must be a number from 0 to 1048576, or a name in quotation marks, and a bracket`,
		`a[1048577]`:     `[1048577]: must be a number from 0 to 1048576, or a name in quotation marks, and a bracket`,
		`a[1`:            `[1: must be a number from 0 to 1048576, or a name in quotation marks, and a bracket`,
		`a[0]b`:          `"b": a dot or a bracket must come here`,
		`a["b`:           `["b: must end with "\"]"`,
		`a["b"`:          `["b": must end with "\"]"`,
		"a[\"\\x\"]":     `["\x"]: must be a string as in JSON`,
		`a b`:            `name "a b": must be written as ["a b"]`,
		`a].b`:           `name "a]": must be written as ["a]"]`,
		"components\x00": `name "components\x00": must be written as ["components\x00"]`,
	} {
		_, err := parseJSONPath(path)
		wantError(t, err, want)
	}
}

// FuzzJSONPath compares what a path leads to with what encoding/json finds there.
func FuzzJSONPath(f *testing.F) {
	f.Add(`a.b[0]["c d"]`, `{"a": {"b": [{"c d": 1, "c d": {"x": [true]}}]}}`)
	f.Add(`[1]`, ` [ "a\"", [] , {} ] `)
	f.Add(`["\u0061"].b`, `{"\u0061": {"b": "é\ud800"}}`)
	f.Fuzz(func(t *testing.T, path, text string) {
		parsed, err := parseJSONPath(path)
		if err != nil {
			return
		}
		value, err := parsed.lookup([]byte(text))
		whole, invalid := parseJSON(text)
		if (invalid == nil) != (err == nil) {
			t.Fatalf("error %v, that of encoding/json is %v", err, invalid)
		}
		if err != nil {
			return
		}
		want, there := followJSON(whole, parsed)
		if there != (value != nil) {
			t.Fatalf("got %q, encoding/json finds %v", value, want)
		}
		if value == nil {
			return
		}
		got, err := parseJSON(string(value))
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %q, encoding/json finds %v", value, want)
		}
	})
}

// parseJSON takes numbers as they are written, for some fit into no type.
func parseJSON(text string) (value any, err error) {
	if !json.Valid([]byte(text)) {
		return nil, errors.New("not valid")
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	return value, decoder.Decode(&value)
}

func followJSON(value any, path jsonPath) (any, bool) {
	for _, step := range path {
		switch within := value.(type) {
		case map[string]any:
			next, ok := within[step.name]
			if !ok || step.index >= 0 {
				return nil, false
			}
			value = next
		case []any:
			if step.index < 0 || step.index >= len(within) {
				return nil, false
			}
			value = within[step.index]
		default:
			return nil, false
		}
	}
	return value, true
}
