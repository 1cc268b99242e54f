package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// drawBGP draws how this node announces its VIPs, and to whom; nothing if it does not.
func drawBGP(s api.Status, v view) []string {
	if s.BGP == nil {
		return nil
	}
	part := drawLine(v, bgpCells(s.BGP, v.now)...)
	if len(s.BGP.Neighbors) > 0 {
		part += neighborsTable(s.BGP.Neighbors, v.now).draw(v)
	}
	return []string{part}
}

// bgpCells are what bgpd does in one line.
func bgpCells(b *api.BGP, now time.Time) []cell {
	cells := []cell{
		{fmt.Sprintf("bgp AS %d", b.ASN), heading},
		bgpStateCell(b.State),
		word("for " + age(b.Since, now)),
		word(announcedText(b)),
	}
	if b.Anycast {
		cells = append(cells, word("anycast"))
	}
	return cells
}

func bgpStateCell(state string) cell {
	switch state {
	case api.BGPAnnounced:
		return cell{state, good}
	case api.BGPStandby:
		return word(state)
	case api.BGPPending:
		return cell{state, doubtful}
	}
	return cell{state, bad}
}

// announcedText says how many networks are in bgpd's configuration, or which one.
func announcedText(b *api.BGP) string {
	verb := "announces "
	if b.Error != "" {
		verb = "when last seen it announced "
	}
	switch len(b.Announced) {
	case 0:
		return verb + "nothing"
	case 1, 2:
		return verb + strings.Join(b.Announced, ", ")
	}
	return fmt.Sprintf("%s%s and %d more", verb, b.Announced[0], len(b.Announced)-1)
}

func neighborsTable(neighbors []api.BGPNeighbor, now time.Time) table {
	t := table{header: []string{"NEIGHBOR", "AS", "STATE", "SINCE", "RECEIVED"}}
	for _, n := range neighbors {
		state := cell{n.State, bad}
		if n.Up {
			state.style = good
		}
		t.rows = append(t.rows, []cell{
			word(n.Address), word(strconv.FormatUint(uint64(n.ASN), 10)), state, word(age(n.Since, now)), word(strconv.Itoa(n.Received)),
		})
	}
	return t
}
