package keepalived

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// What the pages say that their keepalived.conf becomes is what import prints.
func TestDocumentedExamples(t *testing.T) {
	example := regexp.MustCompile("(?s)\n((?: {4}[^\n]*\n|\n)+)\nbecomes\n\n```toml[^\n]*\n(.*?)```\n")
	for _, page := range []string{"vrrp-keepalived.md", "ipvs-keepalived.md"} {
		text, err := os.ReadFile(filepath.Join("../../../docs", page))
		if err != nil {
			t.Fatal(err)
		}
		parts := example.FindStringSubmatch(string(text))
		if parts == nil {
			t.Fatalf("%s has no example", page)
		}
		o := testOptions()
		o.Files = syntax.FSFiles{FS: fstest.MapFS{"keepalived.conf": {Data: []byte(parts[1])}}}
		r, err := Import("keepalived.conf", o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimSpace(parts[2]), strings.TrimSpace(string(r.Document.Render().Text))); diff != "" {
			t.Errorf("%s (-documented +printed):\n%s", page, diff)
		}
	}
}
