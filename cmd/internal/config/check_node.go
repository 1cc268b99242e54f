package config

// checkPrograms wants programs of the start and of the end where something is said of them.
// A default does no harm.
func checkPrograms(r *report, node *value, n *Node) {
	start, stop, usual := node.child("start_program"), node.child("stop_program"), defaultNode()
	checkArgv(r, start)
	checkArgv(r, stop)
	if start == nil && n.StartTimeout != usual.StartTimeout {
		r.badKey(node.child("start_timeout"), "given without start_program", "must come with start_program, which it bounds")
	}
	if stop == nil && n.StopTimeout != usual.StopTimeout {
		r.badKey(node.child("stop_timeout"), "given without stop_program", "must come with stop_program, which it bounds")
	}
	if start == nil && stop == nil && n.ProgramUser != "" {
		r.badKey(node.child("program_user"), "given without a program", "must come with start_program or stop_program, which this user runs")
	}
}
