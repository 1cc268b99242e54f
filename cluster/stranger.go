package cluster

import (
	"errors"
	"fmt"
	"strings"
)

// Why two nodes do not take each other for members of one cluster.
var (
	errOtherSecret  = errors.New("it has another secret or CA")
	errOtherCluster = errors.New("it belongs to another cluster")
	// errNotLetIn is what a node says at the other end of a connection that it refuses
	// after the handshake, as far as this end sees it.
	errNotLetIn = errors.New("it does not let this node in: its secret or CA is another, or its list lacks this node")
)

// strangeness tells the usual cause of a failed handshake from words of its error:
// package tls gives the alerts of the other side no type.
var strangeness = []struct {
	words string
	cause error
}{
	{"certificate signed by unknown authority", errOtherSecret},
	{"tls: bad certificate", errOtherSecret},
	{"tls: unknown certificate authority", errOtherSecret},
	{"tls: no application protocol", errOtherCluster},
	{"tls: client requested unsupported application protocols", errOtherCluster},
}

// explain puts the usual cause of a failed handshake before its error.
func explain(err error) error {
	for _, s := range strangeness {
		if strings.Contains(err.Error(), s.words) {
			return fmt.Errorf("%w (%w)", s.cause, err)
		}
	}
	return err
}

// explainRefusal is explain for the first words of the other side.
func explainRefusal(err error) error {
	if strings.Contains(err.Error(), "remote error: tls: ") {
		return fmt.Errorf("%w (%w)", errNotLetIn, err)
	}
	return err
}

// withStrangers lists the names of nodes that do not answer, and says of those that
// are there why not.
func withStrangers(failures map[string]error) string {
	var list []string
	for _, name := range sortedKeys(failures) {
		for _, strange := range []error{errOtherSecret, errOtherCluster, errNotLetIn} {
			if errors.Is(failures[name], strange) {
				name += " (" + strange.Error() + ")"
				break
			}
		}
		list = append(list, name)
	}
	return strings.Join(list, ", ")
}

// IsStranger tells whether an error is of a node that is there and does not take this one
// for a member of its cluster, or the other way round.
func IsStranger(err error) bool {
	for _, strange := range []error{errOtherSecret, errOtherCluster, errNotLetIn} {
		if errors.Is(err, strange) {
			return true
		}
	}
	return errors.Is(explainRefusal(err), errNotLetIn)
}
