package checker

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// explainTLS is explain for what can go wrong with TLS: what is wrong with a certificate,
// and what else a server says.
func explainTLS(err error, now time.Time) error {
	if known := (*reason)(nil); errors.As(err, &known) {
		return known
	}
	if text := tlsReason(err, now); text != "" {
		return &reason{text: brief(text), err: err}
	}
	return explain(err)
}

func tlsReason(err error, now time.Time) string {
	var (
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &invalid):
		return invalidReason(invalid, now)
	case errors.As(err, &name):
		return fmt.Sprintf("certificate is for %s, not %s", namesOf(name.Certificate), name.Host)
	case errors.As(err, &unknown):
		return "certificate signed by unknown authority"
	case errors.As(err, &record):
		return recordReason(record)
	}
	return remoteReason(err)
}

func invalidReason(err x509.CertificateInvalidError, now time.Time) string {
	if err.Reason != x509.Expired {
		return "certificate: " + strings.TrimPrefix(err.Error(), "x509: ")
	}
	if early := err.Cert.NotBefore.Sub(now); early > 0 {
		return fmt.Sprintf("certificate is not valid before %s from now", span(early))
	}
	return untilExpiry(err.Cert.NotAfter.Sub(now))
}

// namesOf returns the names of a certificate, no more than a person wants to read.
func namesOf(certificate *x509.Certificate) string {
	names := append([]string(nil), certificate.DNSNames...)
	for _, address := range certificate.IPAddresses {
		names = append(names, address.String())
	}
	const most = 3
	switch {
	case len(names) == 0:
		return "no name"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", cut(strings.Join(names[:most], ", "), 100), len(names)-most)
	}
	return cut(strings.Join(names, ", "), 100)
}

func recordReason(err tls.RecordHeaderError) string {
	if bytes.HasPrefix(err.RecordHeader[:], []byte("HTTP/")) {
		return "server speaks plain HTTP, not TLS"
	}
	return "server does not speak TLS"
}

// remoteReason is for an alert from the other side, whose type crypto/tls does not export.
func remoteReason(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return ""
	}
	return "server refused TLS: " + strings.TrimPrefix(op.Err.Error(), "tls: ")
}

// untilExpiry says when a certificate expires, or has expired.
func untilExpiry(left time.Duration) string {
	if left < 0 {
		return fmt.Sprintf("certificate expired %s ago", span(-left))
	}
	return fmt.Sprintf("certificate expires in %s", span(left))
}

// span returns a duration as a person says it.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return "seconds"
}
