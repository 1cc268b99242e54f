package seesaw

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	pb "github.com/google/seesaw/pb/config"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// MaxSize is the longest text that is read, in bytes.
const MaxSize = 16 << 20

// parse reads the text of a cluster.pb, whose required fields may be missing. The error is a
// config.Mistakes.
func parse(file string, text []byte) (*pb.Cluster, error) {
	wrong := func(line, col int, what string) error {
		return config.Mistakes{{File: file, Line: line, Col: col, Text: what}}
	}
	switch {
	case len(text) > MaxSize:
		return nil, wrong(1, 1, "longer than 16 MiB")
	case !utf8.Valid(text) || bytes.ContainsFunc(text, unprintable):
		return nil, wrong(1, 1, "no text; perch reads a cluster.pb as Seesaw does, which is a text protobuf")
	}
	cluster := &pb.Cluster{}
	if err := (prototext.UnmarshalOptions{AllowPartial: true}).Unmarshal(text, cluster); err != nil {
		line, col, what := placed(err.Error())
		if line == 0 { // the text ends too early
			line, col = end(bytes.TrimSpace(text))
		}
		return nil, wrong(line, col, what)
	}
	return cluster, nil
}

// end returns the place behind a text.
func end(text []byte) (line, col int) {
	last := text[bytes.LastIndexByte(text, '\n')+1:]
	return 1 + bytes.Count(text, []byte("\n")), 1 + utf8.RuneCount(last)
}

func unprintable(r rune) bool { return r < ' ' && !unicode.IsSpace(r) }

// placed takes the place out of an error's text, which is such as "proto: syntax error (line
// 3:5): unexpected token: }". Package prototext varies the spaces in it, so that nobody relies
// on them. Line is 0 for an error without a place.
func placed(text string) (line, col int, what string) {
	text = strings.TrimSpace(strings.TrimPrefix(strings.Join(strings.Fields(text), " "), "proto:"))
	before, rest, found := strings.Cut(text, "(line ")
	place, what, closed := strings.Cut(rest, "):")
	l, c, colon := strings.Cut(place, ":")
	line, lineErr := strconv.Atoi(l)
	col, colErr := strconv.Atoi(c)
	if !found || !closed || !colon || lineErr != nil || colErr != nil {
		return 0, 0, text
	}
	if before = strings.TrimSpace(before); before != "" {
		what = before + ": " + strings.TrimSpace(what)
	}
	return line, col, strings.TrimSpace(what)
}
