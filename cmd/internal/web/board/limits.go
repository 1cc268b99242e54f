package board

// What a page shows at most of each kind, what is not well being first: the rest is
// counted. With all of them a page is below 100 kB on the wire, and not far from it before
// it is compressed.
const (
	maxVIPs      = 24
	maxNodes     = 32
	maxRouters   = 24
	maxAddresses = 3 // of a router, or a service
	maxChecks    = 24
	maxServices  = 30
	maxServers   = 120 // of all services
	maxUnfolded  = 6   // services that are open at first
	maxSpread    = 8   // of a service, besides those that are not up
	maxNeighbors = 12
	maxTargets   = 12
	maxWarnings  = 20
	maxMoves     = 15
	MaxEvents    = 20 // that a View needs to have
	maxProblems  = 3  // in the headline
	maxNamed     = 2  // that have one of them
	maxText      = 240
)
