package notify

import "strconv"

// state is the word for what is now so: what keepalived calls it where it has a word.
func (e Event) state() string {
	switch e.Kind {
	case Owner:
		return "MASTER"
	case Standby:
		return "BACKUP"
	case ServerUp, QuorumUp:
		return "UP"
	case ServerDown, QuorumDown:
		return "DOWN"
	case MasterPriority:
		return "MASTER_PRIORITY"
	case BackupPriority:
		return "BACKUP_PRIORITY"
	case MasterRxLowerPri:
		return "MASTER_RX_LOWER_PRI"
	case Master:
		return "MASTER"
	case Backup:
		return "BACKUP"
	case Fault:
		return "FAULT"
	case Stop:
		return "STOP"
	case Deleted:
		return "DELETED"
	}
	return ""
}

// variables returns the environment of a program that is told of the event.
func (e Event) variables() []string {
	list := []string{
		"PERCH_EVENT=" + string(e.Kind),
		"PERCH_ABOUT=" + string(e.Subject.About),
		"PERCH_NAME=" + e.Subject.Name,
		"PERCH_STATE=" + e.state(),
		"PERCH_REASON=" + e.Reason,
	}
	if e.Subject.About == Router || e.Subject.About == Cluster {
		list = append(list, "PERCH_PRIORITY="+strconv.Itoa(e.Priority))
	}
	if e.Subject.Server.IsValid() {
		list = append(list, "PERCH_SERVER="+e.Subject.Server.String())
	}
	return list
}

// String is for the log: "master of gw", "server_down of web 10.0.0.11:80".
func (e Event) String() string {
	s := string(e.Kind) + " of " + e.Subject.Name
	if e.Subject.Server.IsValid() {
		s += " " + e.Subject.Server.String()
	}
	return s
}
