package keepalived

import "github.com/perch-vip/perch/cmd/internal/keepalived/syntax"

func readSyncGroup(im *importer, s *syntax.Statement, _ *importer) {
	name, ok := im.one(s)
	if !ok {
		return
	}
	g := &syncGroup{by: s, name: name}
	if first := im.routing.groupNames[name]; first != nil {
		im.wrong(s, quoted(name)+" was given before, at "+first.by.Position.String())
		return
	}
	readBlock(im, "vrrp_sync_group "+name, im.block(s), im.routing.words.group, g)
	if s.Braces && len(g.members) == 0 {
		im.wrong(s, quoted(name)+" has no member; must have a group with two at least")
	}
	im.routing.groupNames[name] = g
	im.routing.groups = append(im.routing.groups, g)
}

func groupWords() vocabulary[*syncGroup] {
	v := vocabulary[*syncGroup]{
		"group": opens(func(im *importer, s *syntax.Statement, g *syncGroup) {
			if len(g.members) > 0 {
				im.wrong(s, "is given already, at "+g.members[0].by.Position.String()+"; must have all members in one")
			}
			for _, line := range im.block(s) {
				for _, name := range line.Words {
					g.members = append(g.members, member{line, name})
				}
			}
		}),
		"sync_group_tracking_weight": keepOn(func(g *syncGroup) *said[bool] { return &g.heedsWeights }),
		"smtp_alert":                 keepFlag(func(g *syncGroup) *said[bool] { return &g.alert }),
		"global_tracking": lost[*syncGroup]("lets what one member tracks count for all",
			"write it into a track_script and the like of the group"),
	}
	v.add(groupTracks(), groupNotices())
	return v
}
