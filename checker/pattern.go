package checker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// maxAnswer is how much is read for a pattern, in bytes.
const maxAnswer = 64 << 10

// match is what a pattern says about the begin of an answer.
type match int

const (
	undecided match = iota // more may come that matches
	matches
	differs
)

// none tells whether anything matches.
func (p Pattern) none() bool { return p.Contains == "" && len(p.Bytes) == 0 }

// valid tells what is wrong with a pattern.
func (p Pattern) valid() error {
	switch {
	case p.Contains != "" && len(p.Bytes) > 0:
		return errors.New("expect: a text or bytes, not both")
	case len(p.Contains) > maxAnswer || len(p.Bytes) > maxAnswer:
		return fmt.Errorf("expect: must have at most %d bytes", maxAnswer)
	case p.Mask != nil && len(p.Mask) != len(p.Bytes):
		return fmt.Errorf("expect: the mask has %d bytes; must have %d, as the bytes", len(p.Mask), len(p.Bytes))
	}
	return nil
}

// judge looks at the begin of an answer, of which it has seen the first seen bytes before
// without a decision.
func (p Pattern) judge(answer []byte, seen int) match {
	if p.Contains != "" {
		from := max(0, seen-len(p.Contains)+1)
		if bytes.Contains(answer[from:], []byte(p.Contains)) {
			return matches
		}
		return undecided
	}
	for i := min(seen, len(p.Bytes)); i < min(len(answer), len(p.Bytes)); i++ {
		if (answer[i]^p.Bytes[i])&p.maskAt(i) != 0 {
			return differs
		}
	}
	if len(answer) < len(p.Bytes) {
		return undecided
	}
	return matches
}

func (p Pattern) maskAt(i int) byte {
	if p.Mask == nil {
		return 0xff
	}
	return p.Mask[i]
}

// wanted describes the pattern in a reason.
func (p Pattern) wanted() string {
	if p.Contains != "" {
		return quote(p.Contains)
	}
	return quote(p.Bytes)
}

// mismatch is the reason of an answer that is not what the pattern says.
func (p Pattern) mismatch(answer []byte) error {
	return because("answer %s, wanted %s", quote(answer), p.wanted())
}

// await reads until the pattern matches, which must be so within maxAnswer bytes. In
// patience is how long the look may take.
func (p Pattern) await(r io.Reader, patience time.Duration) error {
	var answer []byte
	for len(answer) < maxAnswer {
		seen := len(answer)
		answer = slices.Grow(answer, min(4096, maxAnswer-seen))
		n, err := r.Read(answer[seen:min(cap(answer), maxAnswer)])
		answer = answer[:seen+n]
		switch p.judge(answer, seen) {
		case matches:
			return nil
		case differs:
			return p.mismatch(answer)
		}
		if err != nil {
			return p.unfinished(answer, err, patience)
		}
	}
	return because("%d bytes of answer without %s", maxAnswer, p.wanted())
}

// unfinished is the reason of an answer that ends before the pattern has been seen.
func (p Pattern) unfinished(answer []byte, err error, patience time.Duration) error {
	why := explainWithin(err, patience)
	if len(answer) == 0 {
		return why
	}
	return because("answer %s, wanted %s, then %s", quote(answer), p.wanted(), why)
}
