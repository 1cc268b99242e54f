package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/daemon"
)

type recoverOptions struct {
	config  string
	cluster string
	output  format
}

// recoverResult is the answer of `perch recover -o json`.
type recoverResult struct {
	Node    string   `json:"node"`
	Cluster string   `json:"cluster"`
	Before  []string `json:"before"` // the members until then
	Copy    string   `json:"copy"`   // of the data directory as it was
}

func newRecoverCommand() *cobra.Command {
	o := &recoverOptions{}
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Go on with this node alone after a majority was lost for good",
		Long: `Make this node, whose daemon must be stopped, the only member of its cluster,
with what it knows of the history and the drains. It is for a cluster of which a
majority has lost its data or will never come back: such a cluster elects nobody
any more, and does not heal by itself.

perch cannot see whether the others are gone; it refuses only while it reaches
one. If a majority of them runs on, or starts again with its old data, two nodes
may own the VIPs at once: stop perch on all of them first, and empty their
data_dir before it starts there again. What only the others knew is lost. The
old data_dir of this node is kept in a copy beside it.

It asks twice before it changes anything. Where there is no terminal --cluster
NAME stands for both answers. Run it as root: what it writes into data_dir
belongs to the owner of that.`,
		Example: `  perch recover
  perch recover -c /etc/perch/perch.toml --cluster edge`,
		Args: noArgument,
		RunE: o.recover,
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.config, "config", "c", defaultConfig, "config `FILE`")
	flags.StringVar(&o.cluster, "cluster", "", "the cluster's `NAME`, to be asked nothing: all other nodes are stopped")
	o.output.bind(cmd)
	return cmd
}

func (o *recoverOptions) recover(cmd *cobra.Command, _ []string) (err error) {
	r, err := daemon.OpenRecovery(o.config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if running := r.Running(cmd.Context()); len(running) > 0 {
		return fmt.Errorf("perch runs on %s: stop it on all other nodes first, or two may own the VIPs at once", strings.Join(running, ", "))
	}
	fmt.Fprint(cmd.ErrOrStderr(), explainRecovery(r))
	if err := o.agree(cmd, r.Config.Cluster.Name); err != nil {
		return err
	}
	kept, err := r.Recover(time.Now())
	if err != nil {
		return err
	}
	result := recoverResult{Node: r.Config.Node.Name, Cluster: r.Config.Cluster.Name, Copy: kept}
	for _, m := range r.Members {
		result.Before = append(result.Before, m.Name)
	}
	return o.output.print(cmd.OutOrStdout(), result, func() string {
		return fmt.Sprintf(`%s is the only member of cluster %s; its old data is in %s

What is left to do:
  1. start perch here, and look at perch status
  2. on each other node: empty its data_dir, start perch, run perch join
`, clean(result.Node), clean(result.Cluster), clean(kept))
	})
}

// agree returns nil once the operator has said twice that this is what is wanted.
func (o *recoverOptions) agree(cmd *cobra.Command, name string) error {
	if o.cluster != "" {
		if o.cluster != name {
			return &usageError{fmt.Errorf("--cluster %s, but this is a node of cluster %s", o.cluster, name)}
		}
		return nil
	}
	in := cmd.InOrStdin()
	if out, ok := in.(io.Writer); !ok || !isTerminal(out) {
		return &usageError{fmt.Errorf("nobody to ask, this is no terminal: once all other nodes are stopped, say so with --cluster %s", name)}
	}
	return askTwice(cmd.Context(), in, cmd.ErrOrStderr(), name)
}

func isTerminal(out io.Writer) bool {
	_, ok := terminalSize(out)
	return ok
}

var errNotAgreed = errors.New("nothing was changed")

// askTwice asks whether the others are stopped, and for the name of the cluster.
func askTwice(ctx context.Context, in io.Reader, out io.Writer, name string) error {
	questions := []struct{ text, want string }{
		{"\nIs perch stopped on all other nodes, and will it stay so until their data_dir\nis emptied? Type yes: ", "yes"},
		{"Type the name of the cluster to go on: ", name},
	}
	answers := make(chan string, len(questions))
	go func() { // left behind at an interrupt: the process is about to end
		defer close(answers)
		for lines := bufio.NewScanner(in); len(answers) < cap(answers) && lines.Scan(); {
			answers <- lines.Text()
		}
	}()
	for _, question := range questions {
		fmt.Fprint(out, question.text)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case answer := <-answers:
			if strings.TrimSpace(answer) != question.want {
				return errNotAgreed
			}
		}
	}
	return nil
}

// explainRecovery says in plain words what is about to happen, and what can go wrong.
func explainRecovery(r *daemon.Recovery) string {
	node, name := r.Config.Node.Name, r.Config.Cluster.Name
	var members []string
	for _, m := range r.Members {
		members = append(members, clean(m.Name)+" at "+m.Address.String())
	}
	var b strings.Builder
	fmt.Fprintf(&b, `This makes %[1]s the only member of cluster %[2]s.

Members until now: %[3]s.
What %[1]s knows: log entry %[4]d of term %[5]d, %[6]s.

- It is right only if a majority of these members is lost for good.
- Perch must be stopped on all others for %[7]s or longer already, and must not
  start there again before their data_dir is emptied. If it does, two nodes may own
  the VIPs at once.
- What only the others knew is lost: moves in the history, drains.
- The data_dir as it is now, %[8]s, is kept in a copy beside it.
`, node, name, strings.Join(members, ", "), r.Index, r.Term, lastMove(r), r.Config.Cluster.Heartbeat, r.Config.Node.DataDir)
	switch self, _ := r.Config.Cluster.Peer(node); {
	case self.Witness:
		fmt.Fprintf(&b, "- %s is a witness: by itself it votes and owns nothing.\n", node)
	case r.Memory.IsDrained(node):
		fmt.Fprintf(&b, "- %s is drained: it owns nothing until perch undrain.\n", node)
	}
	return b.String()
}

func lastMove(r *daemon.Recovery) string {
	last, known := r.Memory.Owner()
	if !known {
		return "no move of the VIPs"
	}
	return fmt.Sprintf("the VIPs last moved to %s on %s", clean(last.To), last.Time.Local().Format(time.DateTime))
}
