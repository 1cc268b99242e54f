package checker

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
)

// checkRedirect says whether a redirect is followed, and prepares the request that is.
func (c *httpCheck) checkRedirect(next *http.Request, before []*http.Request) error {
	switch {
	case len(before) > maxRedirects:
		return because("more than %d redirects", maxRedirects)
	case next.URL.Scheme != "http" && next.URL.Scheme != "https":
		return because("redirect to %s", quote(shownURL(next.URL)))
	case c.alone && originOf(next.URL) != c.origin:
		// By its name it may be on another node, which owns the VIP.
		return because("redirected to %s, which connect does not cover", cut(shownURL(next.URL), briefLimit/2))
	}
	next.Host = ""
	if c.isOfTarget(next.URL) {
		next.Host = c.host
	}
	return nil
}

// isOfTarget tells whether a URL is of the target's host, for which host, server name and
// client certificate are set.
func (c *httpCheck) isOfTarget(u *url.URL) bool {
	return strings.EqualFold(u.Hostname(), c.hostname)
}

// address returns where to connect to for a request.
func (c *httpCheck) address(request *http.Request) string {
	if originOf(request.URL) == c.origin {
		return c.connect
	}
	return authority(request.URL)
}

// tlsConfig returns how to speak TLS for a request.
func (c *httpCheck) tlsConfig(request *http.Request) *tls.Config {
	if c.isOfTarget(request.URL) {
		return c.tls.config()
	}
	return c.tls.configFor(request.URL.Hostname())
}
