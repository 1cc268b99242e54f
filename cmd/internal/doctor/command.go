package doctor

import "strings"

// usualFile is that of the config where nothing else is said.
const usualFile = "/etc/perch/perch.toml"

// again is the command that has all looked at.
func (f Facts) again() string {
	if f.File == "" || f.File == usualFile {
		return "sudo perch doctor"
	}
	return "sudo perch doctor -c " + quoted(f.File)
}

// edit is the command that opens the config, with what is to be changed there as a remark.
func (f Facts) edit(what string) string {
	file := f.File
	if file == "" {
		file = usualFile
	}
	return "${EDITOR:-vi} " + quoted(file) + " # " + what
}

// plain are the characters, beside letters and digits, that mean nothing to a shell.
const plain = "/._-:@%+,="

// quoted is a word as a shell takes it for itself, whatever it has in it.
func quoted(word string) string {
	special := func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune(plain, r)
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
