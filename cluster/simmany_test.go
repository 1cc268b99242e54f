package cluster

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"time"
)

var many = flag.Int("many", 0, "run so many schedules with the library as it is, and as many with a hostile one, in processes of their own")

// Many schedules, spread over the processors. Each process has one, which is faster
// than sharing them and lets a seed mostly repeat itself.
func TestManySchedules(t *testing.T) {
	if *many == 0 {
		return // make sim
	}
	libraries := map[string]string{"library as it is": ownModules, "hostile library": hostileLibrary(t)}
	for name, modfile := range libraries {
		t.Run(name, func(t *testing.T) {
			binary, err := buildTests(t.Context(), t.TempDir(), modfile, nil)
			if err != nil {
				t.Fatal(err)
			}
			started := time.Now()
			spread(t, binary)
			t.Logf("%d schedules from seed %d on, %s, %d at once", *many, *firstSeed, time.Since(started).Round(time.Second), runtime.NumCPU())
		})
	}
}

// spread runs the schedules in one process for each processor, until one fails.
func spread(t *testing.T, binary string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	workers := min(runtime.NumCPU(), *many)
	for w := range workers {
		first, last := *many*w/workers, *many*(w+1)/workers
		running.Go(func() {
			cmd := simulator(ctx, binary, *firstSeed+uint64(first), last-first, "TestSimulation")
			out, err := cmd.CombinedOutput()
			if err != nil && ctx.Err() == nil {
				t.Errorf("%v\n%s\nOnce more: make sim SCHEDULES=1 SEED=%s", err, out, failed(out))
				cancel()
			}
		})
	}
}

var failure = regexp.MustCompile(`FAIL: TestSimulation/seed=(\d+)`)

// failed returns the seed of the schedule that failed, if the output names it.
func failed(out []byte) string {
	if match := failure.FindSubmatch(out); match != nil {
		return string(match[1])
	}
	return "?"
}

// simulator is a process that runs tests and schedules of a test binary.
func simulator(ctx context.Context, binary string, seed uint64, schedules int, tests string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, "-test.failfast", "-test.timeout=0", "-test.run=^("+tests+")$",
		fmt.Sprint("-seed=", seed), fmt.Sprint("-schedules=", schedules))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=400", "GODEBUG=randseednop=0")
	return cmd
}
