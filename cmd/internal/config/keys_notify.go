package config

import "time"

// The limits of how long a program may take that is told of an event, or an attempt to send
// a mail or to post to a webhook.
const (
	minNotifyTimeout = 100 * time.Millisecond
	maxNotifyTimeout = 10 * time.Minute
)

// The limits of how often a converge hook is run though nothing has changed.
const (
	minConvergeEvery = time.Second
	maxConvergeEvery = 24 * time.Hour
)

func defaultNotify() Notify { return Notify{Arguments: "none", Timeout: 30 * time.Second} }

func notifyKeys(n *Notify) []key {
	names := func(dst *[]string, of string) reader { return texts(dst, of, nameRule, parseName) }
	return []key{
		optional("on", list(&n.On, eventsRule, func(e *string) reader { return named(e, eventNames()) })),
		optional("vrrp", names(&n.VRRP, routersRule)),
		optional("sync_group", names(&n.SyncGroups, groupsRule)),
		optional("service", texts(&n.Services, servicesRule, serviceNameRule, parseLine)),
		optional("exec", texts(&n.Exec, argvRule, argumentRule, parseArgument)),
		optional("arguments", words(&n.Arguments, "none", "keepalived")),
		optional("fifo", text(&n.FIFO, pathRule, parsePath)),
		optional("reader", texts(&n.Reader, argvRule, argumentRule, parseArgument)),
		optional("states_on_reload", boolean(&n.StatesOnReload)),
		optional("mail", table(&n.Mail, mailKeys)),
		optional("webhook", concealed(text(&n.Webhook.URL, webhookRule, parseWebhook))),
		optional("signing_secret_file", text(&n.Webhook.SecretFile, pathRule, parsePath)),
		optional("token_file", text(&n.Webhook.TokenFile, pathRule, parsePath)),
		optional("ca_file", text(&n.Webhook.CAFile, pathRule, parsePath)),
		optional("converge", texts(&n.Converge, argvRule, argumentRule, parseArgument)),
		optional("every", duration(&n.Every, minConvergeEvery, maxConvergeEvery)),
		optional("user", text(&n.User, userRule, parseUser)),
		optional("timeout", duration(&n.Timeout, minNotifyTimeout, maxNotifyTimeout)),
	}
}

func mailKeys(m *Mail) []key {
	return []key{
		required("server", text(&m.Server, mailServerRule, parseServer)),
		optional("from", text(&m.From, mailboxRule, parseMailbox)),
		required("to", texts(&m.To, mailboxesRule, mailboxRule, parseMailbox)),
		optional("subject_prefix", text(&m.SubjectPrefix, prefixTextRule, parsePrefixText)),
		optional("hello", text(&m.Hello, hostRule, parseHost)),
		optional("tls", words(&m.TLS, "opportunistic", "starttls", "tls", "none")),
		optional("ca_file", text(&m.CAFile, pathRule, parsePath)),
		optional("user", text(&m.User, mailUserRule, parseMailUser)),
		optional("password_file", text(&m.PasswordFile, pathRule, parsePath)),
	}
}

// What is allowed in the lists of a [[notify]].
const (
	eventsRule      = `must be a list of events, like ["master", "backup", "fault"]`
	routersRule     = `must be a list of names of [[vrrp]], like ["gw"]`
	groupsRule      = `must be a list of names of [[sync_group]], like ["inside-outside"]`
	servicesRule    = `must be a list of names of [[service]], like ["web"]`
	serviceNameRule = `must be the name of a [[service]], like "web"`
)
