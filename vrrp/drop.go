package vrrp

// Drop is the reason for which a packet is not heeded.
type Drop uint8

// The reasons, each of which is counted apart. 0 is none.
const (
	BadLength    Drop = iota + 1 // shorter or longer than its count of addresses says
	BadVersion                   // neither 2 nor 3, or not this router's
	BadType                      // no advert
	BadChecksum                  // in every form
	NoInterval                   // 0 (RFC 9568 erratum 8301)
	NoAddresses                  // none (RFC 9568 erratum 8299)
	BadAH                        // no authentication header as keepalived sends it
	BadSignature                 // made with another key
)

var drops = [...]string{
	BadLength:    "bad length",
	BadVersion:   "bad version",
	BadType:      "not an advert",
	BadChecksum:  "bad checksum",
	NoInterval:   "no interval",
	NoAddresses:  "no addresses",
	BadAH:        "bad authentication header",
	BadSignature: "bad signature",
}

func (d Drop) String() string { return drops[d] }
