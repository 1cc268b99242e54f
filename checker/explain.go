package checker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// explain returns what an error of net, crypto/tls, a system call or a context says, in
// one short line without the addresses, which the check's own target tells. A reason
// stays as it is.
func explain(err error) error { return explainWithin(err, 0) }

// explainWithin is explain for a look that had so much time; 0 if that is not known.
func explainWithin(err error, within time.Duration) error {
	if err == nil {
		return nil
	}
	if known := (*reason)(nil); errors.As(err, &known) {
		return known
	}
	return &reason{text: brief(explanation(err, within)), err: err}
}

func explanation(err error, within time.Duration) string {
	var (
		dns   *net.DNSError
		addr  *net.AddrError
		errno syscall.Errno
	)
	switch {
	case errors.As(err, &dns):
		return "cannot resolve " + dns.Name + ": " + resolveText(dns, within)
	case errors.As(err, &addr):
		return addrText(addr)
	case errors.Is(err, context.Canceled):
		return "canceled"
	case isTimeout(err):
		return lateText(within)
	case errors.As(err, &errno):
		return callText(err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed by the other side"
	}
	return tlsText(innermost(err).Error())
}

// lateText says that nothing came in time.
func lateText(within time.Duration) string {
	if within <= 0 {
		return "no answer in time"
	}
	return "no answer within " + within.String()
}

func resolveText(err *net.DNSError, within time.Duration) string {
	switch {
	case err.IsNotFound:
		return "no such host"
	case err.IsTimeout:
		return lateText(within)
	}
	return err.Err
}

// addrText is for the one AddrError that a target with a valid port can meet: the dialer's
// own address is of another family than each of the target.
func addrText(err *net.AddrError) string {
	source, _, failed := net.SplitHostPort(err.Addr)
	if failed != nil {
		return err.Err + " " + err.Addr
	}
	return fmt.Sprintf("the target has no address of the family of source %s", source)
}

// callText says what a system call has met.
func callText(err error) string {
	var call *os.SyscallError
	if errors.Is(err, syscall.EADDRNOTAVAIL) && errors.As(err, &call) {
		if call.Syscall == "bind" {
			return "the source is not an address of this machine"
		}
		return "no local address or port to connect from"
	}
	return errnoText(err)
}

// errnoText is the text of the error number in err.
func errnoText(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	switch errno {
	case syscall.ECONNRESET:
		return "connection reset by the other side"
	case syscall.EPIPE:
		return "connection closed by the other side"
	case syscall.EPERM:
		return "permission denied"
	}
	return errno.Error()
}

// tlsText takes the names of packages out of an error of crypto/tls.
func tlsText(text string) string {
	for _, package_ := range []string{"tls: failed to verify certificate: ", "x509: ", "tls: "} {
		text = strings.TrimPrefix(text, package_)
	}
	return text
}

// innermost takes away what net wraps errors in.
func innermost(err error) error {
	for {
		var op *net.OpError
		if !errors.As(err, &op) || op.Err == nil {
			return err
		}
		err = op.Err
	}
}
