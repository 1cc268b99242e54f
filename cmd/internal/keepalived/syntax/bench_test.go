package syntax

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

// ids is how many instances many and manyPlain have on each of 256 interfaces: 65,024 in all.
const ids = 254

// many is a template of many instances, as keepalived's manual shows.
const many = `$VI= \
track_file offset_${IF}.${NUM}.${ID} { \
	file "/run/offsets/4.${IF}.${NUM}.${ID}" \
	weight -100 \
} \
vrrp_instance vrrp.${IF}.${NUM}.${ID} { \
	interface bond${IF}.${NUM} \
	use_vmac vrrp4.${IF}.${NUM}.${ID} \
	virtual_router_id ${ID} \
	priority 130 \
	virtual_ipaddress { \
		10.${IF}.${NUM}.${ID}/24 \
	} \
	track_file { \
		offset_${IF}.${NUM}.${ID} \
	} \
}

~SEQ(IF,0,7) ~SEQ(NUM,0,31) ~SEQ(ID,1,254) $VI
`

// manyPlain is the same config without variables.
func manyPlain(ids int) string {
	var b strings.Builder
	for n := range 256 * ids {
		at := fmt.Sprintf("%d.%d.%d", n/ids/32, n/ids%32, n%ids+1)
		fmt.Fprintf(&b, "track_file offset_%s {\n\tfile \"/run/offsets/4.%s\"\n\tweight -100\n}\n", at, at)
		fmt.Fprintf(&b, "vrrp_instance vrrp.%s {\n\tinterface bond%s\n\tuse_vmac vrrp4.%s\n\tvirtual_router_id %d\n", at, at[:strings.LastIndexByte(at, '.')], at, n%ids+1)
		fmt.Fprintf(&b, "\tpriority 130\n\tvirtual_ipaddress {\n\t\t10.%s/24\n\t}\n\ttrack_file {\n\t\toffset_%s\n\t}\n}\n", at, at)
	}
	return b.String()
}

func memory(text string) Options {
	return Options{ID: "lb1", Files: FSFiles{fstest.MapFS{"keepalived.conf": {Data: []byte(text)}}}}
}

func BenchmarkParse(b *testing.B) {
	for _, bench := range []struct{ name, text string }{{"generated", many}, {"plain", manyPlain(ids)}} {
		b.Run(bench.name, func(b *testing.B) {
			o := memory(bench.text)
			b.ReportAllocs()
			var c *Config
			for b.Loop() {
				var err error
				if c, err = Parse("/keepalived.conf", o); err != nil {
					b.Fatal(err)
				}
			}
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-kept")
			runtime.KeepAlive(c)
		})
	}
}

// Both ways to write many instances give the same statements.
func TestMany(t *testing.T) {
	generated, err := Parse("/keepalived.conf", memory(strings.ReplaceAll(many, "254)", "10)")))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Parse("/keepalived.conf", memory(manyPlain(10)))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(generated.Statements); n != 2*256*10 {
		t.Errorf("%d statements", n)
	}
	var one, other strings.Builder
	write(&one, generated.Statements)
	write(&other, plain.Statements)
	if one.String() != other.String() {
		t.Error("the generated statements are not the plain ones")
	}
}
