package keepalived

import (
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

func TestCommentsCarryOver(t *testing.T) {
	for _, path := range confs(t, "") {
		r, err := Import(path, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		carriesComments(t, path, testOptions(), r)
	}
}

// carriesComments wants each comment of a file in what it became, once for each time that it is
// there, and returns how many there are.
func carriesComments(t *testing.T, path string, o Options, r *Result) (comments int) {
	t.Helper()
	conf, err := syntax.Parse(path, o.Options)
	if err != nil {
		t.Fatal(err)
	}
	im := newImporter(o)
	readBlock(im, "the top level", conf.Statements, rootWords(), im) // to know the passwords
	was, is := map[string]int{}, map[string]int{}
	im.countComments(conf.Statements, conf.Comments, was)
	for line := range strings.Lines(string(r.Document.Render().Text)) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "#"); ok {
			is[strings.TrimSpace(text)]++
		}
	}
	for text, n := range was {
		comments += n
		if is[text] != n {
			t.Errorf("%s: comment %q is there %d times, and was %d times", path, text, is[text], n)
		}
	}
	return comments
}

func (im *importer) countComments(statements []*syntax.Statement, comments []string, count map[string]int) {
	for _, text := range im.discreet(comments) {
		count[strings.TrimSpace(text)]++
	}
	for _, s := range statements {
		im.countComments(s.Block, s.Comments, count)
	}
}

// Passwords are in files of their own, and nowhere else: not in the comments either.
func TestSecretsStayOut(t *testing.T) {
	r, err := Import("testdata/auth.conf", testOptions())
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{"formerly", "latest", "at the end", "abcdefabcdef", "longer-than-eight"}
	for _, secret := range r.Secrets {
		secrets = append(secrets, secret)
	}
	text := string(r.Document.Render().Text)
	for _, remark := range r.Remarks {
		text += remark.String() + "\n"
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the secret %q is in what others may read", secret)
		}
	}
	if len(secrets) < 9 {
		t.Errorf("only %d secrets", len(secrets))
	}
}

func TestDiscreet(t *testing.T) {
	im := newImporter(Options{})
	im.keep("t0psecret")
	im.keep("at")
	for text, want := range map[string]string{
		"auth_pass old":                       "auth_pass ...",
		"AUTH_PASS old":                       "AUTH_PASS ...",
		"auth_type PASS auth_pass old":        "auth_type PASS auth_pass ...",
		"the old password: x":                 "the old password ...",
		"ask for the password":                "ask for the password",
		"$VRRP_PW=old":                        "$VRRP_PW=...",
		"$IF=eth0":                            "$IF=eth0",
		"auth_hmac { key 1 " + longKey + " }": "auth_hmac { key 1 ...",
		"until May it was \"t0psecret\".":     "until May it was \"...\".",
		"key 1 at the gate":                   "key 1 at the gate",
	} {
		if got := im.discreet([]string{text}); got[0] != want {
			t.Errorf("%q becomes %q, want %q", text, got[0], want)
		}
	}
}

const longKey = "0123456789abcdef0123456789abcdef"
