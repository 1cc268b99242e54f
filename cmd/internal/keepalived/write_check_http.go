package keepalived

import (
	"slices"
	"strconv"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// httpLooks returns the keys of an HTTP_GET or SSL_GET: one check for each name that it asks
// in.
func (im *importer) httpLooks(v *virtualServer, r *realServer, c *checker) (looks []settings) {
	hosts := map[string][]*httpURL{}
	var names []said[string]
	for _, u := range c.urls {
		host := u.virtualHost.or(c.virtualHost).or(r.virtualHost).or(v.virtualHost)
		if _, ok := hosts[host.value]; !ok {
			names = append(names, host)
		}
		hosts[host.value] = append(hosts[host.value], u)
	}
	for _, host := range names {
		var l settings
		l.add("kind", document.Text("http"), nil)
		l = append(l, requests(hosts[host.value])...)
		if host.given() {
			l.add("host", document.Text(host.value), host.by)
		}
		if c.httpProtocol.value == "1.1" {
			l.add("protocol", document.Text("http/1.1"), c.httpProtocol.by)
		}
		if c.kind == "SSL_GET" {
			l = append(l, im.tls(c)...)
		} else if c.sniName.given() {
			im.remark(c.sniName.by, "does nothing without TLS, there as here")
		}
		looks = append(looks, l)
	}
	return looks
}

// requests returns what is asked for, and what the answers must be.
func requests(urls []*httpURL) (l settings) {
	answer := urls[0].answer()
	alike := !slices.ContainsFunc(urls, func(u *httpURL) bool { return u.answer().text() != answer.text() })
	items := make([]document.Item, len(urls))
	for i, u := range urls {
		items[i] = document.Item{Value: document.Text(u.path.value), Place: place(u.path.by)}
		if own := u.answer(); !alike && len(own) > 0 {
			pairs := []document.Pair{{Name: "url", Value: items[i].Value}}
			for _, s := range own {
				pairs = append(pairs, document.Pair{Name: s.name, Value: s.value})
			}
			items[i].Value = document.Inline(pairs...)
		}
	}
	if len(urls) > 1 || urls[0].path.value != "/" {
		l.add("url", document.List(items...), urls[0].path.by)
	}
	if alike {
		l = append(l, answer...)
	}
	return l
}

// answer returns the keys for what an answer must be.
func (u *httpURL) answer() (l settings) {
	if len(u.status) > 1 || len(u.status) == 1 && u.status[0].value != "200-299" {
		items := make([]document.Item, len(u.status))
		for i, s := range u.status {
			items[i] = document.Item{Value: document.Text(s.value), Place: place(s.by)}
			if n, err := strconv.Atoi(s.value); err == nil {
				items[i].Value = document.Number(n)
			}
		}
		l.add("status", document.List(items...), u.status[0].by)
	}
	if u.digest.given() {
		l.add("digest", document.Text("md5:"+u.digest.value), u.digest.by)
	}
	if u.regex.given() {
		name := "matches"
		if u.mismatch.value {
			name = "mismatch"
		}
		l.add(name, document.Text(u.expression()), u.regex.by)
	}
	return l
}

// tls returns the keys for how TLS is spoken. Keepalived takes any certificate.
func (im *importer) tls(c *checker) (l settings) {
	if c.sniName.given() {
		l.add("server_name", document.Text(c.sniName.value), c.sniName.by)
	}
	l.add("verify", document.Flag(false), nil)
	t := im.balancing.tls
	if t.cert.given() {
		l.add("cert_file", document.Text(t.cert.value), t.cert.by)
	}
	if t.key.given() {
		l.add("key_file", document.Text(t.key.value), t.key.by)
	}
	return l
}
