package syntax

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// Whatever a config asks for without end is one mistake, at the line that asks for it.
func TestLimits(t *testing.T) {
	doubling := "$A0=x\n"
	empty := "$A0=\n"
	lines := "$A0= \\\n x \\\n x\n"
	for n := range 40 {
		doubling += fmt.Sprintf("$A%d=${A%d}${A%d}\n", n+1, n, n)
		empty += fmt.Sprintf("$A%d=${A%d}${A%d}\n", n+1, n, n)
		lines += fmt.Sprintf("$A%d= \\\n $A%d \\\n $A%d\n", n+1, n, n)
	}
	tests := []struct {
		name, text string
		limits     limits
		want       string
	}{
		{"generated lines", "a\n~SEQ(A,1,2000000000) x $A\n", limits{lines: 100}, "/k:2: more than 100 lines are read and generated"},
		{"skipped lines", "~SEQ(A,1,2000000000) ~SEQ(B,1,2000000000) @low x\n", limits{lines: 100}, "/k:1: more than 100 lines are read and generated"},
		{"listed lines", "~LST(A,1,2,3,4,5,6,7,8,9) x $A\n", limits{lines: 5}, "/k:1: more than 5 lines are read and generated"},
		{"comments", strings.Repeat("# x\n", 101), limits{lines: 100}, "/k:101: more than 100 lines are read and generated"},
		{"lines for others", strings.Repeat("@other x\n", 101), limits{lines: 100}, "/k:101: more than 100 lines are read and generated"},
		{"definitions of one variable", strings.Repeat("$A=1\n", 101), limits{lines: 100}, "/k:101: more than 100 lines are read and generated"},
		{"variables", doubling, limits{variables: 20}, "/k:21: more than 20 variables are defined"},
		{"variables for others", strings.ReplaceAll(doubling, "$A", "@other $A"), limits{variables: 20}, "/k:21: more than 20 variables are defined"},
		{"lines of a definition", "$A=\\\n" + strings.Repeat("x \\\n", 101), limits{lines: 100}, "/k:101: more than 100 lines are read and generated"},
		{"definitions", "~SEQ(A,1,2000000000) $B=1\n", limits{lines: 100}, "/k:1: more than 100 lines are read and generated"},
		{"nothing generated", "~SEQ(A,1,2000000000) ~SEQ(B,1,2000000000)\n", limits{lines: 100}, "/k:1: more than 100 lines are read and generated"},
		{"statements", "~SEQ(A,1,2000000000) { x }\n", limits{statements: 100}, "/k:1: a { without a keyword before it"},
		{"many statements", "~SEQ(A,1,2000000000) y { x }\n", limits{statements: 100}, "/k:1: more than 100 statements"},
		{"blocks", strings.Repeat("a {\n", 65), limits{}, "/k:65: more than 64 blocks are open, the innermost since /k:64"},
		{"doubled value", doubling + "a $A40\n", limits{line: 1000}, "/k:42: with the value of $A"},
		{"doubled nothing", empty + "a $A40 b\n", limits{line: 1000}, "/k:42: with the value of $A"},
		{"doubled lines", lines + "$A30\n", limits{lines: 1000}, "more than 1000 lines are read and generated"},
		{"deep lines", lines + "$A40\n", limits{}, "definitions use each other more than 32 deep; does one use itself?"},
		{"deep values", strings.Replace(doubling, "${A0}${A0}", "$A40", 1) + "x $A9 y\n", limits{}, "/k:42: with the value of $A"},
		{"long line", "a\n" + strings.Repeat("x", 1001), limits{line: 1000}, "/k:2: a line of more than 1000 bytes"},
		{"long line of a definition", "$A= \\\n" + strings.Repeat("x", 1001), limits{line: 1000}, "/k:2: a line of more than 1000 bytes"},
		{"text with variables", "$A=" + strings.Repeat("x", 50) + "\n~SEQ(B,1,2000000000) x ${A}\n", limits{text: 5000}, "/k:2: lines with variables have more than 5000 bytes"},
		{"large files", "include big\n", limits{bytes: 500}, "/k:1: the files have more than 500 bytes"},
		{"many files", "~SEQ(A,1,2000000000) include small\n", limits{files: 100}, "/k:1: more than 100 files are read"},
		{"files in files", "include k\n", limits{}, "/k:1: files include each other more than 32 deep; does /k include itself?"},
		{"files in files, often", "include k\ninclude k\ninclude k\n", limits{}, "/k:1: files include each other more than 32 deep; does /k include itself?"},
		{"braces of an include", "include " + strings.Repeat("{a,b}", 30) + "\n", limits{}, "its braces stand for more than 1000 names"},
		{"mistakes", "a\n" + strings.Repeat("}\n", 1000), limits{}, "/k:101: too many mistakes, what follows was not read"},
		{"mistakes in one line", "~SEQ(A,1,2000000000) }\n", limits{lines: 100}, "/k:1: more than 100 lines are read and generated"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := memory(test.text)
			o.Files = FSFiles{fstest.MapFS{
				"k": {Data: []byte(test.text)}, "small": {Data: []byte("x\n")}, "big": {Data: make([]byte, 1000)},
			}}
			o.limits = lowered(test.limits)
			_, err := Parse("/k", o)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v\nwant %s", err, test.want)
			}
		})
	}
}

// lowered are the default limits but for those given.
func lowered(given limits) *limits {
	l := defaultLimits
	for _, f := range []struct{ to, from *int }{
		{&l.files, &given.files},
		{&l.bytes, &given.bytes},
		{&l.line, &given.line},
		{&l.lines, &given.lines},
		{&l.text, &given.text},
		{&l.variables, &given.variables},
		{&l.statements, &given.statements},
	} {
		if *f.from != 0 {
			*f.to = *f.from
		}
	}
	return &l
}
