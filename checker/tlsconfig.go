package checker

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"
)

// tlsClient is a stand-in.
type tlsClient struct{ cfg *tls.Config }

func newTLS(t TLS, host string) (*tlsClient, error) {
	cfg := &tls.Config{ServerName: host, InsecureSkipVerify: t.Insecure}
	if t.ServerName != "" {
		cfg.ServerName = t.ServerName
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, err
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no certificates", t.CAFile)
		}
	}
	return &tlsClient{cfg}, nil
}

func (c *tlsClient) config() *tls.Config { return c.cfg.Clone() }

func (c *tlsClient) judge(tls.ConnectionState, time.Time) (warning string, err error) {
	return "", nil
}
