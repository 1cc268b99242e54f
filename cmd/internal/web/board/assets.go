package board

import _ "embed" // for what browsers load

// The files next to the page.
var (
	//go:embed dashboard.css
	Style []byte
	//go:embed dashboard.js
	Script []byte
	//go:embed dashboard.svg
	icon string
)

// Icon returns the icon of a page that is well, or "odd", "bad" or "lost", with the shape of
// that: it tells what a tab in the background shows.
func Icon(state string) []byte {
	const end = "</svg>\n"
	mark := ""
	switch state {
	case "odd":
		mark = `<path d="M20 6 31 28H9z" fill="#f2b84b" stroke="#000" stroke-width="2"/>`
	case "bad":
		mark = `<rect width="32" height="32" rx="7" fill="#b3261e"/><path d="M8 8 24 24M24 8 8 24" stroke="#fff" stroke-width="6"/>`
	case "lost":
		mark = `<rect width="32" height="32" rx="7" fill="#777"/><path d="M11 12q0-6 5-6t5 5q0 3-5 6v3M16 23v4" stroke="#fff" stroke-width="4" fill="none"/>`
	}
	return []byte(icon[:len(icon)-len(end)] + mark + end)
}
