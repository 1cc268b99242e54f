package vrrp

// Drop is the reason for which a packet is not heeded.
type Drop uint8

// The reasons, each of which is counted apart. 0 is none.
const (
	BadLength         Drop = iota + 1 // shorter or longer than its count of addresses says
	BadVersion                        // neither 2 nor 3, or not this router's
	BadType                           // no advert
	BadChecksum                       // in every form
	NoInterval                        // 0 (RFC 9568 erratum 8301)
	NoAddresses                       // none (RFC 9568 erratum 8299), where this router has some
	NoAH                              // which this router wants
	UnexpectedAH                      // this router wants none
	BadAH                             // no authentication header as keepalived sends it
	BadSignature                      // made with another key
	OtherVRID                         // of another virtual router, or another family
	Looped                            // an advert of this router that came back
	SameSource                        // another router has this one's source address
	BadTTL                            // came through a router
	NoTrailer                         // which this router wants
	UnexpectedTrailer                 // this router has no keys
	BadTrailer                        // not of a kind that is known
	UnknownKey                        // of the trailer
	BadClock                          // signed at another time of day
	Replayed                          // signed no later than what was heard before
	BadAuth                           // another kind of authentication than this router's
	BadPassword                       // another than this router's
	BadInterval                       // version 2: another than this router's
	BadDestination                    // multicast to a router of unicast, the other way round, or another group
	UnknownPeer                       // not one of those that unicast is exchanged with
	BadDistance                       // of a peer: its TTL is out of the range
	dropCount
)

var drops = [dropCount]string{
	BadLength:         "bad length",
	BadVersion:        "bad version",
	BadType:           "not an advert",
	BadChecksum:       "bad checksum",
	NoInterval:        "no interval",
	NoAddresses:       "no addresses",
	NoAH:              "no authentication header",
	UnexpectedAH:      "unexpected authentication header",
	BadAH:             "bad authentication header",
	BadSignature:      "bad signature",
	OtherVRID:         "other virtual router",
	Looped:            "looped back",
	SameSource:        "same source address",
	BadTTL:            "bad TTL",
	NoTrailer:         "no signature",
	UnexpectedTrailer: "unexpected signature",
	BadTrailer:        "bad kind of signature",
	UnknownKey:        "unknown key",
	BadClock:          "signed at another time",
	Replayed:          "replayed",
	BadAuth:           "bad kind of authentication",
	BadPassword:       "bad password",
	BadInterval:       "bad interval",
	BadDestination:    "bad destination",
	UnknownPeer:       "unknown peer",
	BadDistance:       "bad TTL of a peer",
}

func (d Drop) String() string { return drops[d] }

// Drops returns all reasons.
func Drops() []Drop {
	all := make([]Drop, 0, dropCount)
	for d := BadLength; d < dropCount; d++ {
		all = append(all, d)
	}
	return all
}
