package keepalived

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// The lengths of secrets, in bytes: of a password adverts have room for 8.
const (
	passwordLength = 8
	shortestKey    = 32
	longestKey     = 64
)

// readAuthentication reads one of the blocks of an instance: what several say counts together.
func readAuthentication(im *importer, s *syntax.Statement, i *instance) {
	readBlock(im, "authentication", im.block(s), im.routing.words.authentication, &i.auth)
}

// checkAuthentication wants both of what one is no use without the other.
func (im *importer) checkAuthentication(a *authentication) {
	switch {
	case a.kind.given() && !a.named:
		im.wrong(a.kind.by, "has no auth_pass beside it")
	case a.password.given() && !a.kind.given():
		im.remark(a.password.by, "has no auth_type beside it, and so keepalived sends adverts without a password")
	}
}

func authenticationWords() vocabulary[*authentication] {
	return vocabulary[*authentication]{
		"auth_type": means(readAuthType),
		"auth_pass": means(readAuthPass),
	}
}

func readAuthType(im *importer, s *syntax.Statement, a *authentication) {
	if len(s.Args()) > 1 {
		im.wrong(s, "must be PASS or AH alone")
		return
	}
	kind, ok := im.one(s)
	switch {
	case !ok:
	case kind == "PASS":
		keep(im, &a.kind, "pass", s)
	case kind == "AH":
		keep(im, &a.kind, "ah", s)
	default:
		im.wrong(s, quoted(kind)+" must be PASS or AH")
	}
}

// readAuthPass takes the password as it stands: keepalived knows " around it, but neither '
// nor escapes, and a # or ! outside of " ends it.
func readAuthPass(im *importer, s *syntax.Statement, a *authentication) {
	args := s.Args()
	a.named = true
	switch {
	case s.Unbalanced():
		im.wrong(s, `a " is within the password, which keepalived takes for the end of it`)
		return
	case len(args) == 0 || args[0] == "":
		im.wrong(s, "missing; must have a password")
		return
	case len(args) > 1:
		im.wrong(s, "has more than one word; must be in quotes with spaces in it")
		return
	}
	password := args[0]
	im.keep(password)
	if strings.ContainsAny(password, `'\`) {
		im.remark(s, `each ' and \ is a part of the password, as with keepalived`)
	}
	if len(password) > passwordLength {
		password = password[:passwordLength]
		im.keep(password)
		im.remark(s, "only the first 8 bytes of the password count, and so only they are in the secret file")
	}
	if strings.TrimSpace(password) != password {
		im.wrong(s, "begins or ends with a space, as far as its first 8 bytes count, which a secret file cannot hold")
		return
	}
	keep(im, &a.password, password, s)
}

func readHMAC(im *importer, s *syntax.Statement, i *instance) {
	h := &i.own().hmac
	*h = hmacAuthentication{by: s}
	readBlock(im, "auth_hmac", im.block(s), im.routing.words.hmac, h)
	if s.Braces && !h.named {
		im.wrong(s, "has no key")
	}
}

func hmacWords() vocabulary[*hmacAuthentication] {
	return vocabulary[*hmacAuthentication]{
		"key":        means(readHMACKey),
		"active_key": keepNumber(0, 255, func(h *hmacAuthentication) *said[int] { return &h.active }),
		"time_window": keepTimer(time.Second, 1000*time.Second, func(h *hmacAuthentication) *said[time.Duration] {
			return &h.window
		}),
		"anti_replay": keepWord(func(h *hmacAuthentication) *said[string] { return &h.replay }, "time", "monotonic"),
		"mode":        keepWord(func(h *hmacAuthentication) *said[string] { return &h.mode }, "enforce", "permissive", "receive-only"),
	}
}

func readHMACKey(im *importer, s *syntax.Statement, h *hmacAuthentication) {
	args := s.Args()
	h.named = true
	if len(args) != 2 {
		im.wrong(s, "must be the number of a key and its value")
		return
	}
	id, err := strconv.ParseUint(args[0], 10, 8)
	switch {
	case err != nil:
		im.wrong(s, "must be the number of a key, from 0 to 255, and its value")
	case strings.HasPrefix(args[1], "file:/"):
		file := strings.TrimPrefix(args[1], "file:")
		im.remark(s, "perch reads the key from "+file+" as it stands there, without the white space around it")
		h.keys = append(h.keys, hmacKey{by: s, id: int(id), file: file})
	default:
		im.keep(args[1])
		if value, ok := im.hmacValue(s, args[0], args[1]); ok {
			h.keys = append(h.keys, hmacKey{by: s, id: int(id), value: value})
		}
	}
}

// hmacValue returns the bytes of a key, which are the text itself or hexadecimal behind hex:. A
// file cannot hold some for perch, which takes no white space around them.
func (im *importer) hmacValue(s *syntax.Statement, id, text string) (value string, ok bool) {
	digits, isHex := strings.CutPrefix(text, "hex:")
	if isHex {
		data, err := hex.DecodeString(digits)
		if err != nil {
			im.wrong(s, "the value of key "+id+" must have pairs of hexadecimal digits behind hex:")
			return "", false
		}
		text = string(data)
	}
	switch {
	case strings.HasPrefix(text, "file:") && !isHex:
		im.wrong(s, "the file of key "+id+" must be an absolute path")
	case len(text) < shortestKey || len(text) > longestKey:
		im.wrong(s, "the value of key "+id+" must be 32 to 64 bytes long")
	case strings.TrimSpace(text) != text:
		im.wrong(s, "the value of key "+id+" begins or ends with white space, which perch takes off: choose another one")
	default:
		return text, true
	}
	return "", false
}
