package daemon

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pureImports is all that a pure package may import: it does no I/O, reads no clock,
// starts nothing and does not log.
var pureImports = []string{
	"bytes", "cmp", "container/heap", "crypto/hmac", "crypto/md5", "crypto/sha256", "crypto/subtle", "encoding/binary",
	"encoding/json", "errors", "fmt", "hash", "hash/fnv", "iter", "maps", "math", "net/netip", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// typeImports are what a pure file of a shell may import besides, for constants and
// for the types of messages; see impure. A package that is pure as a whole is one.
var typeImports = []string{
	"net", "golang.org/x/sys/unix", "golang.org/x/net/bpf", "github.com/hashicorp/raft", module + "/cluster/state",
	module + "/ipvs", module + "/cmd/internal/config", module + "/cmd/internal/api", module + "/cmd/internal/clock", module + "/cmd/internal/events", module + "/vip/fence",
}

// purePackages are pure as a whole.
var purePackages = []string{"cluster/state", "vrrp"}

// pureFiles are the pure parts of packages that are shells otherwise.
var pureFiles = []string{
	"cluster/grants.go", "cluster/lease.go", "cluster/preference.go", "cluster/scan.go",
	"ipvs/check.go", "ipvs/plan.go", "ipvs/timeouts.go",
	"vip/plan.go", "vip/model.go", "vip/schedule.go", "vip/agenda.go", "vip/fight.go", "vip/limiter.go", "vip/rival.go",
	"vip/backstop.go", "vip/batch.go", "vip/range.go", "vip/sweep.go", "vip/whereabouts.go",
	"vip/route/plan.go", "vrrp/vrrpnet/heap.go",
	"vip/bgp/plan.go", "vip/bgp/running.go", "vip/bgp/network.go", "vip/bgp/backoff.go", "vip/bgp/look.go",
	"vip/frame.go", "vip/decode.go", "vip/filter.go", "vip/question.go",
	"vip/route/plan.go", "vip/route/route.go", "vip/route/survey.go",
	"checker/machine.go", "checker/agenda.go",
	"ipvs/pool.go", "ipvs/condition.go", "ipvs/outcome.go", "ipvs/tracked.go", "ipvs/quorum.go", "ipvs/ramp.go", "ipvs/explain.go",
	"cmd/internal/daemon/policy.go", "cmd/internal/daemon/weigh.go", "cmd/internal/daemon/succession.go",
	"cmd/internal/daemon/holddown.go", "cmd/internal/daemon/beat.go", "cmd/internal/daemon/explain.go",
	"cmd/internal/daemon/servicespec.go", "cmd/internal/daemon/virtualservice.go", "cmd/internal/daemon/place.go",
	"cmd/internal/events/event.go", "cmd/internal/events/kind.go", "cmd/internal/events/ring.go",
	"cmd/internal/daemon/scene.go",
	"cmd/internal/daemon/ruling.go", "cmd/internal/daemon/servicereport.go", "cmd/internal/daemon/servicecount.go",
	"cmd/internal/web/text.go", "cmd/internal/web/metrics.go", "cmd/internal/web/table.go", "cmd/internal/web/services.go",
	"cmd/internal/web/routers.go", "cmd/internal/web/sse.go",
	"cmd/internal/daemon/consistency.go", "cmd/internal/daemon/consistency_lists.go", "cmd/internal/daemon/commonsettings.go", "cmd/internal/daemon/skew.go",
	"cmd/internal/clock/sources.go", "cmd/internal/clock/warnings.go", "cmd/internal/clock/status.go",
	"cmd/internal/web/host.go", "cmd/internal/api/overview.go",
	"cmd/internal/web/board/edition.go", "cmd/internal/web/board/write.go", "cmd/internal/web/board/page.go", "cmd/internal/web/board/table.go",
	"cmd/internal/web/board/view.go", "cmd/internal/web/board/level.go", "cmd/internal/web/board/headline.go", "cmd/internal/web/board/problems.go", "cmd/internal/web/board/vips.go",
	"cmd/internal/web/board/nodes.go", "cmd/internal/web/board/routers.go", "cmd/internal/web/board/checks.go",
	"cmd/internal/web/board/services.go", "cmd/internal/web/board/rest.go", "cmd/internal/web/board/timeline.go",
}

func TestPurePackages(t *testing.T) {
	may := goList(t, append([]string{"-deps"}, pureImports...)...)
	for _, pure := range purePackages {
		foreign := slices.DeleteFunc(goList(t, "-deps", "./"+pure), func(dep string) bool {
			return dep == module+"/"+pure || slices.Contains(may, dep)
		})
		if len(foreign) > 0 {
			t.Errorf("%s needs what no pure package does: %q", pure, foreign)
		}
		files, err := filepath.Glob(filepath.Join(root, pure, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no files (%v)", pure, err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				checkPure(t, file, pureImports)
			}
		}
	}
}

func TestPureFiles(t *testing.T) {
	for _, file := range pureFiles {
		checkPure(t, filepath.Join(root, file), slices.Concat(pureImports, typeImports))
	}
}

func checkPure(t *testing.T, file string, mayImport []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range impurities(parsed, mayImport) {
		t.Errorf("%s is pure, and has %s", strings.TrimPrefix(file, root+"/"), what)
	}
}

// impure are the names that pure code may not use of what it may import.
var impure = map[string]*regexp.Regexp{
	"time": regexp.MustCompile(`^(Now|Since|Until|Sleep|After|AfterFunc|Tick|NewTimer|NewTicker|Local|LoadLocation)$`),
	"fmt":  regexp.MustCompile(`^(Print|Fprint|Scan|Fscan)`),
	"unix": regexp.MustCompile(`[a-z]`),         // functions; constants are in capitals
	"net":  regexp.MustCompile(`^([^H]|H[^a])`), // all but HardwareAddr
	"raft": regexp.MustCompile(`^(New|Bootstrap|Recover)`),

	"ipvs":   regexp.MustCompile(`^(New|Manager|SetSync|SyncDaemons)$`),
	"config": regexp.MustCompile(`^(Load|OpenFile)$`),
	"clock":  regexp.MustCompile(`^(New|Ask)$`),
	"fence":  regexp.MustCompile(`^New$`),
	"api":    regexp.MustCompile(`^(New|Listen|Serve$|[A-Za-z]*Handler$)`),
}

// impurities returns what pure code may not have.
func impurities(file *ast.File, mayImport []string) (found []string) {
	for _, spec := range file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		if !slices.Contains(mayImport, name) {
			found = append(found, "the import "+name)
		}
		if spec.Name != nil && spec.Name.Name != path.Base(name) {
			found = append(found, "the import "+name+" under another name")
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.GoStmt:
			found = append(found, "a goroutine")
		case *ast.SelectorExpr:
			pkg, ok := node.X.(*ast.Ident)
			if ok && pkg.Obj == nil && impure[pkg.Name] != nil && impure[pkg.Name].MatchString(node.Sel.Name) {
				found = append(found, pkg.Name+"."+node.Sel.Name)
			}
		}
		return true
	})
	return found
}

