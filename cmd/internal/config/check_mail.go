package config

import (
	"net"
	"net/netip"
)

// checkMail wants what a mail server needs, and no password in clear on a network.
func checkMail(r *report, table *value, m *Mail) {
	notEmpty(r, table.child("to"), mailboxesRule)
	seen := firsts[string]{}
	for i, address := range m.To {
		if address != "" { // it was refused
			seen.check(r, address, table.child("to").item(i), "must be there once")
		}
	}
	user, password := table.child("user"), table.child("password_file")
	switch {
	case user != nil && password == nil:
		r.badKey(user, "given without password_file", "must be both or none")
	case user == nil && password != nil:
		r.badKey(password, "given without user", "must be both or none")
	}
	encryption := table.child("tls")
	if encryption != nil && user != nil && !m.encrypts() && m.Server != "" && !isLoopback(m.Server) {
		r.badValue(encryption, "lets the password go in clear over the network", `must be "starttls" or "tls", unless the server is this machine`)
	}
	if ca := table.child("ca_file"); ca != nil && encryption != nil && !m.encrypts() {
		r.badKey(ca, "no certificate is verified", `must come with tls = "starttls" or "tls"`)
	}
}

// encrypts reports whether nothing goes to the server before its certificate is verified.
func (m *Mail) encrypts() bool { return m.TLS == "starttls" || m.TLS == "tls" }

// settleMail fills in what the server, a password and the node decide.
func settleMail(table *value, node string, m *Mail) {
	if m.Server == "" { // there is none, or it was refused
		return
	}
	if table.child("subject_prefix") == nil {
		m.SubjectPrefix = "[" + node + "]"
	}
	if _, _, err := net.SplitHostPort(m.Server); err != nil {
		port := "25"
		if m.TLS == "tls" {
			port = "465"
		}
		m.Server = net.JoinHostPort(m.Server, port)
	}
	_, port, _ := net.SplitHostPort(m.Server)
	switch {
	case m.TLS != "":
	case port == "465": // where nothing else is spoken (RFC 8314 section 7.3)
		m.TLS = "tls"
	case m.CAFile != "", m.User != "" && !isLoopback(m.Server):
		m.TLS = "starttls"
	default:
		m.TLS = "opportunistic"
	}
}

// isLoopback reports whether a server is this machine itself.
func isLoopback(server string) bool {
	host, _, err := net.SplitHostPort(server)
	if err != nil {
		host = server
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
