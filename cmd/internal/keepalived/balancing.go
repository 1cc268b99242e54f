package keepalived

import "github.com/perch-vip/perch/cmd/internal/keepalived/syntax"

// balancing is what a keepalived.conf says of virtual servers.
type balancing struct {
	virtual  []*virtualServer
	groups   []*addressGroup
	named    map[string]*addressGroup // the first of a name
	ipvs     ipvs
	tls      clientTLS
	fifo     fifo
	notices  []*serverNotice
	noticeOf map[string]*serverNotice // by event and program, see addNotice
	mails    mailedServices
	words    *serverWords
	first    map[string]*syntax.Statement // the virtual server that has an address or mark, see alone
	written  int                          // addresses of groups, once for each virtual server

	services, serverGroups titles
}

func newBalancing() balancing {
	return balancing{
		named: map[string]*addressGroup{}, first: map[string]*syntax.Statement{}, noticeOf: map[string]*serverNotice{},
		services: newTitles(), serverGroups: newTitles(),
	}
}

// balancingWords are the words outside of all blocks that are about virtual servers.
func balancingWords() vocabulary[*importer] {
	return vocabulary[*importer]{
		"SSL":                  opens(readSSL),
		"virtual_server_group": opens(readAddressGroup),
		"virtual_server":       opens(readVirtualServer),
		"net_namespace_ipvs":   lost[*importer]("has its virtual servers in another network namespace than its routers", "start a perch of its own there, by the unit's NetworkNamespacePath="),
	}
}

// serverWords are the vocabularies of blocks that a file may have many of: they are made once.
type serverWords struct {
	virtual  vocabulary[*virtualServer]
	real     vocabulary[*realServer]
	checkers map[string]vocabulary[*checker]
	url      vocabulary[*httpURL]
	host     vocabulary[*smtpHost]
}

func (im *importer) serverWords() *serverWords {
	if im.balancing.words == nil {
		im.balancing.words = &serverWords{
			virtual:  virtualServerWords(),
			real:     realServerWords(),
			checkers: checkerWords(),
			url:      urlWords(),
			host:     hostWords(),
		}
	}
	return im.balancing.words
}
