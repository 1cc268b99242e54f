package seesaw

import (
	"errors"
	"fmt"
	"testing"

	pb "github.com/google/seesaw/pb/config"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// texts are what random strings are: mostly what is allowed, so that whole files are.
var texts = map[protoreflect.Name][]string{
	"ipv4":                 some("198.18.0.%d/24", "192.168.255.%d/24", "198.18.2.%d/32", "10.0.0.%d/8"),
	"ipv6":                 some("2001:db8::%x/64", "2015:cafe:ffff::%x/64", "2001:db8:2::%x/128"),
	"fqdn":                 some("h%d.example.com.", "h%d"),
	"dedicated_vip_subnet": {"198.18.2.0/24", "2001:db8:2::/48"},
	"send":                 {"/healthz", "", "http://www.example.com/", "\x00\xff"},
	"receive":              {"198.18.0.1", "", "\xff"},
	"method":               {"a", "a", "GET"},
	"":                     {"a", "b.example.com.", "c@d", "", "# \n\"'{}<>[]", "ünïcode"},
}

func some(formats ...string) (found []string) {
	for n := 1; n <= 100; n++ {
		for _, format := range formats {
			found = append(found, fmt.Sprintf(format, n))
		}
	}
	return found
}

// numbers are the same for integers.
var numbers = map[protoreflect.Name][]int64{
	"port":        {80, 443, 53, 1, 65535},
	"weight":      {0, 1, 2, 65535},
	"interval":    {1, 10, 3600},
	"timeout":     {1, 5, 600},
	"retries":     {0, 3},
	"code":        {0, 200, 302},
	"persistence": {0, 60},
	"lthreshold":  {0, 5, 9},
	"uthreshold":  {0, 9, 9},
	"":            {0, 1, 1 << 30},
}

// fill draws the fields of a message.
func fill(t *rapid.T, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		d := fields.Get(i)
		name := string(d.Name())
		switch {
		case d.IsList():
			list, least := m.Mutable(d).List(), 0
			if name == "node" {
				least = 1
			}
			for range rapid.IntRange(least, 3).Draw(t, name) {
				if d.Message() == nil {
					list.Append(draw(t, d))
					continue
				}
				v := list.NewElement()
				fill(t, v.Message())
				list.Append(v)
			}
		case d.Cardinality() != protoreflect.Required && rapid.IntRange(0, 2).Draw(t, name) == 0:
		case d.Message() != nil:
			fill(t, m.Mutable(d).Message())
		default:
			m.Set(d, draw(t, d))
		}
	}
}

func draw(t *rapid.T, d protoreflect.FieldDescriptor) protoreflect.Value {
	name := string(d.Name())
	switch d.Kind() {
	case protoreflect.EnumKind:
		values := d.Enum().Values()
		// Mostly the first one, as PRODUCTION.
		return protoreflect.ValueOfEnum(values.Get(rapid.SampledFrom([]int{0, 0, 0, rapid.IntRange(0, values.Len()-1).Draw(t, name)}).Draw(t, name)).Number())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.SampledFrom(pool(texts, d)).Draw(t, name))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, name))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(rapid.SampledFrom([]float32{0, 0.3, 0.5, 1}).Draw(t, name))
	}
	n := rapid.SampledFrom(pool(numbers, d)).Draw(t, name)
	if name == "vlan_id" {
		n = int64(rapid.IntRange(1, 4094).Draw(t, name)) // mostly different ones
	}
	switch d.Kind() {
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	}
	return protoreflect.ValueOfInt64(n)
}

func pool[T any](pools map[protoreflect.Name][]T, d protoreflect.FieldDescriptor) []T {
	if p, ok := pools[d.Name()]; ok {
		return p
	}
	return pools[""]
}

// Whatever the types can hold is imported, or is a mistake with its place in the file.
func TestRandomClusters(t *testing.T) {
	good := 0
	rapid.Check(t, func(t *rapid.T) {
		c := &pb.Cluster{}
		fill(t, c.ProtoReflect())
		text, err := prototext.MarshalOptions{Multiline: rapid.Bool().Draw(t, "multiline")}.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Import("cluster.pb", text, Options{})
		if mistakes := (config.Mistakes{}); errors.As(err, &mistakes) {
			for _, m := range mistakes {
				if m.File != "cluster.pb" || m.Line < 1 {
					t.Fatalf("%v\nof\n%s", m, text)
				}
			}
		} else if err != nil {
			t.Fatalf("%v is no config.Mistakes", err)
		} else {
			good++
		}
	})
	if good == 0 {
		t.Error("none was imported")
	}
	t.Logf("%d were imported", good)
}
