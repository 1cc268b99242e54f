package keepalived

// balancing is what a keepalived.conf says of virtual servers.
type balancing struct{}

// balancingWords are the words outside of all blocks that are about virtual servers.
func balancingWords() vocabulary[*importer] { return vocabulary[*importer]{} }

// writeServices says in perch's words what was read of virtual servers.
func (im *importer) writeServices() {}

// balancingGlobals are the words of global_defs that are about virtual servers.
func balancingGlobals() vocabulary[*importer] { return vocabulary[*importer]{} }
