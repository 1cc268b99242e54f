package keepalived

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	conf "github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// readRegexp reads a pattern in the syntax of PCRE, with its escapes.
func readRegexp(im *importer, s *conf.Statement, u *httpURL) {
	words, err := s.Escaped()
	switch {
	case err != nil:
		im.mistake(s, err.Error())
	case len(words) < 2 || words[1] == "":
		im.wrong(s, "missing; must have a regular expression")
	case len(words) > 2:
		im.wrong(s, fmt.Sprintf("%q is one value too many; a pattern with spaces is written in quotes", words[2]))
	default:
		keep(im, &u.regex, words[1], s)
	}
}

// readRegexpOptions reads names of options of PCRE. Most need nothing here: they are about
// how it looks for a match.
func readRegexpOptions(im *importer, s *conf.Statement, u *httpURL) {
	flags := map[string]string{"caseless": "i", "multiline": "m", "dotall": "s", "ungreedy": "U"}
	same := strings.Fields("auto_callout dollar_endonly dupnames never_backslash_c never_ucp never_utf no_auto_capture no_auto_possess no_dotstar_anchor no_start_optimize use_offset_limit utf")
	other := strings.Fields("allow_empty_class alt_bsux alt_circumflex alt_verbnames extended firstline match_unset_backref ucp")
	u.flags.by = s
	for _, arg := range s.Args() {
		flag, known := flags[arg]
		switch {
		case known:
			u.flags.value += flag
		case slices.Contains(same, arg):
		case slices.Contains(other, arg):
			im.wrong(s, arg+" is not known to RE2, which perch matches with: write the expression so that it needs no such option")
		default:
			im.wrong(s, fmt.Sprintf("%q is not known", arg))
		}
	}
}

// checkRegexp says why RE2 cannot match what PCRE can.
func (im *importer) checkRegexp(u *httpURL) {
	if !u.regex.given() {
		return
	}
	if u.to.given() && u.from.value > u.to.value {
		im.wrong(u.to.by, fmt.Sprintf("is less than regex_min_offset, %d", u.from.value))
		return
	}
	var wrong *syntax.Error
	if _, err := syntax.Parse(u.expression(), syntax.Perl); errors.As(err, &wrong) {
		im.wrong(u.regex.by, fmt.Sprintf("%q is no regular expression of RE2, which perch matches with: %s: %s", u.regex.value, wrong.Code, wrong.Expr))
	}
}

// expression returns what RE2 matches as PCRE does the regex with its options.
func (u *httpURL) expression() string {
	text := u.regex.value
	if u.flags.value != "" {
		text = "(?" + u.flags.value + ")" + text
	}
	switch {
	case u.to.given():
		return fmt.Sprintf(`\A(?s:.{%d,%d})(?:%s)`, u.from.value, u.to.value, text)
	case u.from.value > 0:
		return fmt.Sprintf(`\A(?s:.{%d,})(?:%s)`, u.from.value, text)
	}
	return text
}
