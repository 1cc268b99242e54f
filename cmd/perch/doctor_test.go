package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/doctor"
)

// director is the config of docs/ipvs-host.md and its host.
func director() (*config.Config, doctor.Facts) {
	c := &config.Config{
		Services: []config.Service{{
			Name: "web", Scheduler: "wlc", Protocol: "tcp",
			Addresses: []netip.AddrPort{netip.MustParseAddrPort("198.18.0.100:80")},
			Servers:   []config.RealServer{{Address: netip.MustParseAddrPort("198.18.1.11:80"), Weight: 1, Forward: "nat"}},
		}},
	}
	return c, doctor.Facts{
		Sysctls: map[string]int{"net/ipv4/ip_forward": 0, "net/ipv4/vs/expire_nodest_conn": 0},
		Modules: doctor.Modules{Known: true, Loadable: []string{"ip_vs", "ip_vs_wlc"}},
	}
}

// What the documentation shows is what is printed.
func TestDocsShowTheDoctor(t *testing.T) {
	d := diagnosisOf(doctor.Examine(director()))
	if d.OK {
		t.Error("an error is no error")
	}
	for _, file := range []string{"../../docs/ipvs-host.md", "../../docs/cli.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if shown := renderDiagnosis(d, noColour); !strings.Contains(string(text), "\n\n    "+strings.ReplaceAll(strings.TrimSpace(shown), "\n", "\n    ")+"\n\n") {
			t.Errorf("%s does not show\n%s", file, shown)
		}
	}
}

func TestDoctorPaintsWhatIsBad(t *testing.T) {
	got := renderDiagnosis(diagnosis{Findings: []doctor.Finding{
		{Severity: doctor.Error, Subject: "a", Text: "is\n b", Command: "c"},
		{Severity: doctor.Warning, Subject: "d", Text: "is e", Command: "f"},
		{Severity: doctor.Hint, Subject: "g", Text: "is h", Command: "i"},
	}}, ansiColour)
	want := "\x1b[31;1merror\x1b[0m: a is? b\n    c\n\x1b[33mwarning\x1b[0m: d is e\n    f\nhint: g is h\n    i\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Only errors make the exit code 1.
func TestDoctorExitCode(t *testing.T) {
	c, facts := director()
	facts.Sysctls["net/ipv4/ip_forward"] = 1
	if d := diagnosisOf(doctor.Examine(c, facts)); !d.OK || len(d.Findings) != 1 {
		t.Errorf("with a hint alone it is %+v", d)
	}
}

// A host that cannot be surveyed is an error, and no clean bill.
func TestDoctorWithoutFacts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "perch.toml")
	text := "[node]\nname = \"lb1\"\n[[static.addresses]]\naddress = \"198.18.0.100/32\"\ninterface = \"lo\"\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no netlink")
	execute := func(survey func() (doctor.Facts, error), args ...string) (string, error) {
		var out bytes.Buffer
		cmd := newDoctorCommand(survey)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetOut(&out)
		cmd.SetArgs(append(args, "-c", path))
		err := cmd.Execute()
		return out.String(), err
	}
	if out, err := execute(func() (doctor.Facts, error) { return doctor.Facts{}, broken }); !errors.Is(err, broken) || out != "" {
		t.Errorf("printed %q and ended with %v, want %v", out, err, broken)
	}
	if _, err := execute(func() (doctor.Facts, error) { return doctor.Facts{}, nil }); !errors.Is(err, errReported) {
		t.Errorf("ended with %v, want that it is reported", err)
	}
}

// What the documentation has as JSON has the fields of the answer.
func TestDocsKnowTheDoctorsJSON(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), `    {"ok": false, "findings": `)
	example, _, _ = strings.Cut(example, "\n")
	decoder := json.NewDecoder(strings.NewReader(`{"ok": false, "findings": ` + example))
	decoder.DisallowUnknownFields()
	var shown diagnosis
	if err := decoder.Decode(&shown); err != nil {
		t.Fatalf("%s: %v", docsFile, err)
	}
	want := diagnosisOf(doctor.Examine(director()))
	want.Findings = want.Findings[:1]
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("%s (-is +shown):\n%s", docsFile, diff)
	}
}
