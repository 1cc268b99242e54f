package daemon

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
)

// maxCertificates bounds a ca_file.
const maxCertificates = 1 << 20

// errNoPassword is of an empty password_file.
var errNoPassword = errors.New("it is empty; must have the password")

// mailOf returns people who are told by mail, and a key that differs when anything of how
// does: also the password, which is not in it.
func mailOf(n *config.Notify, node string) (notify.Target, string, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, "", fmt.Errorf("host name: %w", err)
	}
	c := n.Mail
	m := &notify.Mail{
		Node:          node,
		Server:        c.Server,
		From:          cmp.Or(c.From, "root@"+host),
		To:            c.To,
		SubjectPrefix: c.SubjectPrefix,
		Hello:         helloOf(cmp.Or(c.Hello, host)),
		Encryption:    notify.Encryption(c.TLS),
		TLS:           &tls.Config{MinVersion: tls.VersionTLS12},
		User:          c.User,
		Timeout:       n.Timeout,
	}
	var authorities, password []byte
	if c.CAFile != "" {
		if authorities, err = readAuthorities(c.CAFile, m.TLS); err != nil {
			return nil, "", err
		}
	}
	if c.PasswordFile != "" {
		if password, err = readSecretFile("password_file", c.PasswordFile); err != nil {
			return nil, "", err
		}
		if len(password) == 0 {
			return nil, "", fmt.Errorf("read password_file %s: %w", c.PasswordFile, errNoPassword)
		}
		m.Password = string(password)
	}
	key := fmt.Sprintf("mail %+v within %s, node %q, password %x, authorities %x", c, n.Timeout, node, sha256.Sum256(password), sha256.Sum256(authorities))
	return m, key, nil
}

// helloOf returns a name as it stands behind EHLO (RFC 5321 section 4.1.3).
func helloOf(name string) string {
	a, err := netip.ParseAddr(name)
	switch {
	case err != nil:
		return name
	case a.Is6():
		return "[IPv6:" + name + "]"
	}
	return "[" + name + "]"
}

// readAuthorities has TLS trust those of a file, and returns what is in it.
func readAuthorities(path string, into *tls.Config) ([]byte, error) {
	f, err := config.OpenFile(path)
	if err != nil {
		return nil, fmt.Errorf("read ca_file: %w", err)
	}
	defer f.Close()
	pem, err := readAtMost(f, maxCertificates)
	if err != nil {
		return nil, fmt.Errorf("read ca_file %s: %w", path, err)
	}
	into.RootCAs = x509.NewCertPool()
	if !into.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read ca_file %s: no certificate in PEM is in it", path)
	}
	return pem, nil
}
