package vrrp

import "fmt"

func (a Auth) String() string {
	switch a {
	case NoAuth:
		return "none"
	case Password:
		return "pass"
	case AH:
		return "ah"
	}
	return fmt.Sprintf("kind %d", uint8(a))
}

// explanations say what to change if packets are refused, where that depends on
// nothing.
var explanations = [dropCount]string{
	BadLength:         "its adverts are not as long as they say: something on the way changes them, or it speaks another protocol (CARP?) and needs another VRID",
	BadType:           "it sends something else than adverts: it speaks another protocol, and needs another VRID",
	BadChecksum:       "its checksums are wrong in every form: something on the way changes its adverts",
	NoInterval:        "its advert interval is 0: set another one there",
	NoAddresses:       "it advertises no addresses: set the same addresses there as here",
	NoAH:              "it sends no authentication header: set auth kind ah there, or another one here",
	UnexpectedAH:      "it sends authentication headers: set auth kind ah here, or another one there",
	BadAH:             "its authentication header is not as keepalived makes it: set auth kind pass on both",
	BadSignature:      "its key is another: set the same secret on both",
	NoTrailer:         "it does not sign its adverts: set auth kind hmac with the same keys there, and no mode receive-only, or none here",
	UnexpectedTrailer: "it signs its adverts: set auth kind hmac with the same keys here, or none there",
	BadTrailer:        "it signs its adverts in a way that is not known: keepalived has had this one since 2.4.2",
	UnknownKey:        "it signs with a key whose id is not known here: add that key here, or make another one active there",
	BadClock:          "its adverts are signed at another time: set the clocks of both, or a longer auth window",
	Replayed:          "its adverts were sent before: somebody replays them, or its clock was set back",
	BadPassword:       "its password is another: set the same secret on both",
	OtherVRID:         "it is of another virtual router",
	Looped:            "the network returns this router's own adverts",
}

// Explain says in one sentence what is unexpected about a sender, and what to change,
// or returns "" if nothing is.
func (s *Sender) Explain(cfg WireConfig) string {
	if text := explanations[s.Reason]; text != "" {
		return text
	}
	switch s.Reason {
	case BadVersion:
		return s.explainVersion(cfg)
	case SameSource:
		return fmt.Sprintf("it has our own address %s: give one of both another address or source", s.Address)
	case BadTTL:
		return fmt.Sprintf("its TTL is %d and not 255: it is not on this link, or something on the way changes it", s.TTL)
	case BadAuth:
		return fmt.Sprintf("its auth kind is %s, ours %s: set the same on both", s.Auth, cfg.Auth.Kind)
	case BadInterval:
		return fmt.Sprintf("its advert interval is %s, ours %s, and version 2 wants one: set the same on both", s.Interval, cfg.Interval)
	case BadDestination:
		return explainDestination(cfg)
	case UnknownPeer:
		return fmt.Sprintf("it is none of our peers: add %s to unicast_peers, or give it another VRID", s.Address)
	case BadDistance:
		return fmt.Sprintf("its TTL is %d, out of the range of that peer: set other min_ttl and max_ttl", s.TTL)
	}
	return s.explainUnlike(cfg)
}

func (s *Sender) explainVersion(cfg WireConfig) string {
	if s.Version != V2 && s.Version != V3 {
		return fmt.Sprintf("its version is %d, and only 2 and 3 are spoken: give it another VRID", s.Version)
	}
	return fmt.Sprintf("its version is %d, ours %d: set version = %d here, or %d there", s.Version, cfg.Version, s.Version, cfg.Version)
}

func explainDestination(cfg WireConfig) string {
	if len(cfg.Peers) == 0 {
		group := "the usual group"
		if cfg.Multicast.IsValid() {
			group = cfg.Multicast.String()
		}
		return fmt.Sprintf("it sends to single peers or another group, we to %s: set the same unicast_peers or multicast_group on both", group)
	}
	return "it sends to the multicast group, we to single peers: remove unicast_peers here, or set them there"
}

// explainUnlike is about adverts that are heeded.
func (s *Sender) explainUnlike(cfg WireConfig) string {
	switch {
	case s.Unsigned:
		return "it does not sign its adverts: set auth kind hmac with the same keys there, in mode permissive, before mode enforce here"
	case s.OtherAddresses:
		return fmt.Sprintf("it advertises other addresses (%s, and we %s): set the same on both, or keepalived before 2.3.3 will not heed ours",
			count(s.Addresses), count(len(cfg.Addresses)))
	case s.OtherInterval:
		return fmt.Sprintf("its advert interval is %s, ours %s: backups go by the master's; set the same on both", s.Interval, cfg.Interval)
	}
	return ""
}

func count(addresses int) string {
	if addresses == 1 {
		return "1 address"
	}
	return fmt.Sprintf("%d addresses", addresses)
}
