package keepalived

import "github.com/perch-vip/perch/cmd/internal/keepalived/syntax"

func instanceTracks() vocabulary[*instance] {
	v := vocabulary[*instance]{}
	for keyword, list := range trackLists() {
		v[keyword] = opens(func(im *importer, s *syntax.Statement, i *instance) {
			i.tracks = append(i.tracks, im.tracks(s, list)...)
		})
	}
	return v
}

func groupTracks() vocabulary[*syncGroup] {
	v := vocabulary[*syncGroup]{}
	for keyword, list := range trackLists() {
		v[keyword] = opens(func(im *importer, s *syntax.Statement, g *syncGroup) {
			g.tracks = append(g.tracks, im.tracks(s, list)...)
		})
	}
	return v
}

// trackList is what a block lists that begins with track_.
type trackList struct {
	kind watchKind
	most int64 // the highest weight
}

func trackLists() map[string]trackList {
	return map[string]trackList{
		"track_interface": {watchesInterface, 253},
		"track_script":    {watchesScript, 253},
		"track_file":      {watchesFile, 254},
		"track_process":   {watchesProcess, 254},
		"track_bfd":       {watchesBFD, 253},
	}
}

// tracks reads { NAME [weight N [reverse|noreverse]] }.
func (im *importer) tracks(s *syntax.Statement, list trackList) (tracks []tracked) {
	for _, line := range im.block(s) {
		t := tracked{by: line, kind: list.kind}
		w := newWords(im, line)
		weighed := false
		for w.more() {
			switch word := w.next(); {
			case t.name == "":
				t.name = word
			case word == "weight":
				t.weight = said[int]{w.number(-list.most, list.most), line}
				weighed = true
			case !weighed:
				w.wrong(quoted(word) + " must be weight, with a number behind it")
			case word == "reverse":
				t.reverse = said[bool]{true, line}
			case word == "noreverse", word == "no_reverse":
				t.reverse = said[bool]{false, line}
			default:
				w.wrong(quoted(word) + " must be reverse or noreverse")
			}
		}
		t.early = list.kind != watchesInterface && im.routing.watching[watchKey{t.kind, t.name}] == nil
		if w.good() {
			tracks = append(tracks, t)
		}
	}
	return tracks
}
