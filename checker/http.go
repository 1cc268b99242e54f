package checker

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// Bounds of what a server may send.
const (
	maxHead      = 64 << 10 // of an answer, with all interim ones before it
	maxBody      = 1 << 20  // as it comes, if something about it is asked for
	maxDiscard   = 16 << 20 // likewise, if nothing is
	maxRedirects = 10
)

// httpCheck is kind "http". Each request has a connection of its own, as one of a client
// that comes for the first time.
type httpCheck struct {
	shared   *httpShared
	dialer   *net.Dialer
	tls      *tlsClient // nil if no look can need it
	protocol string
	origin   string // of the target
	hostname string // likewise
	host     string // of the Host header; "" for the URL's
	connect  string // where the target's connections go, host:port
	alone    bool   // no other origin than the target's may be asked
	redirect bool
	requests []httpRequest
}

// httpRequest is one request of a check, and what must come of it.
type httpRequest struct {
	template *http.Request
	wanted   wanted
}

func newHTTP(h *Host, s Spec) (Checker, error) {
	target, err := parseTarget(s.Target)
	if err != nil {
		return nil, err
	}
	check := &httpCheck{
		shared:   &h.http,
		dialer:   dialer(s.Network),
		protocol: s.HTTP.Protocol,
		origin:   originOf(target),
		hostname: target.Hostname(),
		host:     s.HTTP.Host,
		connect:  authority(target),
		alone:    s.HTTP.Connect != "",
		redirect: s.HTTP.Redirect,
	}
	if err := check.reach(s); err != nil {
		return nil, err
	}
	if check.tls, err = httpTLS(h, s, target); err != nil {
		return nil, err
	}
	check.requests, err = newRequests(s.HTTP, target)
	return check, err
}

// reach decides where connections go.
func (c *httpCheck) reach(s Spec) error {
	if s.HTTP.Connect != "" {
		c.connect = s.HTTP.Connect
	}
	host, _, err := splitTarget(c.connect, "")
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return s.Network.fits(host)
}

// Check makes all requests, one after the other, until one goes wrong. Time is for all of
// them together.
func (c *httpCheck) Check(ctx context.Context) (Finding, error) {
	var found Finding
	look := httpLook{check: c, patience: patience(ctx)}
	for i := range c.requests {
		if err := look.make(ctx, &c.requests[i]); err != nil {
			return Finding{}, c.locate(&c.requests[i], look.explain(ctx, err))
		}
	}
	found.Warning = look.warning
	return found, nil
}

// shownPath is the path of a URL. What is asked for behind it may be a secret.
func shownPath(u *url.URL) string {
	if u.RawQuery == "" {
		return u.RequestURI()
	}
	return u.EscapedPath() + "?***"
}

// shownURL likewise is a URL, to which a server may have sent the client.
func shownURL(u *url.URL) string {
	shown := *u
	if u.RawQuery != "" {
		shown.RawQuery = "***"
	}
	return shown.Redacted()
}

// locate puts the path before a reason, where there are several.
func (c *httpCheck) locate(r *httpRequest, err error) error {
	if len(c.requests) == 1 {
		return err
	}
	path := cut(shownPath(r.template.URL), briefLimit/2)
	return &reason{text: brief(path + ": " + err.Error()), err: err}
}
