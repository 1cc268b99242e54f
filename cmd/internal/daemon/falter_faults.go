//go:build faults

package daemon

import (
	"os"
	"path/filepath"
)

// falter has a part hang for ever, once a file of its name is in the folder PERCH_FAULTS.
func falter(part string) {
	if _, err := os.Stat(filepath.Join(os.Getenv("PERCH_FAULTS"), part)); err == nil {
		select {}
	}
}