func TestImpurities(t *testing.T) {
	tests := map[string][]string{
		`import "time"; func f(now time.Time) time.Time { return now.Add(time.Second) }`: nil,
		`import "golang.org/x/sys/unix"; const a = unix.AF_INET6`:                        nil,
		`import "fmt"; func f() string { return fmt.Sprint(1) }`:                         nil,
		`import "net"; func f(b []byte) string { return net.HardwareAddr(b).String() }`:  nil,
		`import "net"; func f() { net.Dial("", "") }`:                                    {"net.Dial"},
		`import "time"; func f() time.Time { return time.Now() }`:                        {"time.Now"},
		`import "github.com/perch-vip/perch/ipvs"; func f() { ipvs.SetSync(nil) }`:       {"ipvs.SetSync"},
		`import "time"; var clock = time.Since`:                                          {"time.Since"},
		`import "golang.org/x/sys/unix"; func f() { unix.Close(0) }`:                     {"unix.Close"},
		`import "fmt"; func f() { fmt.Println() }`:                                       {"fmt.Println"},
		`import clock "time"; func f() { clock.Now() }`:                                  {"the import time under another name"},
		`import . "time"; func f() { Now() }`:                                            {"the import time under another name"},
		`import ("os"; "log/slog"; "sync"); func f() { os.Exit(0); slog.Info("") }`:      {"the import os", "the import log/slog", "the import sync"},
		`func f() { go f() }`: {"a goroutine"},
	}
	for code, want := range tests {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; "+code, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := impurities(file, slices.Concat(pureImports, typeImports)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}
