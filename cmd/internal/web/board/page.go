package board

// refreshEvery is how often a browser without JavaScript loads the page anew, in seconds.
const refreshEvery = "5"

// appendPage appends the whole page, of which l is the worst. What it asks for is relative
// to where it is, which may be below a path of a proxy.
func appendPage(b []byte, v *View, l level, sections []Section) []byte {
	w := &writer{now: v.Now, b: b}
	w.raw(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>`).raw(l.sign()).raw("perch: ").text(v.Status.Node)
	w.raw(`</title><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">`)
	w.raw(`<link rel="icon" type="image/svg+xml" href="dashboard`).raw(l.suffix()).raw(`.svg"><link rel="stylesheet" href="dashboard.css">`)
	w.raw(`<script src="dashboard.js" defer></script><noscript><meta http-equiv="refresh" content="`).raw(refreshEvery).raw(`"></noscript></head><body>`)
	w.raw(`<header><h1>perch`)
	if c := v.Status.Cluster; c != nil {
		w.raw(" <span>").text(c.Name).raw("</span>")
	}
	w.raw(`</h1><p>seen by <b>`).text(v.Status.Node).raw(`</b>, version `).text(v.Status.Version)
	w.raw(`</p><p id="live" data-now="`)
	w.b = appendNow(w.b, v.Now)
	w.raw(`">as of `)
	w.b = v.Now.AppendFormat(w.b, nowLayout)
	w.raw(`</p></header><div id="stale" hidden><span role="alert"></span><span id="silent"></span></div><main>`)
	for i := range sections {
		w.place(&sections[i])
	}
	w.raw(`</main><footer>Read-only. Times are as <b>`).text(v.Status.Node).raw(`</b> has them, in `)
	w.b = v.Now.AppendFormat(w.b, "MST")
	return w.raw(".</footer></body></html>\n").b
}

// place writes a section to where it belongs, with what the script knows it by.
func (w *writer) place(s *Section) {
	w.raw(`<section id="`).raw(s.ID).raw(`" data-key="`).raw(s.key()).raw(`"`)
	if s.ID == "headline" {
		w.raw(` aria-live="polite"`)
	}
	if len(s.HTML) == 0 {
		w.raw(" hidden")
	}
	w.raw(">")
	w.b = append(w.b, s.HTML...)
	w.raw("</section>")
}
