package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// issueTLS writes a certificate that is its own CA, and its key.
func issueTLS(t *testing.T, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"lb1"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTLSFiles(t *testing.T) {
	dir := t.TempDir()
	ca, cert, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	issueTLS(t, ca, key)
	issueTLS(t, cert, key)
	c := &config.Cluster{Name: "edge", TLSCA: ca, TLSCert: cert, TLSKey: key}
	_, before, err := readCredentials(c, "lb1")
	if err != nil {
		t.Fatal(err)
	}
	issueTLS(t, cert, key) // renewed
	_, now, err := readCredentials(c, "lb1")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"cluster.tls_cert's contents have changed and take effect at the next start",
		"cluster.tls_key's contents have changed and take effect at the next start",
	}
	if got := rewritten(before, now); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*config.Cluster{
		"tls_ca":   {TLSCA: fifo, TLSCert: cert, TLSKey: key},
		"tls_cert": {TLSCA: ca, TLSCert: fifo, TLSKey: key},
		"tls_key":  {TLSCA: ca, TLSCert: cert, TLSKey: fifo},
	} {
		_, _, err := readCredentials(c, "lb1")
		if want := "read " + name + ": open " + fifo + ": not a regular file"; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	huge := filepath.Join(dir, "huge.pem")
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 1<<40); err != nil { // more than any memory
		t.Fatal(err)
	}
	_, _, err = readCredentials(&config.Cluster{TLSCA: huge, TLSCert: cert, TLSKey: key}, "lb1")
	if want := "read tls_ca: " + huge + ": more than 1048576 bytes"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	_, _, err = readCredentials(&config.Cluster{TLSCA: key, TLSCert: cert, TLSKey: key}, "lb1")
	if want := "read tls_ca " + key + ": no PEM certificate in it"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, _, err := readCredentials(&config.Cluster{SecretFile: fifo}, "lb1"); err == nil || strings.Contains(err.Error(), "chmod") {
		t.Errorf("a FIFO as secret: %v", err)
	}
}

// Who can read a node's private key can be that node. Certificates are for all.
func TestTLSKeyIsForTheDaemonAlone(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	issueTLS(t, cert, key)
	c := &config.Cluster{Name: "edge", TLSCA: cert, TLSCert: cert, TLSKey: key}
	for _, tt := range []struct {
		cert, key os.FileMode
		want      string
	}{
		{0o644, 0o600, ""},
		{0o644, 0o640, ""},
		{0o644, 0o644, "read tls_key " + key + ": its mode is 0644, at most 0640 is allowed; run: chmod 0600 " + key},
		{0o600, 0o604, "read tls_key " + key + ": its mode is 0604, at most 0640 is allowed; run: chmod 0600 " + key},
	} {
		for path, mode := range map[string]os.FileMode{cert: tt.cert, key: tt.key} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		got := ""
		if _, _, err := readCredentials(c, "lb1"); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("certificate %04o, key %04o: %q, want %q", tt.cert, tt.key, got, tt.want)
		}
	}
}
