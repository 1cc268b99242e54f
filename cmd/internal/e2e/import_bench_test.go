package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

const importRecordBegin = "<!-- figures of make bench-import -->\n"

// importLimit is for how long a program may read a file.
const importLimit = 2 * time.Minute

// largeConf is a keepalived.conf of many instances.
type largeConf struct {
	name      string
	instances int
	text      func(instances int) string
}

// BenchmarkImport measures the import of large files of keepalived, and prints, or with -record
// writes, a table.
func BenchmarkImport(b *testing.B) {
	lab.NeedPeers(b)
	var rows strings.Builder
	var read [][]string
	keep := func() { keepRows(b, "import", []string{"what", "program", "round", "ms", "KiB"}, read) }
	defer keep()
	for _, c := range []largeConf{
		{"written out", 1000, writtenOut},
		{"written out", 65000, writtenOut},
		{"made by `~SEQ`", 65000, bySequence},
	} {
		file := filepath.Join(b.TempDir(), "keepalived.conf")
		must(b, os.WriteFile(file, []byte(c.text(c.instances)), 0o600))
		perch := &figure{name: "perch"}
		memory := int64(0)
		what := fmt.Sprintf("%d, %s", c.instances, c.name)
		for i := range *benchRounds {
			took, rss, err := reading(perchBinary(b), "import", "keepalived", file)
			must(b, err)
			read = append(read, []string{what, "perch", strconv.Itoa(i + 1), ms(took), strconv.FormatInt(rss, 10)})
			perch.samples, memory = append(perch.samples, took), max(memory, rss)
		}
		keepalived, rss, err := reading("keepalived", "-t", "-f", file)
		read = append(read, []string{what, "keepalived", "1", peerTime(keepalived, err), strconv.FormatInt(rss, 10)})
		keep()
		fmt.Fprintf(&rows, "| %s | %s | %s | %d MB | %s |\n", what,
			ms(perch.quantile(0.5)), ms(perch.quantile(1)), memory>>10, peerTime(keepalived, err))
	}
	report := fmt.Sprintf("Measured on %s: %s.\n\n", time.Now().UTC().Format(time.DateOnly), machineName(b)) + "| instances | perch, median ms | longest ms | memory, most | `keepalived -t`, ms |\n|---|---|---|---|---|\n" + rows.String()
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, importRecordBegin, report))
	}
}

func peerTime(took time.Duration, err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("more than %v", importLimit)
	}
	return ms(took)
}

// reading runs a program that reads a config, and returns how long it took and how much memory
// it had, in KiB. What it finds is not of interest: the interfaces are not there.
func reading(name string, args ...string) (took time.Duration, rss int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), importLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	start := time.Now()
	err = cmd.Run()
	took = time.Since(start)
	if ctx.Err() != nil {
		return took, 0, ctx.Err()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && name == "keepalived" && exit.Exited() {
		err = nil
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		rss = usage.Maxrss
	}
	return took, rss, err
}

func writtenOut(instances int) string {
	var b strings.Builder
	for i := range instances {
		n, v := i/250, i%250+1
		fmt.Fprintf(&b, "vrrp_instance VI_%d_%d {\n    state BACKUP\n    interface eth%d\n    virtual_router_id %d\n    priority 100\n"+
			"    advert_int 1\n    virtual_ipaddress {\n        10.%d.%d.%d/24\n    }\n}\n", n, v, n, v, n%256, v, 1+n/256)
	}
	return b.String()
}

func bySequence(instances int) string {
	return fmt.Sprintf(`$I=vrrp_instance VI_${N}_${V} { \
    state BACKUP \
    interface eth${N} \
    virtual_router_id ${V} \
    priority 100 \
    advert_int 1 \
    virtual_ipaddress { \
        10.${N}.${V}.1/24 \
    } \
}
~SEQ(N, 1, %d) ~SEQ(V, 1, 254) $I
`, instances/254)
}
