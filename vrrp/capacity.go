package vrrp

// maxAddresses is what the count in an advert can say.
const maxAddresses = 255

// spare6 is how many bytes keepalived leaves free over IPv6. One of up to 2.3.2 refuses
// adverts with more addresses than its own have.
const spare6 = 16

// Capacity returns how many addresses an advert can hold where packets are of at most
// mtu bytes.
func Capacity(v Version, f Family, mtu int, auth Authentication) int {
	room := mtu - f.ipLength() - v.length(0, f)
	if v == V2 && f == IPv4 && auth.Kind == AH {
		room -= ahLength
	}
	if f == IPv6 {
		room -= spare6
	}
	if auth.signs() {
		room -= trailerLength
	}
	return min(maxAddresses, max(0, room/f.addressLength()))
}
