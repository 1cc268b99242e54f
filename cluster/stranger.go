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
