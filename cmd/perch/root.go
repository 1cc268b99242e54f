package main

import (
	"github.com/spf13/cobra"

	"github.com/perch-vip/perch/cmd/internal/daemon"
	"github.com/perch-vip/perch/cmd/internal/doctor"
)

// Groups of commands in the help.
const (
	groupDaemon  = "daemon"
	groupLook    = "look"
	groupMove    = "move"
	groupBalance = "balance"
	groupJoin    = "join"
	groupOther   = "other"
)

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "perch",
		Short: "Keep virtual IP addresses alive on a set of Linux nodes",
		Long: `perch keeps virtual IP addresses (VIPs) alive on a set of Linux nodes: exactly
one of them holds the VIPs, and when it fails another takes them over.

Start with "perch init" on each node, then "perch serve", then "perch status" on
any of them. "perch demo" shows it all on this machine alone.

Exit codes: 0 done, 1 an error, 2 the command line is wrong.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddGroup(
		&cobra.Group{ID: groupDaemon, Title: "Run a node:"},
		&cobra.Group{ID: groupLook, Title: "See what is going on, on any node:"},
		&cobra.Group{ID: groupMove, Title: "Move the VIPs, on any node:"},
		&cobra.Group{ID: groupBalance, Title: "Balance load, on any node:"},
		&cobra.Group{ID: groupJoin, Title: "Change who is a member:"},
		&cobra.Group{ID: groupOther, Title: "More:"},
	)
	root.SetHelpCommandGroupID(groupOther)
	root.SetCompletionCommandGroupID(groupOther)
	add(root, groupDaemon, newInitCommand(), newCheckCommand(), newDoctorCommand(doctor.Survey), newServeCommand(daemon.Run), newReloadCommand(), newRecoverCommand(), newImportCommand())
	add(root, groupLook, newStatusCommand(), newHistoryCommand(), newEventsCommand())
	add(root, groupMove, newTransferCommand(), newDrainCommand(), newUndrainCommand())
	add(root, groupBalance, newServerCommand())
	add(root, groupJoin, newJoinCommand(), newLeaveCommand(), newRemoveCommand())
	add(root, groupOther, newDemoCommand(), newVersionCommand())
	refuseUnknownTopics(root)
	return root
}

func add(root *cobra.Command, group string, cmds ...*cobra.Command) {
	for _, cmd := range cmds {
		cmd.GroupID = group
		cmd.RunE = marking(cmd.RunE)
		root.AddCommand(cmd)
	}
}

// refuseUnknownTopics makes help of no command a mistake: cobra's own help prints
// the usage of the root and succeeds.
func refuseUnknownTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, _ := root.Find([]string{"help"}) // it has just been added
	help.Args = func(_ *cobra.Command, args []string) error {
		_, _, err := root.Find(args)
		return err
	}
}
