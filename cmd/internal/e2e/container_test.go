package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

const (
	dockerfile       = "../../../deploy/container/Dockerfile"
	containerExample = "../../../deploy/examples/container"
)

// image is the last stage of the Dockerfile, unpacked.
type image struct {
	root    string
	command []string // ENTRYPOINT and CMD
	health  []string

	capabilities []uintptr // that the example adds
}

// buildImage does what the last stage of the Dockerfile says, with this binary as what the
// first one makes.
func buildImage(t *testing.T, binary string) image {
	t.Helper()
	text, err := os.ReadFile(dockerfile)
	must(t, err)
	first, last, scratch := strings.Cut(string(text), "\nFROM scratch\n")
	if !scratch || !strings.Contains(first, "\nRUN make build licenses BIN=/out/perch ") {
		t.Fatalf("%s does not make /out/perch, or has no stage from scratch", dockerfile)
	}
	made := map[string]string{
		"/out/perch": binary, "/out/licenses": "../../../LICENSE", "/etc/ssl/certs/ca-certificates.crt": "/etc/ssl/certs/ca-certificates.crt",
	}
	i := image{root: t.TempDir(), capabilities: exampleCapabilities(t)}
	var arguments []string
	for line := range strings.Lines(last) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		_, exec, _ := strings.Cut(rest, "[")
		exec = "[" + exec
		switch instruction {
		case "COPY":
			fields := strings.Fields(rest)
			if len(fields) != 3 || fields[0] != "--from=build" || made[fields[1]] == "" {
				t.Fatalf("COPY %s is of what no stage makes", rest)
			}
			to := filepath.Join(i.root, fields[2])
			must(t, os.MkdirAll(filepath.Dir(to), 0o755))
			content, err := os.ReadFile(made[fields[1]])
			must(t, err)
			must(t, os.WriteFile(to, content, 0o755))
		case "ENTRYPOINT":
			must(t, json.Unmarshal([]byte(exec), &i.command))
		case "CMD":
			must(t, json.Unmarshal([]byte(exec), &arguments))
		case "HEALTHCHECK":
			must(t, json.Unmarshal([]byte(exec), &i.health))
		case "STOPSIGNAL":
			if rest != "SIGTERM" {
				t.Errorf("it is stopped by %s", rest)
			}
		}
	}
	i.command = append(i.command, arguments...)
	for _, dir := range []string{"proc", "sys", "dev", "etc/perch", "run/perch", "var/lib/perch"} { // as who runs containers does
		must(t, os.MkdirAll(filepath.Join(i.root, dir), 0o755))
	}
	return i
}

// containerEnv has this program be what begins a container: its value is a container in JSON.
const containerEnv = "PERCH_E2E_CONTAINER"

// container is a node in a container, as compose.yaml of the example has it run.
type container struct {
	Root    string
	Volumes map[string]string // what is where: folders of the machine, of those of the container
	Command []string
	Env     []string
	Keep    []uintptr // capabilities
}

// contain has the node run in a container from its next start on.
func (i image) contain(n *lab.Node, env ...string) {
	c := container{Keep: i.capabilities, Root: i.root, Command: i.command, Env: env, Volumes: map[string]string{
		"etc/perch": n.Dir, "run/perch": n.Dir, "var/lib/perch": n.DataDir(),
	}}
	n.Runs(func() *exec.Cmd {
		spec, _ := json.Marshal(c) // it is text
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{containerEnv + "=" + string(spec)}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS}
		return cmd
	})
}

// beContainer shuts this process, which is the first of its namespaces, into a container, and
// becomes its command.
func beContainer(spec string) error {
	runtime.LockOSThread()
	var c container
	if err := json.Unmarshal([]byte(spec), &c); err != nil {
		return err
	}
	if err := c.mount(); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return unix.Chdir(c.Root) },
		func() error { return unix.PivotRoot(".", ".") },
		func() error { return unix.Unmount(".", unix.MNT_DETACH) },
		func() error { return unix.Chdir("/") },
		c.dropCapabilities,
		func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return unix.Exec(c.Command[0], c.Command, append(c.Env, "PATH=/usr/bin"))
}

