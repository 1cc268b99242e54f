package keepalived

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// balancingGlobals are the words of global_defs that are about virtual servers.
func balancingGlobals() vocabulary[*importer] {
	v := vocabulary[*importer]{
		"lvs_sync_daemon":        means(readSyncDaemon),
		"lvs_timeouts":           means(readTimeouts),
		"lvs_flush":              keepFlag(func(im *importer) *said[bool] { return &im.balancing.ipvs.flush }),
		"lvs_flush_on_stop":      means(readFlushOnStop),
		"lvs_notify_fifo":        keepFIFO(func(im *importer) *fifo { return &im.balancing.fifo }),
		"lvs_notify_fifo_script": keepFIFOScript(func(im *importer) *fifo { return &im.balancing.fifo }),
		"rs_init_notifies": lost[*importer]("runs notify_up or notify_down for the first verdict on a server",
			"perch tells the first verdict always; with service.start = \"up\" if it is a bad one"),
		"checker_log_all_failures":   lostFlag[*importer]("logs each failed look", everyLook),
		"no_checker_emails":          needless[*importer](), // there is none for each check in any case
		"smtp_alert_checker":         keepFlag(func(im *importer) *said[bool] { return &im.routing.globals.mail.ofServers }),
		"nftables_ipvs":              needless[*importer](), // a list of addresses needs no rules of a firewall
		"nftables_ipvs_priority":     needlessNumber[*importer](math.MinInt32, math.MaxInt32),
		"nftables_ipvs_start_fwmark": needlessNumber[*importer](1, math.MaxUint32),
		"enable_snmp_checker":        lost[*importer]("answers SNMP for its virtual servers", noSNMP),
	}
	for _, name := range []string{"checker_priority", "checker_no_swap", "checker_rt_priority", "checker_rlimit_rttime", "checker_cpu_affinity", "checker_process_name", "lvs_process_name"} {
		v[name] = lost[*importer]("sets this for its process of checkers", "perch has no process of its own for checks: the unit's Nice=, CPUAffinity= and the like are for all of it")
	}
	v["lvs_flush_onstop"] = v["lvs_flush_on_stop"] // its name once
	for _, name := range []string{"snmp_vs_stats_update_interval", "snmp_rs_stats_update_interval"} {
		v[name] = lost[*importer]("reads the kernel's counters for SNMP so often", noSNMP)
	}
	return v
}

// What perch has for some words that have no equivalent.
const (
	noSNMP    = "perch has no SNMP: states and counters are in its metrics and in perch status -o json"
	everyLook = `node.log_level = "debug" logs each look, good or bad`
)

// readFlushOnStop reads what becomes of virtual servers at the end: alone it takes all away,
// and with VS those that keepalived has made.
func readFlushOnStop(im *importer, s *syntax.Statement, _ *importer) {
	at := &im.balancing.ipvs.atEnd
	switch args := s.Args(); {
	case len(args) == 0:
		keep(im, at, "flush", s)
	case len(args) == 1 && args[0] == "VS":
		keep(im, at, "remove", s)
	default:
		im.wrong(s, quoted(strings.Join(args, " "))+" must be VS, or be left out")
	}
}

// readTimeouts reads tcp, tcpfin and udp, each with seconds; 0 leaves what the kernel has.
func readTimeouts(im *importer, s *syntax.Statement, _ *importer) {
	args := s.Args()
	if len(args) == 0 || len(args)%2 != 0 {
		im.wrong(s, "must be pairs, as tcp 900 tcpfin 120 udp 300")
		return
	}
	i := &im.balancing.ipvs
	fields := map[string]*said[time.Duration]{"tcp": &i.tcp, "tcpfin": &i.tcpFin, "udp": &i.udp}
	for ; len(args) > 0; args = args[2:] {
		field, known := fields[args[0]]
		n, err := strconv.Atoi(args[1])
		switch {
		case !known:
			im.wrong(s, fmt.Sprintf("%q must be tcp, tcpfin or udp", args[0]))
		case err != nil || n < 0 || n > math.MaxInt32:
			im.wrong(s, fmt.Sprintf("%s %q must be whole seconds", args[0], args[1]))
		case n > 0:
			keep(im, field, time.Duration(n)*time.Second, s)
		}
	}
}

// readSyncDaemon reads IFACE [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS].
func readSyncDaemon(im *importer, s *syntax.Statement, _ *importer) {
	args := s.Args()
	if len(args) == 0 {
		im.wrong(s, "missing; must have an interface")
		return
	}
	d := syncDaemon{iface: args[0]}
	args = args[1:]
	if len(args) > 0 && !slices.Contains(strings.Fields("inst id maxlen port ttl group"), args[0]) {
		d.instance, args = args[0], args[1:]
	}
	for ; len(args) > 0; args = args[2:] {
		if len(args) < 2 {
			im.wrong(s, fmt.Sprintf("%s has no value behind it", args[0]))
			return
		}
		if text := d.read(args[0], args[1], s); text != "" {
			im.wrong(s, text)
		}
	}
	keep(im, &im.balancing.ipvs.sync, d, s)
}

// read reads an option, and returns what is wrong with it.
func (d *syncDaemon) read(option, value string, s *syntax.Statement) (wrong string) {
	number := func(dst *int, least, most int) string {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return fmt.Sprintf("%s %q must be a number from %d to %d", option, value, least, most)
		}
		*dst = n
		return ""
	}
	switch option {
	case "inst":
		d.instance = value
	case "id":
		d.id.by = s
		return number(&d.id.value, 0, 255)
	case "maxlen":
		return number(&d.maxLen, 1, 65507)
	case "port":
		return number(&d.port, 1, math.MaxUint16)
	case "ttl":
		return number(&d.ttl, 1, 255)
	case "group":
		a, err := netip.ParseAddr(value)
		if err != nil || !a.IsMulticast() {
			return fmt.Sprintf("group %q must be a multicast address", value)
		}
		d.group = a
	default:
		return fmt.Sprintf("%q is not known", option)
	}
	return ""
}

func readSSL(im *importer, s *syntax.Statement, _ *importer) {
	readBlock(im, "SSL", im.block(s), clientTLSWords(), &im.balancing.tls)
}

func clientTLSWords() vocabulary[*clientTLS] {
	return vocabulary[*clientTLS]{
		"certificate": keepText(func(t *clientTLS) *said[string] { return &t.cert }),
		"key":         keepText(func(t *clientTLS) *said[string] { return &t.key }),
		"ca": lost[*clientTLS]("loads it, and takes each certificate all the same",
			"with ca_file rather than verify = false a check verifies what a server shows"),
		"password": lost[*clientTLS]("decrypts the key with it", "the key's file must be without a password, and readable by root alone"),
	}
}
