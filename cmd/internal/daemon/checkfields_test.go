package daemon

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// made is all that a check of a config becomes.
type made struct {
	checker.Spec
	checker.Schedule
}

// Every key of a check arrives where it takes effect: each field of config.Check has a
// counterpart with the same value. The corpus has some value for each of them, so that none
// that is forgotten goes unnoticed.
func TestNoOptionOfACheckIsLost(t *testing.T) {
	unseen := map[string]bool{}
	for path := range valuesOf(filled(reflect.TypeFor[config.Check]())) {
		unseen[path] = len(counterparts(path)) > 0
	}
	for _, c := range corpus(t) {
		from, to := valuesOf(reflect.ValueOf(c)), valuesOf(reflect.ValueOf(made{specOf(&c), scheduleOf(&c)}))
		for path, want := range from {
			for _, counterpart := range counterparts(path) {
				if got := to[counterpart]; got != want {
					t.Errorf("check %s: %s is %.100q, and %s of what is made of it %.100q", c.Name, path, want, counterpart, got)
				}
			}
			delete(unseen, path)
		}
	}
	for path, matters := range unseen {
		if matters {
			t.Errorf("no check in testdata/ok has a value for %s", path)
		}
	}
}

// What can be said to a checker can be said in the config.
func TestEveryOptionOfACheckerIsUsed(t *testing.T) {
	used := map[string]bool{}
	for path := range valuesOf(filled(reflect.TypeFor[config.Check]())) {
		for _, counterpart := range counterparts(path) {
			used[counterpart] = true
		}
	}
	for path := range valuesOf(filled(reflect.TypeFor[made]())) {
		if !used[path] {
			t.Errorf("no field of config.Check becomes %s", path)
		}
	}
}

// counterparts says what becomes of a field of config.Check: the field of the same name of
// made, but for those that are not for the checker.
func counterparts(path string) []string {
	switch path {
	case "Name", "Weight", "Reverse": // are for the entry, and for those that track it
		return nil
	case "Payload.Answer", "Payload.MaxAnswer":
		return []string{strings.Replace(path, "Payload", "UDP", 1)}
	}
	if strings.HasPrefix(path, "HTTP.Answer.") { // is in the requests already
		return nil
	}
	if of, isPayload := strings.CutPrefix(path, "Payload."); isPayload {
		return []string{"TCP." + of, "UDP." + of}
	}
	return []string{path}
}

// corpus is every check of the configs that are right.
func corpus(t *testing.T) (all []config.Check) {
	t.Helper()
	files, err := filepath.Glob("../config/testdata/ok/check-*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configs: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := config.Parse(file, text, "lb1")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c.Checks...)
	}
	return all
}

// valuesOf returns what is not zero in a struct, as text by its path, such as
// "HTTP.Requests.URL". Of lists the path has all elements.
func valuesOf(v reflect.Value) map[string]string {
	found := map[string]string{}
	addValues(found, "", v)
	return found
}

func addValues(found map[string]string, path string, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[netip.Addr]():
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if field.Anonymous {
				addValues(found, path, v.Field(i))
				continue
			}
			addValues(found, strings.TrimPrefix(path+"."+field.Name, "."), v.Field(i))
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		for i := range v.Len() {
			addValues(found, path, v.Index(i))
		}
	case !v.IsZero():
		found[path] += fmt.Sprintf("%v;", v.Interface())
	}
}

// filled returns a value of a type in which nothing is zero.
func filled(of reflect.Type) reflect.Value {
	v := reflect.New(of).Elem()
	switch {
	case of == reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(netip.IPv6Loopback()))
	case of.Kind() == reflect.Struct:
		for i := range of.NumField() {
			v.Field(i).Set(filled(of.Field(i).Type))
		}
	case of.Kind() == reflect.Slice:
		v.Set(reflect.Append(v, filled(of.Elem())))
	case of.Kind() == reflect.Pointer:
		v.Set(reflect.New(of.Elem()))
	case v.CanInt():
		v.SetInt(1)
	case v.CanUint():
		v.SetUint(1)
	case of.Kind() == reflect.Bool:
		v.SetBool(true)
	default:
		v.SetString("x")
	}
	return v
}
