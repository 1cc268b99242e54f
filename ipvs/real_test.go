package ipvs

import (
	"errors"
	"testing"
)

// A kernel without IPVS is told from one that cannot be asked.
func TestOpenKernel(t *testing.T) {
	t.Parallel()
	k, err := openKernel()
	if errors.Is(err, errNoIPVS) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := k.close(); err != nil {
		t.Error(err)
	}
}
