package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var makers = map[string]func(*Host, string, Manner) (*Service, error){
	"HAProxy": NewHAProxy,
	"nginx":   NewNginx,
}

// eachService runs a test on a started service of each kind, and a client.
func eachService(t *testing.T, test func(t *testing.T, s *Service, client *Host)) {
	NeedServices(t)
	for name, make := range makers {
		t.Run(name, func(t *testing.T) {
			_, hosts := newLab(t, 2)
			s, err := make(hosts[0], filepath.Join(t.TempDir(), "service"), Manner{})
			must(t, err)
			must(t, s.Start())
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("log:\n%s", s.LogTail(20))
				}
			})
			test(t, s, hosts[1])
		})
	}
}

func request(t *testing.T, from *Host, addr string, port uint16, config *tls.Config) *Requester {
	t.Helper()
	r, err := from.Request(netip.AddrPortFrom(netip.MustParseAddr(addr), port), config)
	must(t, err)
	return r
}

// comes waits until the requests that are sent from now on come to that.
func comes(t *testing.T, r *Requester, what string) {
	t.Helper()
	from := time.Now()
	eventually(t, "a request comes to: "+what, func() bool {
		return slices.ContainsFunc(r.Since(from), func(q Request) bool {
			if q.Good() {
				return q.By == what
			}
			return q.why() == what
		})
	})
}

func TestServiceIsBrokenAndMended(t *testing.T) {
	eachService(t, func(t *testing.T, s *Service, client *Host) {
		r := request(t, client, s.Host.Eth0.IPv4.Addr().String(), HTTPPort, nil)
		comes(t, r, "h1")
		mended := func() { t.Helper(); comes(t, r, "h1") }
		must(t, s.Become(Manner{Status: 503}))
		comes(t, r, "status 503")
		must(t, s.Become(Manner{}))
		mended()
		const late = 50 * time.Millisecond
		must(t, s.Become(Manner{Delay: late}))
		eventually(t, "answers come late", func() bool {
			return slices.ContainsFunc(r.Since(time.Time{}), func(q Request) bool { return q.Good() && q.Took >= late })
		})
		must(t, s.Become(Manner{Delay: 2 * requestTimeout}))
		comes(t, r, "no answer")
		must(t, s.Become(Manner{}))
		mended()
		must(t, s.Freeze())
		comes(t, r, "no answer")
		must(t, s.Thaw())
		mended()
		must(t, s.Stop(5*time.Second))
		comes(t, r, "connection refused")
		must(t, s.Start())
		mended()
		must(t, s.Kill())
		comes(t, r, "connection refused")
		must(t, s.Start())
		mended()
	})
}

// One request waits for the other, and tells which connection it had.
func TestRequestsInTurn(t *testing.T) {
	eachService(t, func(t *testing.T, s *Service, client *Host) {
		must(t, s.Become(Manner{Delay: 2 * turnInterval}))
		r, err := client.RequestInTurn(netip.AddrPortFrom(s.Host.Eth0.IPv4.Addr(), HTTPPort))
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		must(t, r.WaitAnswers(ctx, time.Now(), 10))
		must(t, r.Close())
		var before Request
		for _, q := range r.Since(time.Time{}) {
			if q.Sent.Before(before.ended()) || q.From == before.From || q.From.Addr() != client.Eth0.IPv4.Addr() {
				t.Errorf("%+v follows %+v", q, before)
			}
			before = q
		}
	})
}

func TestNginxDownload(t *testing.T) {
	NeedServices(t)
	_, hosts := newLab(t, 2)
	s, err := NewNginx(hosts[0], filepath.Join(t.TempDir(), "service"), Manner{})
	must(t, err)
	must(t, s.Start())
	conn, err := hosts[1].Dial(t.Context(), "tcp", netip.AddrPortFrom(s.Host.Eth0.IPv6.Addr(), HTTPPort))
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	began := time.Now()
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: lab\r\n\r\n", DownloadPath)
	must(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	size, err := io.Copy(io.Discard, answer.Body)
	took := time.Since(began)
	if size != DownloadSize || err != nil || took < time.Second {
		t.Errorf("%d bytes were downloaded in %s, want %d in some seconds: %v", size, took, DownloadSize, err)
	}
}

// The host answers at an address that it gets later.
func TestServiceAnswersAtVirtualAddresses(t *testing.T) {
	eachService(t, func(t *testing.T, s *Service, client *Host) {
		for _, addr := range []string{vip4, vip6} {
			r := request(t, client, addr, HTTPPort, nil)
			comes(t, r, "no answer")
			give(t, s.Host, addr)
			comes(t, r, "h1")
		}
	})
}

func TestServiceHasCertificate(t *testing.T) {
	eachService(t, func(t *testing.T, s *Service, client *Host) {
		dir, addr := t.TempDir(), s.Host.Eth0.IPv4.Addr()
		authority, err := NewAuthority()
		must(t, err)
		must(t, authority.WriteRoot(filepath.Join(dir, "ca.pem")))
		root, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
		must(t, err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(root)
		valid, expired := filepath.Join(dir, "valid.pem"), filepath.Join(dir, "expired.pem")
		must(t, authority.Issue(valid, time.Now().Add(time.Hour), addr))
		must(t, authority.Issue(expired, time.Now().Add(-time.Minute), addr))

		r := request(t, client, addr.String(), HTTPSPort, &tls.Config{RootCAs: pool, ServerName: addr.String()})
		must(t, s.Become(Manner{Certificate: valid}))
		comes(t, r, "h1")
		must(t, s.Become(Manner{Certificate: expired}))
		eventually(t, "the certificate has expired", func() bool {
			return slices.ContainsFunc(r.Since(time.Time{}), func(q Request) bool {
				return strings.Contains(q.why(), "certificate has expired")
			})
		})
	})
}

// Workers that stand still, too, die with the first process.
func TestServiceDiesWithItsFirstProcess(t *testing.T) {
	eachService(t, func(t *testing.T, s *Service, client *Host) {
		r := request(t, client, s.Host.Eth0.IPv4.Addr().String(), HTTPPort, nil)
		comes(t, r, "h1")
		must(t, s.Freeze())
		must(t, s.Process().Signal(syscall.SIGKILL))
		eventually(t, "all of it is gone", func() bool { return syscall.Kill(-s.Process().PID(), 0) == syscall.ESRCH })
	})
}
