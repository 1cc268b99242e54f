package config

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const examples = top + "/deploy/examples"

// exampleFolders are the names of all examples.
func exampleFolders(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(examples)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if len(names) < 10 {
		t.Fatalf("only %d examples: %v", len(names), names)
	}
	return names
}

// mustParseExample parses the config of an example, which must bring no warning.
func mustParseExample(t *testing.T, file string) *Config {
	t.Helper()
	path := filepath.Join(examples, file)
	c, warnings, err := Parse(path, []byte(readFile(t, path)), "lb1")
	if err != nil || len(warnings) > 0 {
		t.Fatalf("mistakes %v, warnings %v", err, warnings)
	}
	return c
}

// Each config of an example can be run without a warning, on the node that its name says.
func TestExamples(t *testing.T) {
	for _, folder := range exampleFolders(t) {
		files, err := filepath.Glob(filepath.Join(examples, folder, "*.toml"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: configs %v, %v", folder, files, err)
		}
		for _, file := range files {
			c := mustParseExample(t, filepath.Join(folder, filepath.Base(file)))
			if name := filepath.Base(file); name != "perch.toml" && c.Node.Name+".toml" != name {
				t.Errorf("%s is for node %q", file, c.Node.Name)
			}
		}
	}
}

// The nodes of an example whose files say so differ in their names alone.
func TestExamplesThatDifferInTheName(t *testing.T) {
	want := map[string][]string{
		"three-nodes": {"lb1", "lb2", "lb3"}, "container": {"lb1", "lb2", "lb3"}, "haproxy": {"lb1", "lb2", "lb3"},
		"bgp": {"lb1", "lb2", "lb3"}, "witness": {"lb1", "lb2"}, "lvs": {"lb1", "lb2"},
	}
	for folder, nodes := range want {
		first := readFile(t, filepath.Join(examples, folder, nodes[0]+".toml"))
		for _, node := range nodes[1:] {
			text := readFile(t, filepath.Join(examples, folder, node+".toml"))
			renamed := strings.NewReplacer("[node]\nname = \""+nodes[0], "[node]\nname = \""+node, "# Node "+nodes[0], "# Node "+node)
			if diff := cmp.Diff(renamed.Replace(first), text); diff != "" {
				t.Errorf("%s of %s differs in more than the name:\n%s", node, folder, diff)
			}
		}
	}
	for _, folder := range exampleFolders(t) {
		page := readFile(t, filepath.Join(examples, folder, "README.md"))
		if _, known := want[folder]; known != strings.Contains(page, "node.name") {
			t.Errorf("%s: its README says that files differ in node.name alone, or does not: looked at here: %v", folder, known)
		}
	}
}

// A witness has the cluster of the others, in which it is the only one, and nothing to hold.
func TestExamplesOfWitnesses(t *testing.T) {
	for _, folder := range []string{"witness", "lvs"} {
		node, witness := mustParseExample(t, folder+"/lb1.toml"), mustParseExample(t, folder+"/witness.toml")
		if diff := cmp.Diff(node.Cluster.Peers, witness.Cluster.Peers, compareAddresses); diff != "" {
			t.Errorf("%s: the peers differ (-lb1 +witness):\n%s", folder, diff)
		}
		for _, p := range witness.Cluster.Peers {
			if p.Witness != (p.Name == "witness") {
				t.Errorf("%s: peer %s is a witness: %v", folder, p.Name, p.Witness)
			}
		}
		if len(witness.VIPs) > 0 || len(witness.Services) > 0 || len(node.VIPs) != 1 {
			t.Errorf("%s: VIPs of lb1 %v, of the witness %v, its services %v", folder, node.VIPs, witness.VIPs, witness.Services)
		}
	}
}

// A converge hook needs the address and the instance, and to be run again.
func TestExampleOfConverge(t *testing.T) {
	c := mustParseExample(t, "converge/perch.toml")
	if len(c.Notify) != 1 || len(c.Notify[0].Converge) != 3 || c.Notify[0].Every == 0 {
		t.Errorf("%+v", c.Notify)
	}
}

// The two nodes differ in their names and in who is the master of what.
func TestDualMaster(t *testing.T) {
	one, two := mustParseExample(t, "dual-master/lb1.toml"), mustParseExample(t, "dual-master/lb2.toml")
	if one.VRRP[0].Priority <= two.VRRP[0].Priority || one.VRRP[1].Priority >= two.VRRP[1].Priority {
		t.Error("one node has both priorities")
	}
	two.Node.Name = one.Node.Name
	for i := range two.VRRP {
		two.VRRP[i].Priority = one.VRRP[i].Priority
	}
	if diff := cmp.Diff(one, two, compareAddresses); diff != "" {
		t.Errorf("the two differ in more (-lb1 +lb2):\n%s", diff)
	}
}

// What FRR announces is what perch holds, and the nodes' files differ in their networks alone.
func TestExampleOfFRR(t *testing.T) {
	c := mustParseExample(t, "bgp/lb1.toml")
	first := readFile(t, examples+"/bgp/lb1.frr.conf")
	for _, vip := range c.VIPs {
		if !strings.Contains(first, " permit "+vip.Address.String()+"\n") {
			t.Errorf("%s is not announced", vip.Address)
		}
	}
	for _, node := range []string{"2", "3"} {
		renamed := strings.NewReplacer("lb1", "lb"+node, "10.1.0.", "10."+node+".0.", "2001:db8:1:", "2001:db8:"+node+":").Replace(first)
		if diff := cmp.Diff(renamed, readFile(t, examples+"/bgp/lb"+node+".frr.conf")); diff != "" {
			t.Errorf("that of lb%s differs in more than its networks:\n%s", node, diff)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`)

// Each example has a page that tells of all its files and of what happens in failures, and is
// listed with the others. Links to and from these pages lead somewhere.
func TestExamplesAreDescribed(t *testing.T) {
	list := readFile(t, examples+"/README.md")
	for _, folder := range exampleFolders(t) {
		if !strings.Contains(list, "]("+folder+"/README.md)") {
			t.Errorf("%s is not in the list of examples", folder)
		}
		page := readFile(t, filepath.Join(examples, folder, "README.md"))
		for _, title := range []string{"## Use it", "## What to change", "## What happens when"} {
			if !strings.Contains(page, "\n"+title+"\n") {
				t.Errorf("the page of %s has no %q", folder, title)
			}
		}
		entries, err := os.ReadDir(filepath.Join(examples, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := e.Name(); name != "README.md" && !strings.Contains(page, "`"+name+"`") {
				t.Errorf("the page of %s does not tell of %s", folder, name)
			}
		}
	}
	linksLead(t, "README.md", "docs/*.md", "deploy/examples/*.md", "deploy/examples/*/*.md")
}

// linksLead wants relative links of pages to lead somewhere, if one end is an example.
func linksLead(t *testing.T, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		pages, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			for _, m := range link.FindAllStringSubmatch(readFile(t, page), -1) {
				to := filepath.Join(filepath.Dir(page), m[1])
				if !slices.ContainsFunc([]string{page, to}, func(p string) bool { return strings.HasPrefix(p, examples) }) {
					continue
				}
				if _, err := os.Stat(to); err != nil {
					t.Errorf("%s links to %s: %v", page, m[1], err)
				}
			}
		}
	}
}
