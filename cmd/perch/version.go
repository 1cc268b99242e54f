package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set when a release is linked: -ldflags "-X main.version=v0.1.0".
var version string

const raftModule = "github.com/hashicorp/raft"

// versions is the answer of `perch version -o json`.
type versions struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Raft     string `json:"raft"`
	Platform string `json:"platform"`
}

func newVersionCommand() *cobra.Command {
	var output format
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of perch, Go and the raft library",
		Example: `  perch version
  perch version -o json`,
		Args: noArgument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := currentVersion()
			return output.print(cmd.OutOrStdout(), v, v.text)
		},
	}
	output.bind(cmd)
	return cmd
}

func (v versions) text() string {
	return fmt.Sprintf("perch %s\ngo    %s %s\nraft  %s\n", v.Version, v.Go, v.Platform, v.Raft)
}

func currentVersion() versions {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionsOf(info, version)
}

// versionsOf reads versions from what the linker recorded.
func versionsOf(info *debug.BuildInfo, linked string) versions {
	v := versions{
		Version:  cmp.Or(linked, info.Main.Version, "(unknown)"),
		Go:       runtime.Version(),
		Raft:     "(unknown)",
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	for _, dep := range info.Deps {
		if dep.Path == raftModule {
			v.Raft = dep.Version
		}
	}
	return v
}
