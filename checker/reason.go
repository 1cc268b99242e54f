package checker

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// briefLimit is how long the text of a reason may be, in bytes.
const briefLimit = 200

// reason is an error that says all that a person needs to know.
type reason struct {
	text string
	err  error // where it is from; may be nil
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.err }

// because returns a reason without a cause.
func because(format string, args ...any) error {
	return &reason{text: brief(fmt.Sprintf(format, args...))}
}

// hangReason is the reason of a look that cannot begin because the last one has not returned.
func hangReason(since time.Duration) string {
	unit := time.Second
	if since < unit {
		unit = time.Millisecond
	}
	return fmt.Sprintf("the look that began %s ago hangs", since.Round(unit))
}

// lookReason returns the reason that an error gives, and that the deadline has passed in the
// words of lateText.
func lookReason(err error, timeout time.Duration) string {
	text := strings.ReplaceAll(err.Error(), context.DeadlineExceeded.Error(), lateText(timeout))
	if text == "" {
		text = "no reason given"
	}
	return brief(text)
}

// brief makes a text of foreign origin fit for a reason: one line, of bounded length.
func brief(text string) string { return cut(text, briefLimit) }

// cut returns a text with what cannot be printed escaped, at most limit bytes of it.
func cut(text string, limit int) string {
	whole, rest := escape(text, limit)
	if rest == "" {
		return whole
	}
	begin, _ := escape(text, limit-len("..."))
	return begin + "..."
}

// quote returns the begin of what came from elsewhere, in quotation marks.
func quote[T string | []byte](data T) string {
	const most = 64
	text, rest := escape(string(data[:min(len(data), most)]), most)
	quoted := `"` + strings.ReplaceAll(text, `"`, `\"`) + `"`
	if rest != "" || len(data) > most {
		return quoted + "..."
	}
	return quoted
}

// escape escapes what cannot be printed, in the begin of a text for which limit bytes are
// enough, and returns the rest of the text as well.
func escape(text string, limit int) (escaped, rest string) {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		part := text[:size]
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			part = strings.Trim(strconv.Quote(part), `"`)
		}
		if b.Len()+len(part) > limit {
			break
		}
		b.WriteString(part)
		text = text[size:]
	}
	return b.String(), text
}
