package checker

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"
)

// wanted is what an answer must be.
type wanted struct {
	status   []Range
	contains string
	matches  *regexp.Regexp // nil for none, as all that follow
	mismatch *regexp.Regexp
	digest   *digest
	json     *jsonWanted
}

// newWanted checks what must come of a request.
func newWanted(spec Request) (wanted, error) {
	made := wanted{status: spec.Status, contains: spec.Contains}
	if len(made.status) == 0 {
		made.status = []Range{{200, 299}}
	}
	var errs [5]error
	errs[0] = checkStatus(made.status)
	made.matches, errs[1] = compile("matches", spec.Matches)
	made.mismatch, errs[2] = compile("mismatch", spec.Mismatch)
	made.digest, errs[3] = parseDigest(spec.Digest)
	made.json, errs[4] = newJSONWanted(spec.JSONPath, spec.JSONValue)
	return made, cmp.Or(errs[:]...)
}

func checkStatus(ranges []Range) error {
	for _, r := range ranges {
		if r.From < 100 || r.To > 599 || r.From > r.To {
			return fmt.Errorf("status %s: must be within 100-599", r)
		}
	}
	return nil
}

func compile(name, expression string) (*regexp.Regexp, error) {
	if expression == "" {
		return nil, nil
	}
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return compiled, nil
}

// String returns "200-299", or "200".
func (r Range) String() string {
	if r.From == r.To {
		return fmt.Sprint(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

// asksForBody tells whether it matters what the body is.
func (w *wanted) asksForBody() bool {
	return w.contains != "" || w.matches != nil || w.mismatch != nil || w.digest != nil || w.json != nil
}

// judgeHead says what is wrong with the head of an answer.
func (w *wanted) judgeHead(head *http.Response) error {
	for _, r := range w.status {
		if r.From <= head.StatusCode && head.StatusCode <= r.To {
			return nil
		}
	}
	return because("status %d, wanted %s", head.StatusCode, joinRanges(w.status))
}

func joinRanges(ranges []Range) string {
	texts := make([]string, len(ranges))
	for i, r := range ranges {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}

// judgeBody says what is wrong with the body of an answer, or that ctx has ended meanwhile.
func (w *wanted) judgeBody(ctx context.Context, body []byte) error {
	switch {
	case w.contains != "" && !bytes.Contains(body, []byte(w.contains)):
		return because("body lacks %s", quote(w.contains))
	case w.matches != nil && !matched(ctx, w.matches, body):
		return cmp.Or(ctx.Err(), because("body does not match %s", quote(w.matches.String())))
	case w.mismatch != nil && matched(ctx, w.mismatch, body):
		return because("body matches %s", quote(w.mismatch.String()))
	}
	if err := ctx.Err(); err != nil { // what does not match may have been cut short
		return err
	}
	if err := w.digest.judge(body); err != nil {
		return err
	}
	return w.json.judge(body)
}

// shortBody is how long a body may be for which a match needs no bound in time, in bytes.
const shortBody = 16 << 10

// matched tells whether an expression matches a body, which it does not once ctx has ended:
// each byte may cost as much as the expression is long, and a long body many seconds.
func matched(ctx context.Context, expression *regexp.Regexp, body []byte) bool {
	if len(body) <= shortBody {
		return expression.Match(body)
	}
	return expression.MatchReader(&boundReader{ctx: ctx, rest: body})
}

// boundReader reads a body, to its end or that of a context.
type boundReader struct {
	ctx  context.Context
	rest []byte
	read int
}

// ReadRune implements io.RuneReader.
func (r *boundReader) ReadRune() (rune, int, error) {
	const often = 256 // a context costs more than a rune
	if r.read++; len(r.rest) == 0 || r.read%often == 0 && r.ctx.Err() != nil {
		return 0, 0, io.EOF
	}
	char, size := utf8.DecodeRune(r.rest)
	r.rest = r.rest[size:]
	return char, size, nil
}

// digest is that of a whole body.
type digest struct {
	name string
	new  func() hash.Hash
	sum  []byte
}

// parseDigest parses "md5:HEX" or "sha256:HEX".
func parseDigest(text string) (*digest, error) {
	if text == "" {
		return nil, nil
	}
	name, sum, _ := strings.Cut(text, ":")
	hashes := map[string]func() hash.Hash{"md5": md5.New, "sha256": sha256.New}
	parsed := &digest{name: name, new: hashes[name]}
	if parsed.new == nil {
		return nil, fmt.Errorf("digest %q: must be \"md5:HEX\" or \"sha256:HEX\"", text)
	}
	var err error
	if parsed.sum, err = hex.DecodeString(sum); err != nil || len(parsed.sum) != parsed.new().Size() {
		return nil, fmt.Errorf("digest %q: must have %d hexadecimal digits", text, 2*parsed.new().Size())
	}
	return parsed, nil
}

func (d *digest) judge(body []byte) error {
	if d == nil {
		return nil
	}
	made := d.new()
	made.Write(body)
	if sum := made.Sum(nil); !bytes.Equal(sum, d.sum) {
		return because("%s digest %x, wanted %x", d.name, sum, d.sum)
	}
	return nil
}

// jsonWanted is what must be in a body that is JSON.
type jsonWanted struct {
	text  string
	path  jsonPath
	value string
}

func newJSONWanted(path, value string) (*jsonWanted, error) {
	if path == "" && value == "" {
		return nil, nil
	}
	if path == "" {
		return nil, errors.New("a JSON value needs a JSON path")
	}
	parsed, err := parseJSONPath(path)
	if err != nil {
		return nil, fmt.Errorf("JSON path %q: %w", path, err)
	}
	return &jsonWanted{text: path, path: parsed, value: value}, nil
}

func (w *jsonWanted) judge(body []byte) error {
	if w == nil {
		return nil
	}
	value, err := w.path.lookup(body)
	if err != nil {
		return err
	}
	name := cut(w.text, 64)
	switch {
	case value == nil:
		return because("%s is not there", name)
	case w.value == "" && (string(value) == "null" || string(value) == "false"):
		return because("%s is %s", name, value)
	case w.value != "" && jsonText(value) != w.value:
		return because("%s is %s, wanted %s", name, quote(jsonText(value)), quote(w.value))
	}
	return nil
}