// mount puts together what the container sees: a root that is read-only, and its volumes.
func (c *container) mount() error {
	at := func(path string) string { return filepath.Join(c.Root, path) }
	mount := func(source, target, kind string, flags uintptr, data string) error {
		if err := unix.Mount(source, target, kind, flags, data); err != nil {
			return fmt.Errorf("mount %s on %s: %w", source, target, err)
		}
		return nil
	}
	const shut = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	errs := []error{
		mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		mount(c.Root, c.Root, "", unix.MS_BIND, ""),
		mount("proc", at("proc"), "proc", shut, ""),
		mount(at("proc/sys"), at("proc/sys"), "", unix.MS_BIND, ""),
		mount("", at("proc/sys"), "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|shut, ""),
		mount("sysfs", at("sys"), "sysfs", shut|unix.MS_RDONLY, ""),
		mount("tmpfs", at("dev"), "tmpfs", unix.MS_NOSUID, "mode=755"),
	}
	for target, source := range c.Volumes {
		errs = append(errs, mount(source, at(target), "", unix.MS_BIND, ""))
	}
	return errors.Join(append(errs,
		mount("", at("etc/perch"), "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""),
		mount("", c.Root, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))...)
}

// exampleCapabilities reads compose.yaml of the example, and wants it to have what the test
// has besides.
func exampleCapabilities(t *testing.T) (keep []uintptr) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(containerExample, "compose.yaml"))
	must(t, err)
	for _, want := range []string{
		"read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "network_mode: host",
		"/etc/perch:/etc/perch:ro", "/var/lib/perch:/var/lib/perch", "/run/perch:/run/perch",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("compose.yaml has no %s", want)
		}
	}
	_, list, _ := strings.Cut(string(text), "cap_add: [")
	list, _, _ = strings.Cut(list, "]")
	known := map[string]uintptr{"NET_ADMIN": unix.CAP_NET_ADMIN, "NET_RAW": unix.CAP_NET_RAW, "BPF": unix.CAP_BPF}
	for _, name := range strings.Split(list, ", ") {
		number, ok := known[name]
		if !ok {
			t.Fatalf("compose.yaml adds the capability %q", name)
		}
		keep = append(keep, number)
	}
	return keep
}

// dropCapabilities leaves those that are to be kept.
func (c *container) dropCapabilities() error {
	for i := uintptr(0); i <= unix.CAP_LAST_CAP; i++ {
		if slices.Contains(c.Keep, i) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, i, 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d: %w", i, err)
		}
	}
	return nil
}

// inContainers returns the cluster of the example, whose nodes are in containers and not started.
func inContainers(t *testing.T) *cluster {
	t.Helper()
	n := emptyNetwork(t)
	c := newCluster(t, n, vips("eth0", "198.18.0.100/24")) // first, so that its nodes have the example's addresses
	n.addClients(t)
	for _, node := range c.Nodes {
		text, err := os.ReadFile(filepath.Join(containerExample, node.Name+".toml"))
		must(t, err)
		patient := strings.Replace(string(text), "[cluster]\n", "[cluster]\nfailover = \"wan\"\n", 1) // no busy machine parts them
		must(t, os.WriteFile(node.ConfigFile(), []byte(patient), 0o600))
	}
	return c
}

// A cluster of three containers, as the image and the example have them: perch is process 1
// there, the root is read-only, and there are three capabilities.
func TestContainer(t *testing.T) {
	t.Parallel()
	c := inContainers(t)
	i := buildImage(t, c.Spec.Binary)
	for _, n := range c.Nodes {
		i.contain(n)
	}
	c.must(c.StartAll())
	killed := c.settled()
	c.neverTwoAnswers()
	p := c.ping()
	c.must(killed.Kill())
	c.movedFrom(killed)
	p.answered()
	c.must(killed.Start())

	stopped := c.settled()
	c.healthy(i, stopped)
	c.shutIn(stopped)
	c.handOver(stopped, wasStopped, func() { c.terminate(stopped) })
	p.answered()
	for _, n := range c.Nodes {
		if log := n.LogTail(10000); !strings.Contains(log, "msg=fence kind=bpf") {
			t.Errorf("%s has not the strongest fence:\n%s", n.Name, log)
		}
	}
}

// healthy runs the health check of the image in a node's container.
func (c *cluster) healthy(i image, n *lab.Node) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	enter := append([]string{"--target", strconv.Itoa(n.Process().PID()), "--mount", "--pid", "--root"}, i.health...)
	if out, err := exec.CommandContext(ctx, "nsenter", enter...).CombinedOutput(); err != nil {
		c.t.Errorf("%s is not healthy: %v\n%s", n.Name, err, out)
	}
}

// shutIn wants a node to be process 1 of a container whose root nobody writes to.
func (c *cluster) shutIn(n *lab.Node) {
	c.t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(n.Process().PID()))
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	c.must(err)
	for _, want := range []string{"\nNSpid:\t" + strconv.Itoa(n.Process().PID()) + "\t1\n", "\nNoNewPrivs:\t1\n", "\nCapEff:\t0000008000003000\n"} {
		if !strings.Contains(string(status), want) {
			c.t.Errorf("its status has no %q:\n%s", want, status)
		}
	}
	for _, file := range []string{"x", "etc/perch/x"} {
		if err := os.WriteFile(filepath.Join(proc, "root", file), nil, 0o600); !errors.Is(err, unix.EROFS) {
			c.t.Errorf("/%s of the container can be written: %v", file, err)
		}
	}
}

// Where a part hangs the container ends, so that who runs it can start it again.
func TestContainerWithAPartThatHangs(t *testing.T) {
	t.Parallel()
	lab.NeedRoot(t)
	binary := faultyBinary(t)
	c := inContainers(t)
	i := buildImage(t, binary)
	for _, n := range c.Nodes {
		i.contain(n, "PERCH_FAULTS=/var/lib/perch")
	}
	c.must(c.StartAll())
	old := c.settled()
	c.must(os.WriteFile(filepath.Join(old.DataDir(), "holder"), nil, 0o600))
	endsForAPart(t, &old.Daemon, "holder")
	c.movedFrom(old)
}
