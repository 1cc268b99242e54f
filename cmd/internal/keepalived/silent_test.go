package keepalived

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// quiet are the words that are rightly without effect, by the kind of block.
func quiet() map[string]string {
	const (
		always  = "perch does it always"
		buffers = "perch's buffers are large, and what one drops is found by looking again"
		reading = "is about how the file is read, and obeyed there"
		bfd     = "is about the protocol, which the bfd_instance is remarked on for"
		none    = "is about something that perch does without"
	)
	return map[string]string{
		"root namespace_with_ipsets": none,
		"root child_wait_time":       none,

		"global_defs dynamic_interfaces":       always,
		"global_defs vrrp_check_unicast_src":   always,
		"global_defs vrrp_skip_check_adv_addr": always,
		"global_defs enable_script_security":   always,
		"global_defs set_supplementary_groups": always,
		"global_defs use_symlink_paths":        always,
		"global_defs reload_check_config":      always,

		"global_defs no_checker_emails": always,

		"global_defs vrrp_netlink_cmd_rcv_bufs":           buffers,
		"global_defs vrrp_netlink_cmd_rcv_bufs_force":     buffers,
		"global_defs vrrp_netlink_monitor_rcv_bufs":       buffers,
		"global_defs vrrp_netlink_monitor_rcv_bufs_force": buffers,
		"global_defs lvs_netlink_cmd_rcv_bufs":            buffers,
		"global_defs lvs_netlink_cmd_rcv_bufs_force":      buffers,
		"global_defs lvs_netlink_monitor_rcv_bufs":        buffers,
		"global_defs lvs_netlink_monitor_rcv_bufs_force":  buffers,
		"global_defs process_monitor_rcv_bufs":            buffers,
		"global_defs process_monitor_rcv_bufs_force":      buffers,
		"global_defs vrrp_rx_bufs_policy":                 buffers,
		"global_defs vrrp_rx_bufs_multiplier":             buffers,
		"vrrp_instance kernel_rx_buf_size":                buffers,

		"global_defs tmp_config_directory": reading,
		"global_defs iproute_usr_dir":      reading,
		"global_defs iproute_etc_dir":      reading,
		"global_defs include_check":        reading,
		"global_defs random_seed":          reading,

		"global_defs nftables_ipvs":              none,
		"global_defs nftables_ipvs_priority":     none,
		"global_defs nftables_ipvs_start_fwmark": none,

		"bfd_instance idle_tx":  bfd,
		"bfd_instance passive":  bfd,
		"bfd_instance ttl":      bfd,
		"bfd_instance hoplimit": bfd,
		"bfd_instance vrrp":     bfd,

		"vrrp_instance promote_secondaries":   always,
		"vrrp_instance skip_check_adv_addr":   always,
		"vrrp_instance check_unicast_src":     always,
		"vrrp_instance timer_expired_backup":  always,
		"vrrp_instance thread_timer_expired":  always,
		"vrrp_instance old_unicast_checksum":  always,
		"vrrp_instance unicast_fault_no_peer": "without a peer it is a mistake",
		"virtual_server hashed":               "is a mark that the kernel sets itself",
		"HTTP_GET enable_sni":                 always,
		"HTTP_GET fast_recovery":              always,
		"SSL_GET enable_sni":                  always,
		"SSL_GET fast_recovery":               always,
		"url regex_stack":                     none,

		"vrrp_instance debug": "keepalived does nothing with it",
	}
}

// Each word changes the document, or is remarked on at its line, or has a reason not to.
func TestNoWordIsSilent(t *testing.T) {
	b, reasons, plain := readBase(t), quiet(), map[string][]byte{}
	for _, s := range readSamples(t) {
		with, at := b.put(s, s.lines)
		if at == 0 {
			t.Fatalf("base.conf has no @%s", s.block)
		}
		without, _ := b.put(s, nil)
		if plain[without] == nil {
			_, plain[without] = imported(t, s, without, at, 0)
		}
		said, document := imported(t, s, with, at, len(s.lines))
		if len(said) == 0 && bytes.Equal(document, plain[without]) && reasons[s.name()] == "" {
			t.Errorf("%s changes nothing, and nothing is said of it", s)
		}
	}
}

// A number that is none, or is too large or too small by far, is a mistake, or remarked on where
// all of the line is.
func TestNoWrongNumberIsTaken(t *testing.T) {
	b, number := readBase(t), regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	others := []string{
		"UDP_CHECK payload", "UDP_CHECK require_reply", // hexadecimal
		"url regex_stack", // two numbers, of which keepalived heeds none with PCRE2
	}
	for _, s := range readSamples(t) {
		for i, word := range strings.Fields(s.lines[0]) {
			if i > 0 && number.MatchString(word) && !slices.Contains(others, s.name()) {
				takesNoWrongNumber(t, b, s, i)
			}
		}
	}
}

// takesNoWrongNumber tries other numbers for a word of a sample.
func takesNoWrongNumber(t *testing.T, b base, s sample, word int) {
	t.Helper()
	for _, wrong := range []string{"99999999999999", "-99999999999999", "1x"} {
		words := strings.Fields(s.lines[0])
		words[word] = wrong
		line := strings.Join(words, " ")
		text, at := b.put(s, append([]string{line}, s.lines[1:]...))
		r, err := importFile(text)
		if err == nil && !slices.ContainsFunc(r.Remarks, func(m Remark) bool { return m.Line == at }) {
			t.Errorf("%s: %s is taken", s, line)
		}
	}
}

// imported imports a text that can be run, and returns what is said of some of its lines, and
// what it becomes.
func imported(t *testing.T, s sample, text string, at, lines int) (said []Remark, document []byte) {
	t.Helper()
	r, err := importFile(text)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	rendered := r.Document.Render()
	if _, _, err := rendered.Parse("perch.toml", "lb1"); err != nil {
		t.Errorf("%s: cannot be run: %v", s, err)
	}
	for _, m := range r.Remarks {
		if m.Line >= at && m.Line < at+lines {
			said = append(said, m)
		}
	}
	return said, rendered.Text
}

// Each word has a sample.
func TestEachWordHasASample(t *testing.T) {
	sampled := map[string]bool{}
	for _, s := range readSamples(t) {
		sampled["vrrp_sync_group "+s.vocabulary()] = true // its group
		for _, word := range strings.Fields(s.lines[0]) {
			sampled[s.vocabulary()+" "+word] = true
		}
	}
	for block, words := range vocabularies(t) {
		for _, word := range words {
			if !sampled[block+" "+word] {
				t.Errorf("%s: %s has no sample in testdata/words/samples.txt", block, word)
			}
		}
	}
	for word := range quiet() {
		if !sampled[word] {
			t.Errorf("%s has a reason to be without effect, and is no word", word)
		}
	}
}
