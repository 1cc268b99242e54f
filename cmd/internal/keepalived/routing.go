package keepalived

// routing is what a keepalived.conf says of virtual routers.
type routing struct{}

// routingWords are the words outside of all blocks that are about virtual routers, and about
// keepalived as a whole.
func routingWords() vocabulary[*importer] { return vocabulary[*importer]{} }

// writeRouters says in perch's words what was read of virtual routers.
func (im *importer) writeRouters() {}
