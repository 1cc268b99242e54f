package keepalived

import "github.com/perch-vip/perch/cmd/internal/keepalived/syntax"

// Remark is what an operator should know of a line that was imported, or could not be.
type Remark struct {
	syntax.Position
	Word string // the keyword, "" for the line as a whole
	Lost bool   // whether the line has no equivalent
	Text string
}

// String returns FILE:LINE: warning: WORD: TEXT.
func (r Remark) String() string { return r.Position.String() + ": warning: " + r.About() }

// About returns WORD: TEXT.
func (r Remark) About() string {
	if r.Word == "" {
		return r.Text
	}
	return r.Word + ": " + r.Text
}
