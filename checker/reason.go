package checker

import (
	"context"
	"fmt"
	"strings"
	"time"
)

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
