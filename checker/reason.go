package checker

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxReason is how many bytes of a reason or a warning are kept.
const maxReason = 200

// lateReason is the reason of a look that has not returned in time.
func lateReason(timeout time.Duration) string { return fmt.Sprintf("no answer within %s", timeout) }

// hangReason is the reason of a look that cannot begin because the last one has not returned.
func hangReason(since time.Duration) string {
	unit := time.Second
	if since < unit {
		unit = time.Millisecond
	}
	return fmt.Sprintf("the look that began %s ago hangs", since.Round(unit))
}

// lookReason returns the reason that an error gives, and that the deadline has passed in the
// words of lateReason.
func lookReason(err error, timeout time.Duration) string {
	text := strings.ReplaceAll(err.Error(), context.DeadlineExceeded.Error(), lateReason(timeout))
	if text == "" {
		text = "no reason given"
	}
	return reasonLine(text)
}

// reasonLine returns a text as one line of at most maxReason bytes, whatever it was.
func reasonLine(text string) string {
	if strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
		text = strconv.Quote(text[:min(len(text), maxReason)])
	}
	if len(text) <= maxReason {
		return text
	}
	const more = "..."
	cut := maxReason - len(more)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + more
}
