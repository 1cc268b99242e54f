package keepalived

import (
	"fmt"
	"path"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// writeAuth writes the kind of authentication that the version can carry. Passwords go into
// files of their own.
func (im *importer) writeAuth(t *document.Table, i *instance, version int) {
	if i.hmac.by != nil {
		im.writeHMAC(t, i)
		return
	}
	a := i.auth
	if !a.kind.given() || !a.password.given() {
		return
	}
	switch {
	case version != 2:
		im.remark(a.kind.by, "version 3 has no passwords: keepalived sends none, and so it is here")
		return
	case im.strict(i):
		im.remark(a.kind.by, "does not count with vrrp_strict, for keepalived either")
		return
	case i.ipv6():
		im.remark(a.kind.by, "adverts over IPv6 have no passwords")
		return
	}
	auth := t.Table("auth", place(a.kind.by))
	auth.Comments = im.above(i.by, "authentication")
	im.set(auth, "kind", document.Text(a.kind.value), a.kind.by)
	im.set(auth, "secret_file", document.Text(im.secret(i.title+".pass", a.password.value)), a.password.by)
}

func (im *importer) writeHMAC(t *document.Table, i *instance) {
	if i.auth.kind.given() {
		im.remark(i.auth.kind.by, "does not count beside auth_hmac")
	}
	h := &i.hmac
	auth := t.Table("auth", place(h.by))
	auth.Comments = im.claim(h.by)
	auth.Set("kind", document.Text("hmac"), place(h.by))
	if h.active.given() || len(h.keys) > 1 {
		im.set(auth, "active", document.Number(h.active.is(h.keys[0].id)), h.active.by)
	}
	if h.replay.given() {
		im.set(auth, "anti_replay", document.Text(h.replay.value), h.replay.by)
	}
	switch {
	case h.window.given() && h.replay.value == "monotonic":
		im.remark(h.window.by, "does not count with anti_replay monotonic, for keepalived either")
	case h.window.given():
		im.set(auth, "window", document.Duration(h.window.value), h.window.by)
	}
	if h.mode.given() {
		im.set(auth, "mode", document.Text(h.mode.value), h.mode.by)
	}
	for _, k := range h.keys {
		key := auth.Element("key", place(k.by))
		key.Comments = im.claim(k.by)
		key.Set("id", document.Number(k.id), place(k.by))
		file := k.file
		if file == "" {
			file = im.secret(fmt.Sprintf("%s-%d.key", i.title, k.id), k.value)
		}
		key.Set("file", document.Text(file), place(k.by))
	}
}

// secret keeps a secret for a file, and returns the path of that.
func (im *importer) secret(name, text string) string {
	file := path.Join(im.o.SecretDir, name)
	im.secrets[file] = text
	return file
}
