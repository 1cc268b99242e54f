package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Limits of what a peer says, whatever it has sent: it is shown in each status and on each
// dashboard, which must not grow with it.
const (
	maxPeerAnswer   = 4 << 20 // bytes; a report of 5,000 VIPs that are all claimed has 1.4 MiB
	maxPeerElements = 130_000 // as maxElements; that report has 55,000
	maxWord         = 256     // bytes of a name, an address or a value
	maxSentence     = 1 << 10 // bytes of a reason or an error
	maxLines        = 16      // of a refusal, or reasons of a health
	maxKeys         = 256     // of a map, such as the peers by name
)

// bounded returns a report that keeps to the limits.
func (n NodeReport) bounded() NodeReport {
	n.Node, n.Version, n.Role, n.Leader = word(n.Node), word(n.Version), word(n.Role), word(n.Leader)
	n.Heartbeat, n.Fence, n.Waits = word(n.Heartbeat), word(n.Fence), word(n.Waits)
	n.Trouble, n.Deaf, n.Unfenced = sentence(n.Trouble), sentence(n.Deaf), sentence(n.Unfenced)
	if m := n.Mended; m != nil {
		n.Mended = &Mended{Count: m.Count, Last: m.Last, Interface: word(m.Interface), Found: sentence(m.Found)}
	}
	if h := n.Health; h != nil {
		b := h.bounded()
		n.Health = &b
	}
	if s := n.Settings; s != nil {
		n.Settings = &Settings{Values: words(s.Values), Peers: words(s.Peers), VIPs: s.VIPs, VIPDigest: word(s.VIPDigest)}
	}
	n.VIPs = slices.Clone(n.VIPs)
	for i := range n.VIPs {
		n.VIPs[i] = n.VIPs[i].bounded()
	}
	return n
}

func (v VIP) bounded() VIP {
	v.Address, v.Interface, v.Owner, v.Reason = word(v.Address), word(v.Interface), word(v.Owner), sentence(v.Reason)
	if c := v.Conflict; c != nil {
		v.Conflict = &Conflict{MAC: word(c.MAC), Count: c.Count, Last: c.Last, Ongoing: c.Ongoing}
	}
	return v
}

func (h Health) bounded() Health {
	var reasons []string
	for _, reason := range first(h.Reasons, maxLines) {
		reasons = append(reasons, sentence(reason))
	}
	h.State, h.Reasons = word(h.State), reasons
	return h
}

func (r TransferResult) bounded() TransferResult {
	return TransferResult{From: word(r.From), To: word(r.To), Took: max(r.Took, 0)}
}

// words are at most so many of a map, those whose names come first.
func words(all map[string]string) map[string]string {
	if all == nil {
		return nil
	}
	kept := make(map[string]string, min(len(all), maxKeys))
	for _, key := range first(slices.Sorted(maps.Keys(all)), maxKeys) {
		kept[word(key)] = word(all[key])
	}
	return kept
}

func word(s string) string { return clip(s, maxWord) }

func sentence(s string) string { return clip(s, maxSentence) }

// clip returns at most so many bytes, which keep no more than these in memory.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	const more = "…"
	return strings.ToValidUTF8(s[:most-len(more)], "") + more
}

// bounded returns a refusal of few lines, none of which is long.
func (e *AnswerError) bounded() *AnswerError {
	var lines []string
	for _, line := range first(e.Lines, maxLines) {
		lines = append(lines, sentence(line))
	}
	if more := len(e.Lines) - maxLines; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return &AnswerError{Code: e.Code, Lines: lines}
}
