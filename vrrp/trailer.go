package vrrp

// trailerLength is the length of the signature that may follow an advert.
const trailerLength = 28
