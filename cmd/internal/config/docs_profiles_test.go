package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// After how long a dead owner is missed is said wherever it is said as the profiles have it.
func TestDocsKnowTheProfiles(t *testing.T) {
	for page, said := range map[string]string{
		"docs/limits.md":     fmt.Sprintf("after a heartbeat timeout (%d ms, %d ms or %v s)", heartbeatFast.Milliseconds(), heartbeatNormal.Milliseconds(), heartbeatWAN.Seconds()),
		"docs/comparison.md": fmt.Sprintf("| %d ms, %d ms (the default) or %v s |", heartbeatFast.Milliseconds(), heartbeatNormal.Milliseconds(), heartbeatWAN.Seconds()),
	} {
		if text := strings.Join(strings.Fields(readFile(t, filepath.Join(top, page))), " "); !strings.Contains(text, said) {
			t.Errorf("%s does not say %q", page, said)
		}
	}
}
