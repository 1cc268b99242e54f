//go:build faults

package vrrpnet

import (
	"os"
	"path/filepath"
)

// falter has the engine hang for ever, once a file "engine" is in the folder PERCH_FAULTS.
func falter() {
	if _, err := os.Stat(filepath.Join(os.Getenv("PERCH_FAULTS"), "engine")); err == nil {
		select {}
	}
}
