package keepalived

import (
	"net"
	"strconv"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// mailing is what global_defs says of mails.
type mailing struct {
	by        *syntax.Statement // the first notification_email
	to        []said[string]
	from      said[string]
	server    said[string] // with a port, if it is not 25
	hello     said[string]
	timeout   said[time.Duration]
	all       said[bool] // smtp_alert
	ofRouters said[bool] // smtp_alert_vrrp
	ofServers said[bool] // smtp_alert_checker
	noFaults  said[bool]
}

// The limits of [[notify]] timeout.
const (
	leastMailTimeout = 100 * time.Millisecond
	mostMailTimeout  = 10 * time.Minute
)

// globalsOfMails are the words of global_defs that are about mails.
func globalsOfMails() vocabulary[*importer] {
	of := func(im *importer) *mailing { return &im.routing.globals.mail }
	return vocabulary[*importer]{
		"notification_email":      opens(readRecipients),
		"notification_email_from": means(readSender),
		"smtp_server":             means(readMailServer),
		"smtp_helo_name":          keepText(func(im *importer) *said[string] { return &of(im).hello }),
		"smtp_connect_timeout": keepFitting(leastMailTimeout, mostMailTimeout, func(im *importer) *said[time.Duration] {
			return &of(im).timeout
		}),
		"smtp_alert":      keepFlag(func(im *importer) *said[bool] { return &of(im).all }),
		"smtp_alert_vrrp": keepFlag(func(im *importer) *said[bool] { return &of(im).ofRouters }),
		"no_email_faults": keepOn(func(im *importer) *said[bool] { return &of(im).noFaults }),
	}
}

// readRecipients reads addresses, each word of which is one.
func readRecipients(im *importer, s *syntax.Statement, _ *importer) {
	m := &im.routing.globals.mail
	m.by = firstBy(m.by, s)
	known := map[string]bool{}
	for _, to := range m.to {
		known[to.value] = true
	}
	for _, line := range im.block(s) {
		for _, address := range line.Words {
			if im.isMailbox(line, address) && !known[address] {
				known[address] = true
				m.to = append(m.to, said[string]{address, line})
			}
		}
	}
}

func readSender(im *importer, s *syntax.Statement, _ *importer) {
	if address, ok := im.one(s); ok && im.isMailbox(s, address) {
		im.routing.globals.mail.from = said[string]{address, s}
	}
}

// isMailbox reports whether a mail server would take an address.
func (im *importer) isMailbox(s *syntax.Statement, address string) bool {
	err := config.CheckMailbox(address)
	if err != nil {
		im.lose(s, "says "+quoted(address)+" to the mail server, which "+err.Error(), `write an address alone, as ops@example.com`)
	}
	return err == nil
}

// readMailServer reads HOST [PORT].
func readMailServer(im *importer, s *syntax.Statement, _ *importer) {
	args := s.Args()
	if len(args) == 0 || len(args) > 2 {
		im.wrong(s, "must have a host, and a port if it is not 25")
		return
	}
	server := args[0]
	if len(args) == 2 {
		port, err := strconv.ParseUint(args[1], 10, 16)
		if err != nil || port == 0 {
			im.wrong(s, "port "+quoted(args[1])+" must be a number from 1 to 65535")
			return
		}
		if port != 25 {
			server = net.JoinHostPort(server, args[1])
		}
	}
	im.routing.globals.mail.server = said[string]{server, s}
}
