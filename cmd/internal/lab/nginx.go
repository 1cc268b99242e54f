package lab

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// A download from an nginx: what it gives, slowly, to those who ask for DownloadPath.
const (
	DownloadPath = "/download"
	DownloadSize = 800_000 // bytes
	DownloadRate = 100_000 // bytes a second
)

// NewNginx returns an nginx, a master and a worker, that answers by itself. The folder,
// which is made, has its files.
func NewNginx(h *Host, dir string, m Manner) (*Service, error) {
	s := &Service{Daemon: &Daemon{Name: "nginx on " + h.Name, Host: h, Dir: dir}, reload: syscall.SIGHUP, loaded: "start worker process "}
	s.text = func(m Manner) string { return nginxConfig(h.Name, dir, m) }
	s.command = func() *exec.Cmd {
		return inPIDNamespace(exec.Command("nginx", "-c", s.config, "-p", dir, "-e", "stderr"))
	}
	return newService(s, m)
}

// nginxConfig needs the module echo, as nginx has no other way to answer late.
func nginxConfig(name, dir string, m Manner) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;")
	line("daemon off; user root; worker_processes 1; worker_shutdown_timeout 1s; error_log stderr notice; pid %s;", filepath.Join(dir, "pid"))
	line("events { worker_connections 1000; }")
	line("http {\naccess_log off;")
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		line("%s_temp_path %s;", kind, filepath.Join(dir, kind))
	}
	line("server {\nlisten [::]:%d ipv6only=off;", HTTPPort)
	if m.Certificate != "" {
		line("listen [::]:%d ipv6only=off ssl;\nssl_certificate %[2]s;\nssl_certificate_key %[2]s;", HTTPSPort, m.Certificate)
	}
	line("location / {\ndefault_type text/plain; echo_status %d;", m.status())
	if m.Delay > 0 {
		line("echo_sleep %g;", m.Delay.Seconds())
	}
	line("echo %q;\n}", name)
	line("location %s { limit_rate %d; echo_duplicate %d .; }\n}\n}", DownloadPath, DownloadRate, DownloadSize)
	return b.String()
}
