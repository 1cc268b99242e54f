package config

import "time"

// Notify is one [[notify]]: who is told of which events. Exactly one of Exec, FIFO,
// Mail.Server, Webhook.URL and Converge is set.
type Notify struct {
	On         []string // kinds of events, one at least; none for Converge
	VRRP       []string // names of virtual routers; with SyncGroups and Services empty, all are meant
	SyncGroups []string
	Services   []string
	Exec       []string // a program and its arguments
	Arguments  string   // of events, behind those of Exec: "none" or "keepalived"
	FIFO       string   // a path
	Reader     []string // a program and its arguments, which reads FIFO
	// StatesOnReload has a reload write all states into FIFO once more.
	StatesOnReload bool
	Mail           Mail
	Webhook        Webhook
	Converge       []string      // a program and its arguments
	Every          time.Duration // how often Converge is run though nothing has changed; 0 for never
	User           string        // who runs Exec or Converge, or may read FIFO and runs Reader; "" for the default
	Timeout        time.Duration // of Exec and Converge, and of one attempt to send a mail or to post
}

// Mail is [notify.mail]: how a mail gets to whom.
type Mail struct {
	Server        string // "host:port"
	From          string // "" for root of this machine
	To            []string
	SubjectPrefix string
	Hello         string // "" for the name of this machine
	TLS           string // "opportunistic", "starttls", "tls" or "none"
	CAFile        string
	User          string // "" for no authentication
	PasswordFile  string
}

// Webhook is a URL to which events are posted.
type Webhook struct {
	URL        string // may have a secret in it: it is not for logs
	SecretFile string // "" for no signature
	TokenFile  string // "" for none
	CAFile     string // "" for the system's authorities
}

// about is what events are about.
type about uint8

const (
	aboutRouters about = 1 << iota
	aboutGroups
	aboutCluster
	aboutServices
)

// event is a kind of event that a [[notify]] may be for.
type event struct {
	name  string
	about about
}

// events are all that there are, in the order of docs/notify.md.
func events() []event {
	return []event{
		{"master", aboutRouters | aboutGroups},
		{"backup", aboutRouters | aboutGroups},
		{"fault", aboutRouters | aboutGroups},
		{"stop", aboutRouters | aboutGroups},
		{"deleted", aboutRouters | aboutGroups},
		{"master_priority", aboutRouters},
		{"backup_priority", aboutRouters},
		{"master_rx_lower_pri", aboutRouters},
		{"owner", aboutCluster},
		{"standby", aboutCluster},
		{"server_up", aboutServices},
		{"server_down", aboutServices},
		{"quorum_up", aboutServices},
		{"quorum_down", aboutServices},
	}
}

// stateNames are the events that say what something is from then on.
func stateNames() []string { return []string{"master", "backup", "fault", "owner", "standby"} }

func eventNames() []string {
	var names []string
	for _, e := range events() {
		names = append(names, e.name)
	}
	return names
}

// aboutOf returns what an event is about, nothing for one that was refused.
func aboutOf(name string) about {
	for _, e := range events() {
		if e.name == name {
			return e.about
		}
	}
	return 0
}
