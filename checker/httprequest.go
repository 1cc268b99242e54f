package checker

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// parseTarget returns the URL of a check's target.
func parseTarget(target string) (*url.URL, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("URL %q: must begin with http:// or https://", target)
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("URL %q: has no host", target)
	}
	if !isASCII(u.Host) {
		return nil, fmt.Errorf("URL %q: the host must be ASCII, as in \"xn--...\"", target)
	}
	return u, nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' })
}

// originOf returns what tells one server from another.
func originOf(u *url.URL) string { return u.Scheme + "://" + strings.ToLower(authority(u)) }

// authority returns the host and port of a URL.
func authority(u *url.URL) string {
	port := u.Port()
	switch {
	case port == "" && u.Scheme == "https":
		port = "443"
	case port == "":
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// serverName returns the host that a certificate must name.
func serverName(host string, u *url.URL) string {
	if host == "" {
		return u.Hostname()
	}
	return (&url.URL{Host: bracketed(host)}).Hostname()
}

// bracketed returns a host as a URL has it, which is with brackets around an IPv6 address.
func bracketed(host string) string {
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		return "[" + host + "]"
	}
	return host
}

// httpTLS returns how a check speaks TLS, nil if it never does.
func httpTLS(h *Host, s Spec, target *url.URL) (*tlsClient, error) {
	if target.Scheme == "http" && !s.HTTP.Redirect {
		return nil, nil
	}
	client, err := h.newTLS(s.TLS, serverName(s.HTTP.Host, target))
	if err != nil {
		return nil, err
	}
	if s.HTTP.Protocol == "http/1.1" {
		return client.speaking("http/1.1"), nil
	}
	// Offered both, a server without h2 says so more clearly than by a refusal.
	return client.speaking("h2", "http/1.1"), nil
}

// newRequests returns the requests of a check.
func newRequests(spec HTTP, target *url.URL) ([]httpRequest, error) {
	if !slices.Contains([]string{"", "http/1.1", "h2"}, spec.Protocol) {
		return nil, fmt.Errorf("protocol %q: must be \"http/1.1\" or \"h2\"", spec.Protocol)
	}
	template, err := newTemplate(spec, target)
	if err != nil {
		return nil, err
	}
	wants := spec.Requests
	if len(wants) == 0 {
		wants = []Request{{}}
	}
	requests := make([]httpRequest, 0, len(wants))
	for _, want := range wants {
		request, err := newRequest(template, want)
		if err != nil {
			return nil, err
		}
		requests = append(requests, request)
	}
	return requests, nil
}

func newRequest(template *http.Request, spec Request) (httpRequest, error) {
	wanted, err := newWanted(spec)
	if err != nil {
		return httpRequest{}, err
	}
	if wanted.asksForBody() && template.Method == http.MethodHead {
		return httpRequest{}, errors.New("the answer to HEAD has no body")
	}
	u, err := template.URL.Parse(spec.URL)
	if err != nil {
		return httpRequest{}, fmt.Errorf("URL: %w", err)
	}
	if originOf(u) != originOf(template.URL) {
		return httpRequest{}, fmt.Errorf("URL %q: is of another server than the target", spec.URL)
	}
	own := *template
	own.URL = u
	return httpRequest{template: &own, wanted: wanted}, nil
}

// newTemplate returns what the requests of a check have in common.
func newTemplate(spec HTTP, target *url.URL) (*http.Request, error) {
	header, err := newHeader(spec.Headers)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(cmp.Or(spec.Method, http.MethodGet), target.String(), strings.NewReader(spec.Body))
	if err != nil {
		return nil, err
	}
	if request.Host, err = newHostHeader(spec.Host, target); err != nil {
		return nil, err
	}
	request.Header = header
	if user := target.User; user != nil && header.Get("Authorization") == "" {
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
	}
	return request, nil
}

func newHostHeader(host string, target *url.URL) (string, error) {
	if host == "" {
		return target.Host, nil
	}
	host = bracketed(host)
	if u, err := url.Parse("http://" + host + "/"); err != nil || u.Host != host || u.Hostname() == "" || !isASCII(host) {
		return "", fmt.Errorf("host %q: must be a host, or host:port", host)
	}
	return host, nil
}

// isOwnHeader tells whether a header field follows from something else, and from what.
func isOwnHeader(name string) (why string, own bool) {
	switch name {
	case "Host":
		return "that is a setting of its own", true
	case "Content-Length", "Transfer-Encoding":
		return "it follows from the body", true
	case "Trailer":
		return "there are none", true
	}
	return "", false
}

// newHeader returns the header fields that lines like "Name: value" stand for.
func newHeader(lines []string) (http.Header, error) {
	header := http.Header{"User-Agent": {"perch"}, "Connection": {"close"}}
	given := http.Header{}
	for _, line := range lines {
		name, value, err := parseHeader(line)
		if err != nil {
			return nil, err
		}
		given.Add(name, value)
	}
	for name, values := range given {
		header[name] = values
	}
	return header, nil
}

func parseHeader(line string) (name, value string, err error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !isToken(name) {
		return "", "", fmt.Errorf("header %q: must be \"Name: value\"", line)
	}
	value = strings.Trim(value, " \t")
	if strings.ContainsFunc(value, isControl) {
		return "", "", fmt.Errorf("header %q: control characters are not allowed", line)
	}
	name = http.CanonicalHeaderKey(name)
	if why, own := isOwnHeader(name); own {
		return "", "", fmt.Errorf("header %q: not allowed, %s", line, why)
	}
	return name, value, nil
}

// isToken tells whether a header field may have that name (RFC 9110, section 5.6.2).
func isToken(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"
	return name != "" && strings.Trim(name, letters) == ""
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// begin returns a copy of a request to be made once.
func (r *httpRequest) begin() *http.Request {
	request := *r.template
	if request.GetBody != nil {
		// It has been read from a string, so there is no error.
		request.Body, _ = request.GetBody()
	}
	return &request
}
