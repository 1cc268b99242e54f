package board

import _ "embed" // for what browsers load

// The files next to the page.
var (
	//go:embed dashboard.css
	Style []byte
	//go:embed dashboard.js
	Script []byte
	//go:embed dashboard.svg
	Icon []byte
)
