package main

import (
	"flag"
	"os"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// update rewrites golden files, the scripts' own and docs/cli.md.
var update = flag.Bool("update", false, "rewrite golden files and docs/cli.md")

const nobody = 65534

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"perch":           main,
		"perch-as-nobody": perchAsNobody,
		"perch-chatty":    perchChatty,
	})
}

// perchAsNobody is perch run by somebody without rights.
func perchAsNobody() {
	for _, err := range []error{
		syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody),
	} {
		if err != nil {
			panic(err)
		}
	}
	os.Args[0] = "perch"
	main()
}
