package config

import (
	"slices"
	"strings"
)

// Nearest returns the name that the word was most likely meant to be, if one
// is within a third of the word's length in edits.
func Nearest(word string, names []string) (string, bool) {
	best, found := "", false
	limit := max(1, len(word)/3)
	for _, name := range names {
		if len(word) > len(name)+limit || len(name) > len(word)+limit {
			continue // also keeps a huge word from costing anything
		}
		if d := edits(word, name); d <= limit {
			best, found, limit = name, true, d-1
		}
	}
	return best, found
}

// sameName returns the full keys of that name in other tables, if there are one or two. A
// table that stands in others, too, such as check, counts once.
func sameName(word string, known []string) (string, bool) {
	var matches []string
	for _, path := range known {
		again := func(match string) bool { return strings.HasSuffix(path, "."+match) }
		if strings.HasSuffix(path, "."+word) && !slices.ContainsFunc(matches, again) {
			matches = append(matches, path)
		}
	}
	return strings.Join(matches, " or "), len(matches) == 1 || len(matches) == 2
}

// edits returns the optimal string alignment distance: the number of bytes to
// insert, delete, replace or swap with their neighbour.
func edits(a, b string) int {
	before := make([]int, len(b)+1) // the row for a[:i-2]
	last := make([]int, len(b)+1)   // a[:i-1]
	row := make([]int, len(b)+1)    // a[:i]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
