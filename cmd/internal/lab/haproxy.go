package lab

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
)

// NewHAProxy returns an HAProxy, a master and a worker, that answers by itself. The
// folder, which is made, has its files.
func NewHAProxy(h *Host, dir string, m Manner) (*Service, error) {
	s := &Service{Daemon: &Daemon{Name: "HAProxy on " + h.Name, Host: h, Dir: dir}, reload: syscall.SIGUSR2, loaded: "Loading success."}
	s.text = func(m Manner) string { return haproxyConfig(h.Name, m) }
	s.command = func() *exec.Cmd {
		return inPIDNamespace(exec.Command("haproxy", "-W", "-db", "-f", s.config))
	}
	return newService(s, m)
}

func haproxyConfig(name string, m Manner) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("global\n nbthread 1\n maxconn 2000\n hard-stop-after 1s")
	line("defaults\n mode http\n timeout client 30s\n timeout http-request 30s\n timeout connect 1s\n timeout server 30s")
	line("frontend web\n bind :::%d v4v6", HTTPPort)
	if m.Certificate != "" {
		line(" bind :::%d v4v6 ssl crt %s", HTTPSPort, m.Certificate)
	}
	verb := "return"
	if m.Delay > 0 {
		line(" timeout tarpit %dms", m.Delay.Milliseconds())
		verb = "tarpit"
	}
	line(" http-request %s status %d content-type text/plain string \"%s\\n\"", verb, m.status(), name)
	return b.String()
}
