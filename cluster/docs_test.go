package cluster

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// What strangers at the cluster port can take is said in docs/security.md as it is.
func TestDocsKnowTheBoundsOfThePort(t *testing.T) {
	text, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(text)), " ")
	for _, said := range []string{
		fmt.Sprintf("%d unfinished handshakes with strangers and %d with each peer's address, %v s for each", maxStrangers, maxHandshakes, handshakeLimit.Seconds()),
		fmt.Sprintf("hold %d handshakes open for %v s each", maxStrangers, handshakeLimit.Seconds()),
		fmt.Sprintf("for each address that the peers' port refuses every %s.", map[bool]string{true: "second"}[refusalInterval.Seconds() == 1]),
		fmt.Sprintf("has at least %d bytes", MinSecret),
	} {
		if !strings.Contains(page, said) {
			t.Errorf("docs/security.md does not say %q", said)
		}
	}
}
