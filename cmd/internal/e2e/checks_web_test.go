package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// webEnv has the address at which this program is to be a web server of the lightest kind,
// whose answers cost little beside what a check of them costs.
const webEnv = "PERCH_TEST_WEB"

// askServed is the request for the number of answers so far.
const askServed = "GET /served "

// beWeb answers each connection once, and closes it.
func beWeb(addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	var served atomic.Int64
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go answerOnce(conn, &served)
	}
}

func answerOnce(conn net.Conn, served *atomic.Int64) {
	defer conn.Close()
	request := make([]byte, 1024)
	n, err := conn.Read(request)
	if err != nil {
		return
	}
	text := "ok"
	if bytes.HasPrefix(request[:n], []byte(askServed)) {
		text = strconv.FormatInt(served.Load(), 10)
	} else {
		served.Add(1)
	}
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(text), text)
}

// web is such a server in a process of its own.
type web struct {
	host *lab.Host
	addr netip.AddrPort
}

// startWeb starts one on a host, on the second processor.
func startWeb(tb testing.TB, h *lab.Host) *web {
	tb.Helper()
	w := &web{host: h, addr: netip.MustParseAddrPort("127.0.0.1:8080")}
	self, err := os.Executable()
	must(tb, err)
	cmd := exec.Command("taskset", "-c", "1", self)
	cmd.Env = append(os.Environ(), webEnv+"="+w.addr.String())
	cmd.Stderr = os.Stderr
	_, err = h.Start(cmd)
	must(tb, err)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := w.served(); err == nil {
			return w
		}
		if time.Now().After(deadline) {
			tb.Fatal("the web server does not answer")
		}
	}
}

// served asks how many answers there were.
func (w *web) served() (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := w.host.Dial(ctx, "tcp", w.addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "%sHTTP/1.1\r\nHost: web\r\n\r\n", askServed); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
