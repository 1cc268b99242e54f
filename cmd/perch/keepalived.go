package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/daemon"
	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// defaultSecretDir is where a config of perch has its secrets.
const defaultSecretDir = "/etc/perch"

// keepalivedOptions are how a keepalived.conf is read.
type keepalivedOptions struct {
	id     string
	strict bool
}

// bind adds the flags to cmd.
func (o *keepalivedOptions) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.id, "id", "", "which lines that begin with @`ID` count, as keepalived's --config-id (default the host name up to the first dot)")
	flags.BoolVar(&o.strict, "strict", false, "take a line that has no equivalent for a mistake")
}

// options returns how a keepalived.conf of this machine is read.
func (o *keepalivedOptions) options() keepalived.Options {
	id := o.id
	if id == "" {
		id, _, _ = strings.Cut(hostname(), ".")
	}
	return keepalived.Options{
		Options:   syntax.Options{ID: id, Env: os.LookupEnv},
		SecretDir: defaultSecretDir,
	}
}

// hostname returns the name of this machine, or nothing: whoever needs one says so.
func hostname() string {
	name, _ := os.Hostname()
	return name
}

// parse has package config read what a keepalived.conf became, as its text says it. The
// error is a config.Mistakes, with places in the keepalived.conf.
func (o *keepalivedOptions) parse(path string, r *keepalived.Result, text *document.Rendered) (*config.Config, []config.Warning, error) {
	if err := o.refuse(r.Remarks); err != nil {
		return nil, nil, err
	}
	cfg, more, err := text.Parse(path, hostname())
	var warnings []config.Warning
	for _, remark := range r.Remarks {
		warnings = append(warnings, warningOf(remark))
	}
	return cfg, append(warnings, more...), err
}

func warningOf(r keepalived.Remark) config.Warning {
	return config.Warning{File: r.File, Line: r.Line, Text: r.About()}
}

// refuse makes mistakes of lines that have no equivalent, if those are not allowed.
func (o *keepalivedOptions) refuse(remarks []keepalived.Remark) error {
	if !o.strict {
		return nil
	}
	var mistakes config.Mistakes
	for _, r := range remarks {
		if r.Lost {
			mistakes = append(mistakes, config.Mistake{File: r.File, Line: r.Line, Text: r.About()})
		}
	}
	if len(mistakes) > 0 {
		return mistakes
	}
	return nil
}

// source returns what reads a keepalived.conf as the daemon's config.
func (o *keepalivedOptions) source(path string) daemon.Source {
	return func() (daemon.Sourced, error) {
		r, err := keepalived.Import(path, o.options())
		if err != nil {
			return daemon.Sourced{}, err
		}
		cfg, warnings, err := o.parse(path, r, r.Document.Render())
		if len(r.Secrets) > 0 {
			warnings = append(warnings, exposed(r.Files)...)
		}
		warnings = append(warnings, missing(r.Scripts)...)
		return daemon.Sourced{Config: cfg, Warnings: warnings, Secrets: r.Secrets}, err
	}
}

// missing warns of scripts whose program is not there. Keepalived runs such a router as if
// nothing tracked it.
func missing(scripts []keepalived.Script) []config.Warning {
	var warnings []config.Warning
	for _, s := range scripts {
		program := s.Argv[0]
		if program == "/usr/bin/env" && len(s.Argv) > 1 {
			program = s.Argv[1]
		}
		if _, err := exec.LookPath(program); errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
			text := fmt.Sprintf("script: %s is not there: keepalived does not heed such a script, and here its check fails", program)
			warnings = append(warnings, config.Warning{File: s.File, Line: s.Line, Text: text})
		}
	}
	return warnings
}

// exposed warns of files that hold passwords and that everybody can read.
func exposed(files []string) []config.Warning {
	var warnings []config.Warning
	for _, path := range files {
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 {
			text := fmt.Sprintf("everybody can read it, and there are passwords in the config; run: chmod o= '%s'", path)
			warnings = append(warnings, config.Warning{File: path, Line: 1, Text: text})
		}
	}
	return warnings
}
