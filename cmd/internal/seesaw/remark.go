package seesaw

// Remark is what an operator should know of a field that was imported, or could not be.
type Remark struct {
	File      string
	Line, Col int
	Word      string // the field
	Lost      bool   // whether it has no equivalent
	Text      string
}

// About returns WORD: TEXT.
func (r Remark) About() string { return r.Word + ": " + r.Text }

func (r Remark) place() place { return place{r.Line, r.Col} }
