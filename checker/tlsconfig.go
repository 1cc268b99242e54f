package checker

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// tlsClient is how a check speaks TLS with one server.
type tlsClient struct {
	base    *tls.Config
	warning time.Duration // the certificate must be valid for so long, or there is a warning
	limit   time.Duration // likewise, or it is a failure
}

// newTLS returns the client that a spec describes, for a server of that name or address.
// What the files hold that the spec names is there once for all checks.
func (h *Host) newTLS(t TLS, host string) (*tlsClient, error) {
	files, err := h.tlsFiles.load(t.fileNames())
	if err != nil {
		return nil, err
	}
	return t.client(files, host), nil
}

func (t TLS) client(files *tlsFiles, host string) *tlsClient {
	return &tlsClient{
		base: &tls.Config{
			ServerName:         cmp.Or(t.ServerName, withoutZone(host)),
			RootCAs:            files.roots,
			Certificates:       files.certificates,
			InsecureSkipVerify: t.Insecure,
		},
		warning: t.ExpiryWarning,
		limit:   t.ExpiryLimit,
	}
}

// withoutZone returns a host as a certificate names it.
func withoutZone(host string) string {
	name, _, _ := strings.Cut(host, "%")
	return name
}

// config returns the configuration, which nobody may change.
func (c *tlsClient) config() *tls.Config { return c.base }

// speaking returns a client that offers these protocols by ALPN.
func (c *tlsClient) speaking(protocols ...string) *tlsClient {
	other := *c
	other.base = c.base.Clone()
	other.base.NextProtos = protocols
	return &other
}

// configFor returns the configuration for another server, which is shown no certificate.
func (c *tlsClient) configFor(host string) *tls.Config {
	config := c.base.Clone()
	config.ServerName = withoutZone(host)
	config.Certificates = nil
	return config
}

// judge looks for how long the server's certificate is valid still.
func (c *tlsClient) judge(state tls.ConnectionState, now time.Time) (warning string, err error) {
	left := expiry(state).Sub(now)
	switch {
	case c.limit > 0 && left < 0:
		return "", because("%s", untilExpiry(left))
	case c.limit > 0 && left < c.limit:
		return "", because("%s, wanted %s at least", untilExpiry(left), span(c.limit))
	case c.warning > 0 && left < c.warning:
		return untilExpiry(left), nil
	}
	return "", nil
}

// expiry returns when no chain to a root is valid any more; without any chain, that of the
// server's own certificate.
func expiry(state tls.ConnectionState) time.Time {
	var last time.Time
	for _, chain := range state.VerifiedChains {
		if end := chainExpiry(chain); end.After(last) {
			last = end
		}
	}
	if last.IsZero() {
		return chainExpiry(state.PeerCertificates[:1])
	}
	return last
}

func chainExpiry(chain []*x509.Certificate) time.Time {
	first := chain[0].NotAfter
	for _, certificate := range chain[1:] {
		if certificate.NotAfter.Before(first) {
			first = certificate.NotAfter
		}
	}
	return first
}

// tlsFileNames are the files of a TLS.
type tlsFileNames struct{ ca, certificate, key string }

func (t TLS) fileNames() tlsFileNames { return tlsFileNames{t.CAFile, t.CertFile, t.KeyFile} }

// tlsFiles is what they hold.
type tlsFiles struct {
	roots        *x509.CertPool // nil for those of the system
	certificates []tls.Certificate
}

func readTLSFiles(names tlsFileNames) (*tlsFiles, error) {
	roots, err := readRoots(names.ca)
	if err != nil {
		return nil, err
	}
	certificates, err := readCertificate(names)
	if err != nil {
		return nil, err
	}
	return &tlsFiles{roots: roots, certificates: certificates}, nil
}

func readRoots(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("CA file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file: %s holds no certificate in PEM", name)
	}
	return roots, nil
}

func readCertificate(names tlsFileNames) ([]tls.Certificate, error) {
	switch {
	case names.certificate == "" && names.key == "":
		return nil, nil
	case names.certificate == "" || names.key == "":
		return nil, errors.New("a client certificate and its key must be given together")
	}
	pair, err := tls.LoadX509KeyPair(names.certificate, names.key)
	if err != nil {
		return nil, fmt.Errorf("client certificate %s with key %s: %w", names.certificate, names.key, err)
	}
	return []tls.Certificate{pair}, nil
}

// tlsFileCache reads files again only when they have changed. The zero value is ready.
type tlsFileCache struct {
	mu   sync.Mutex
	held map[tlsFileNames]heldFiles
}

type heldFiles struct {
	stamps [3]fileStamp
	files  *tlsFiles
}

// fileStamp differs when a file does.
type fileStamp struct{ size, modified int64 }

func (c *tlsFileCache) load(names tlsFileNames) (*tlsFiles, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Before they are read, so that a change in between is not missed.
	stamps := names.stamps()
	if held, ok := c.held[names]; ok && held.stamps == stamps {
		return held.files, nil
	}
	files, err := readTLSFiles(names)
	if err != nil {
		return nil, err
	}
	if c.held == nil {
		c.held = map[tlsFileNames]heldFiles{}
	}
	c.held[names] = heldFiles{stamps: stamps, files: files}
	return files, nil
}

func (n tlsFileNames) stamps() [3]fileStamp {
	return [3]fileStamp{stamp(n.ca), stamp(n.certificate), stamp(n.key)}
}

// stamp returns the stamp of a file, the zero value if there is none.
func stamp(name string) fileStamp {
	info, err := os.Stat(name)
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{size: info.Size(), modified: info.ModTime().UnixNano()}
}
