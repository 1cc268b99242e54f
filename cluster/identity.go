package cluster

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// MinSecret is the least number of bytes in a cluster secret.
const MinSecret = 32

// Credentials prove to the peers that this node belongs to the cluster, and
// check theirs.
type Credentials struct {
	cluster string
	cert    tls.Certificate
	roots   *x509.CertPool
	// dated tells whether certificates are refused outside their validity. Those
	// that perch issues to itself are not: they live in memory and die with the
	// process, and a node whose clock is wrong after a power cut must still vote.
	dated bool
}

// CredentialsFromSecret derives a CA from the secret and the cluster's name
// (HKDF-SHA256 to an Ed25519 seed) and issues this process a certificate of it,
// so that one shared file is all the PKI there is. An empty secret gives a CA
// that everybody can derive: the caller has chosen insecure = true.
func CredentialsFromSecret(secret []byte, clusterName, node string) (*Credentials, error) {
	seed, err := hkdf.Key(sha256.New, secret, []byte("perch cluster CA v1"), clusterName, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("derive cluster key: %w", err)
	}
	caKey := ed25519.NewKeyFromSeed(seed)
	ca, err := selfSign(caKey, clusterName)
	if err != nil {
		return nil, err
	}
	cert, err := issue(ca, caKey, node)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	return &Credentials{cluster: clusterName, cert: cert, roots: roots}, nil
}

// PEM is what a file holds, and what errors call the file.
type PEM struct {
	Name string
	Data []byte
}

// CredentialsFromPEM takes an operator's own PKI: the CA, this node's certificate
// (its common name or a DNS name is the node's name) and the certificate's key.
func CredentialsFromPEM(ca, cert, key PEM, clusterName string) (*Credentials, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.Data) {
		return nil, fmt.Errorf("read %s: no PEM certificate in it", ca.Name)
	}
	pair, err := tls.X509KeyPair(cert.Data, key.Data)
	if err != nil {
		return nil, fmt.Errorf("read %s with %s: %w", cert.Name, key.Name, err)
	}
	return &Credentials{cluster: clusterName, cert: pair, roots: roots, dated: true}, nil
}

func selfSign(key ed25519.PrivateKey, clusterName string) (*x509.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "perch cluster " + clusterName},
		NotBefore:             time.Unix(0, 0),
		NotAfter:              time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("create cluster CA: %w", err)
	}
	return x509.ParseCertificate(der)
}

func issue(ca *x509.Certificate, caKey ed25519.PrivateKey, node string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("create node key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: node},
		NotBefore:    ca.NotBefore, // nobody looks at these dates
		NotAfter:     ca.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issue certificate of %s: %w", node, err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// Protocols on the cluster port.
const (
	protocolRaft   = "perch-raft/1"
	protocolAPI    = "perch-api/1"
	protocolParley = "perch-parley/1"
)

// alpn returns the protocol's name on the wire. The cluster's name is part of
// it, so that two clusters under one operator's CA stay apart.
func (c *Credentials) alpn(protocol string) string { return protocol + " " + c.cluster }

// anyNode stands for a name where whoever has the secret is meant.
const anyNode = ""

// clientTLS accepts the peer of that name and nobody else.
func (c *Credentials) clientTLS(protocol, peer string) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		Certificates:       []tls.Certificate{c.cert},
		NextProtos:         []string{c.alpn(protocol)},
		InsecureSkipVerify: true, // by name of host; VerifyConnection checks the chain and the name
		VerifyConnection: func(cs tls.ConnectionState) error {
			allowed := []string{peer}
			switch {
			case peer == anyNode && c.dated:
				return ErrViaCA
			case peer == anyNode && len(cs.PeerCertificates) > 0:
				allowed = []string{commonName(cs.PeerCertificates[0])}
			}
			_, err := c.verify(cs, x509.ExtKeyUsageServerAuth, allowed)
			return err
		},
	}
}

// serverTLS accepts the peers that are named at the time. To parley, which is how a
// node joins, whoever has the secret may come: it could take any name. Where an
// operator's CA signs others, too, a node has to be on the list first.
func (c *Credentials) serverTLS(peers func() []string) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{c.cert},
		NextProtos:             []string{c.alpn(protocolRaft), c.alpn(protocolAPI), c.alpn(protocolParley)},
		ClientAuth:             tls.RequireAnyClientCert,
		SessionTicketsDisabled: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			allowed := peers()
			if !c.dated && cs.NegotiatedProtocol == c.alpn(protocolParley) && len(cs.PeerCertificates) > 0 {
				allowed = append(allowed, commonName(cs.PeerCertificates[0]))
			}
			_, err := c.verify(cs, x509.ExtKeyUsageClientAuth, allowed)
			return err
		},
	}
}

// verify returns which of the allowed peers is at the other end.
func (c *Credentials) verify(cs tls.ConnectionState, usage x509.ExtKeyUsage, allowed []string) (string, error) {
	if len(cs.PeerCertificates) == 0 {
		return "", errors.New("no certificate")
	}
	if cs.NegotiatedProtocol == "" {
		return "", errors.New("no protocol negotiated")
	}
	leaf := cs.PeerCertificates[0]
	options := x509.VerifyOptions{
		Roots:         c.roots,
		Intermediates: x509.NewCertPool(),
		KeyUsages:     []x509.ExtKeyUsage{usage},
	}
	if !c.dated {
		options.CurrentTime = leaf.NotBefore
	}
	for _, cert := range cs.PeerCertificates[1:] {
		options.Intermediates.AddCert(cert)
	}
	if _, err := leaf.Verify(options); err != nil {
		return "", err
	}
	names := append([]string{leaf.Subject.CommonName}, leaf.DNSNames...)
	for _, name := range names {
		if slices.Contains(allowed, name) {
			return name, nil
		}
	}
	return "", fmt.Errorf("certificate is of %q, not of %q", names, allowed)
}
