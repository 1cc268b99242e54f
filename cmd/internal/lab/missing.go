package lab

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// MissingError says what this machine or this user lacks for a lab.
type MissingError struct {
	What string // what could not be made: "a network namespace"
	Need string // what it needs: "root (CAP_SYS_ADMIN)"
	Err  error
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s needs %s: %v", e.What, e.Need, e.Err)
}

func (e *MissingError) Unwrap() error { return e.Err }

// needs maps a thing of a lab to what the user and the kernel must give for it.
var needs = map[string]struct{ right, kernel string }{
	"a network namespace":  {"root (CAP_SYS_ADMIN)", "a kernel with network namespaces (CONFIG_NET_NS)"},
	"a mount namespace":    {"root (CAP_SYS_ADMIN)", "a kernel with mount namespaces"},
	"an interface":         {"root (CAP_NET_ADMIN)", "a kernel with netlink"},
	"a bridge":             {"root (CAP_NET_ADMIN)", "the kernel module bridge (try: modprobe bridge)"},
	"a veth pair":          {"root (CAP_NET_ADMIN)", "the kernel module veth (try: modprobe veth)"},
	"an IPv6 address":      {"root (CAP_NET_ADMIN)", "a kernel with IPv6 switched on (neither ipv6.disable nor disable_ipv6)"},
	"a raw network socket": {"root (CAP_NET_RAW)", "a kernel with raw sockets"},
}

// missing explains err when it means that a right or a part of the kernel is
// not there; any other error it only names.
func missing(what string, err error) error {
	need := needs[what]
	switch {
	case errors.Is(err, unix.EPERM):
		return &MissingError{What: what, Need: need.right, Err: err}
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS),
		errors.Is(err, unix.EINVAL), errors.Is(err, unix.EAFNOSUPPORT),
		errors.Is(err, unix.EACCES): // an IPv6 address where IPv6 is switched off
		return &MissingError{What: what, Need: need.kernel, Err: err}
	default:
		return fmt.Errorf("make %s: %w", what, err)
	}
}
