package notify

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

var (
	gw     = Subject{About: Router, Name: "VI_1"}
	inside = Subject{About: Group, Name: "G1"}
	edge   = Subject{About: Cluster, Name: "edge"}
)

func service(name, protocol string, mark uint32, addresses ...string) (Subject, Service) {
	s := Service{Protocol: protocol, FWMark: mark}
	for _, a := range addresses {
		s.Addresses = append(s.Addresses, netip.MustParseAddrPort(a))
	}
	return Subject{About: Virtual, Name: name}, s
}

func quorum(kind Kind, s Subject, of Service) Event {
	return Event{Kind: kind, Subject: s, Service: of}
}

func server(kind Kind, s Subject, of Service, address string) Event {
	return Event{Kind: kind, Subject: Subject{About: Server, Name: s.Name, Server: netip.MustParseAddrPort(address)}, Service: of}
}

// The lines that keepalived 2.2.7 wrote into its FIFOs, byte for byte.
func TestLinesAreThoseOfKeepalived(t *testing.T) {
	web, of4 := service("web", "tcp", 0, "198.18.0.100:80")
	dns, of6 := service("dns", "udp", 0, "[2001:db8::1]:53")
	marked, ofMark := service("marked", "", 7)
	many, ofMany := service("GG", "tcp", 0, "198.18.0.105:90", "198.18.0.106:90")
	for _, c := range []struct {
		event Event
		want  string
	}{
		{Event{Kind: Backup, Subject: gw, Priority: 100}, `INSTANCE "VI_1" BACKUP 100`},
		{Event{Kind: Master, Subject: gw, Priority: 100}, `INSTANCE "VI_1" MASTER 100`},
		{Event{Kind: Fault, Subject: gw, Priority: 100}, `INSTANCE "VI_1" FAULT 100`},
		{Event{Kind: Stop, Subject: gw, Priority: 100}, `INSTANCE "VI_1" STOP 100`},
		{Event{Kind: Deleted, Subject: gw, Priority: 100}, `INSTANCE "VI_1" DELETED 100`},
		{Event{Kind: MasterPriority, Subject: gw, Priority: 110}, `INSTANCE "VI_1" MASTER_PRIORITY 110`},
		{Event{Kind: BackupPriority, Subject: gw, Priority: 110}, `INSTANCE "VI_1" BACKUP_PRIORITY 110`},
		{Event{Kind: MasterRxLowerPri, Subject: gw, Priority: 100}, `INSTANCE "VI_1" MASTER_RX_LOWER_PRI 100`},
		{Event{Kind: Master, Subject: inside}, `GROUP "G1" MASTER 0`},
		{Event{Kind: Owner, Subject: edge}, `INSTANCE "edge" MASTER 0`},
		{Event{Kind: Standby, Subject: edge}, `INSTANCE "edge" BACKUP 0`},
		{quorum(QuorumUp, web, of4), "VS [198.18.0.100]:tcp:80 UP"},
		{quorum(QuorumDown, dns, of6), "VS [2001:db8::1]:udp:53 DOWN"},
		{quorum(QuorumUp, marked, ofMark), "VS FWM 7 UP"},
		{quorum(QuorumDown, many, ofMany), "VS [GG]:0 DOWN"},
		{server(ServerUp, web, of4, "127.0.0.1:81"), "RS [127.0.0.1]:tcp:81 [198.18.0.100]:tcp:80 UP"},
		{server(ServerDown, dns, of6, "[2001:db8::9]:53"), "RS [2001:db8::9]:udp:53 [2001:db8::1]:udp:53 DOWN"},
		{server(ServerDown, marked, ofMark, "198.18.0.9:0"), "RS [198.18.0.9]:none:0 FWM 7 DOWN"},
		{server(ServerUp, many, ofMany, "198.18.0.9:90"), "RS [198.18.0.9]:tcp:90 [GG]:0 UP"},
	} {
		if got := c.event.line(); got != c.want+"\n" {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestArgumentsAreThoseOfKeepalived(t *testing.T) {
	web, of := service("web", "tcp", 0, "198.18.0.100:80")
	for _, c := range []struct {
		event Event
		want  string
	}{
		{Event{Kind: Master, Subject: gw, Priority: 100}, "INSTANCE VI_1 MASTER 100"},
		{Event{Kind: Fault, Subject: inside}, "GROUP G1 FAULT 0"},
		{Event{Kind: Owner, Subject: edge}, "INSTANCE edge MASTER 0"},
		{quorum(QuorumUp, web, of), ""},
		{server(ServerDown, web, of, "127.0.0.1:81"), ""},
	} {
		if got := strings.Join(c.event.arguments(), " "); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestVariables(t *testing.T) {
	web, of := service("web", "tcp", 0, "198.18.0.100:80")
	down := server(ServerDown, web, of, "127.0.0.1:81")
	down.Reason = "failed 3 of 3: connection refused"
	for _, c := range []struct {
		event Event
		want  []string
	}{
		{
			Event{Kind: MasterPriority, Subject: gw, Priority: 110},
			[]string{"PERCH_EVENT=master_priority", "PERCH_ABOUT=vrrp", "PERCH_NAME=VI_1", "PERCH_STATE=MASTER_PRIORITY", "PERCH_REASON=", "PERCH_PRIORITY=110"},
		},
		{
			Event{Kind: Owner, Subject: edge, Priority: 90, Reason: "it leads"},
			[]string{"PERCH_EVENT=owner", "PERCH_ABOUT=cluster", "PERCH_NAME=edge", "PERCH_STATE=MASTER", "PERCH_REASON=it leads", "PERCH_PRIORITY=90"},
		},
		{
			down,
			[]string{"PERCH_EVENT=server_down", "PERCH_ABOUT=server", "PERCH_NAME=web", "PERCH_STATE=DOWN", "PERCH_REASON=failed 3 of 3: connection refused", "PERCH_SERVER=127.0.0.1:81"},
		},
	} {
		if got := c.event.variables(); !slices.Equal(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
