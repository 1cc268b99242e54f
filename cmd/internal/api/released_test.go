package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"
)

// released is the folder of what versions that were released say, one folder for each; its
// README.md says how one is added.
const released = "testdata/released"

var record = flag.String("record", "", "the version, to record what this one says into "+released)

// spoken are what nodes and commands say to each other, by name, as empty values.
func spoken() (answers, requests map[string]any) {
	answers = map[string]any{
		"status": new(Status), "history": new([]Move), "node": new(NodeReport), "transfer": new(TransferResult),
		"server name": new(ServerName), "server report": new(ServerReport), "reload": new(ReloadResult), "join": new(JoinResult),
		"error": new(errorAnswer),
	}
	requests = map[string]any{
		"transfer": new(transferRequest), "drain": new(drainRequest), "join": new(joinRequest), "remove": new(removeRequest),
		"health": new(HealthReport), "server order": new(ServerOrder), "server report": new(ServerName),
	}
	return answers, requests
}

// fill gives a value and all that is in it something else than zero, each number another one.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1_800_000_000+int64(*n), 0).UTC()))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), n)
	case reflect.Map:
		value := reflect.New(v.Type().Elem()).Elem()
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), value)
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	default:
		v.Set(reflect.ValueOf(*n).Convert(v.Type()))
	}
}

// filled returns what nodes say with every field set.
func filled() (answers, requests map[string]any) {
	answers, requests = spoken()
	n := 0
	for _, all := range []map[string]any{answers, requests} {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			fill(reflect.ValueOf(all[name]).Elem(), &n)
		}
	}
	return answers, requests
}

// TestRecord does nothing unless it is told to record.
func TestRecord(t *testing.T) {
	if *record == "" {
		return
	}
	answers, requests := filled()
	dir := filepath.Join(released, *record)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, all := range map[string]map[string]any{"answers": answers, "requests": requests} {
		text, err := json.MarshalIndent(all, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".json"), append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// eachReleased reads a file of each version that was released.
func eachReleased(t *testing.T, name string, with func(t *testing.T, said map[string]json.RawMessage)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(released, "*", name))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s below %s (%v)", name, released, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			said := map[string]json.RawMessage{}
			if err := json.Unmarshal(text, &said); err != nil {
				t.Fatal(err)
			}
			with(t, said)
		})
	}
}

// What a released version answers is read here, all of it, and what is answered here still has
// every field that it reads.
func TestAnswersOfReleasedVersions(t *testing.T) {
	for _, file := range []string{"answers.json", "recorded.json"} {
		eachReleased(t, file, func(t *testing.T, said map[string]json.RawMessage) {
			known, _ := spoken()
			for name, answer := range said {
				into, ok := known[name]
				if !ok {
					t.Fatalf("nobody answers %s any more", name)
				}
				checkKept(t, name, answer, into)
			}
		})
	}
}

// checkKept reads text, and wants all of it in what is written then.
func checkKept(t *testing.T, name string, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	again, err := encode(into)
	if err != nil {
		t.Fatal(err)
	}
	for _, missing := range missing(name, generic(t, text), generic(t, again)) {
		t.Error(missing)
	}
}

func generic(t *testing.T, text []byte) (v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// missing says what of one value another one does not have.
func missing(path string, want, have any) (all []string) {
	switch want := want.(type) {
	case map[string]any:
		is, _ := have.(map[string]any)
		for key, value := range want {
			if _, there := is[key]; !there {
				all = append(all, fmt.Sprintf("%s.%s is no more", path, key))
				continue
			}
			all = append(all, missing(path+"."+key, value, is[key])...)
		}
		return all
	case []any:
		is, _ := have.([]any)
		if len(is) != len(want) {
			return []string{fmt.Sprintf("%s has %d elements, want %d", path, len(is), len(want))}
		}
		for i := range want {
			all = append(all, missing(fmt.Sprintf("%s[%d]", path, i), want[i], is[i])...)
		}
		return all
	}
	if want != have {
		return []string{fmt.Sprintf("%s is %v, want %v", path, have, want)}
	}
	return nil
}

// What a released version asks is taken here, and nothing is asked here that it does not know:
// it refuses a request with a field too many.
func TestRequestsOfReleasedVersions(t *testing.T) {
	eachReleased(t, "requests.json", func(t *testing.T, said map[string]json.RawMessage) {
		_, empty := spoken()
		_, asked := filled()
		for name, request := range said {
			into, ok := empty[name]
			if !ok {
				t.Fatalf("nobody takes %s any more", name)
			}
			if err := decode(request, into); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			checkKept(t, name, request, into)
			here, err := encode(asked[name])
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range strange(name, generic(t, here), generic(t, request)) {
				t.Error(key)
			}
		}
	})
}

// strange names the fields of a value that another one does not have.
func strange(path string, asked, known any) (all []string) {
	switch asked := asked.(type) {
	case map[string]any:
		is, _ := known.(map[string]any)
		for key, value := range asked {
			if _, there := is[key]; !there {
				all = append(all, fmt.Sprintf("%s.%s is refused by the released version", path, key))
				continue
			}
			all = append(all, strange(path+"."+key, value, is[key])...)
		}
	case []any:
		if is, _ := known.([]any); len(is) > 0 && len(asked) > 0 {
			all = strange(path+"[]", asked[0], is[0])
		}
	}
	return all
}
