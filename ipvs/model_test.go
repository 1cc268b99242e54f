package ipvs

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
)

var errModelGone = errors.New("the kernel has no IPVS: modprobe ip_vs")

// modelKernel is IPVS as far as Manager sees it. It survives its conversations.
type modelKernel struct {
	mu       sync.Mutex
	services []Service
	times    Timeouts
	missing  bool             // there is no IPVS
	loads    int              // times it came: a conversation outlives none
	refuse   func(step) error // nil: nothing is refused
	before   func(step)       // called before each step
	lending  func()           // called before timeouts are set
	dumping  func()           // called at the end of a survey
	opens    int              // conversations begun
	talks    int              // conversations that go on
	surveys  int              // dumps
	log      []string         // steps carried out, and timeouts set
}

func newModelKernel(services ...Service) *modelKernel {
	return &modelKernel{services: cloneServices(services), times: Timeouts{900, 120, 300}}
}

func cloneServices(services []Service) []Service {
	list := slices.Clone(ordered(services))
	for i := range list {
		list[i].Servers = slices.Clone(list[i].Servers)
	}
	return list
}

// modelTalk is a conversation with a modelKernel.
type modelTalk struct {
	*modelKernel
	load int
}

// unload takes IPVS away, with all that it has; load brings it back.
func (k *modelKernel) unload() {
	k.change(func(k *modelKernel) { k.missing, k.services, k.times = true, nil, Timeouts{900, 120, 300} })
}

func (k *modelKernel) load() {
	k.change(func(k *modelKernel) { k.missing = false; k.loads++ })
}

func (k *modelKernel) open() (kernel, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.opens++
	if k.missing {
		return nil, errModelGone
	}
	k.talks++
	return &modelTalk{k, k.loads}, nil
}

func (k modelTalk) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.talks--
	return nil
}

func (k modelTalk) survey() ([]Service, error) {
	k.mu.Lock()
	if k.dumping != nil {
		defer k.dumping()
	}
	defer k.mu.Unlock()
	k.surveys++
	if k.missing || k.load != k.loads {
		return nil, errModelGone
	}
	return cloneServices(k.services), nil
}

func (k modelTalk) carryOut(steps []step) []error {
	errs := make([]error, len(steps))
	for i, s := range steps {
		if errs[i] = errModelGone; k.load == k.loads {
			errs[i] = k.do(s)
		}
	}
	return errs
}

func (k *modelKernel) do(s step) error {
	if k.before != nil {
		k.before(s)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.missing {
		return errModelGone
	}
	if k.refuse != nil {
		if err := k.refuse(s); err != nil {
			return err
		}
	}
	k.log = append(k.log, s.text())
	return k.apply(s)
}

func (k *modelKernel) apply(s step) error {
	i, there := slices.BinarySearchFunc(k.services, s.Key, func(s Service, k Key) int { return s.Key.Compare(k) })
	switch {
	case s.verb == addService && !there:
		k.services = slices.Insert(k.services, i, Service{Key: s.Key, Balancing: s.Balancing})
		return nil
	case s.verb == addService:
		return errMadeByOthers
	case s.verb == removeService && !there:
		return nil
	case !there:
		return fmt.Errorf("%s: no such service", s.Key)
	case s.verb == editService:
		k.services[i].Balancing = s.Balancing
		return nil
	case s.verb == removeService:
		k.services = slices.Delete(k.services, i, i+1)
		return nil
	}
	return k.services[i].applyServer(s)
}

func (s *Service) applyServer(do step) error {
	i, there := slices.BinarySearchFunc(s.Servers, do.Server, Server.compare)
	switch {
	case do.verb == addServer && !there:
		s.Servers = slices.Insert(s.Servers, i, do.Server)
	case do.verb == removeServer && there:
		s.Servers = slices.Delete(s.Servers, i, i+1)
	case do.verb == editServer && there:
		s.Servers[i] = do.Server
	case do.verb == editServer:
		return fmt.Errorf("%s of %s: no such server", do.Address(), s.Key)
	}
	return nil
}

func (k modelTalk) timeouts() (Timeouts, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.times, nil
}

func (k modelTalk) setTimeouts(t Timeouts) error {
	if k.lending != nil {
		k.lending()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.log = append(k.log, fmt.Sprint("timeouts ", t))
	for _, one := range [...]struct {
		at  *uint32
		set uint32
	}{{&k.times.TCP, t.TCP}, {&k.times.TCPFin, t.TCPFin}, {&k.times.UDP, t.UDP}} {
		if one.set != 0 {
			*one.at = one.set
		}
	}
	return nil
}

func (k modelTalk) counters() ([]Counted, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []Counted
	for i, s := range k.services {
		list = append(list, Counted{Key: s.Key, Counters: Counters{Connections: uint64(i + 1)}})
	}
	return list, nil
}

// has returns a copy of what the kernel has.
func (k *modelKernel) has() []Service {
	k.mu.Lock()
	defer k.mu.Unlock()
	return cloneServices(k.services)
}

// change is what others do behind perch's back.
func (k *modelKernel) change(f func(*modelKernel)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f(k)
}

// take returns the steps since the last time.
func (k *modelKernel) take() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	log := k.log
	k.log = nil
	return log
}

func (k *modelKernel) counts() (opens, talks, surveys int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.opens, k.talks, k.surveys
}

// Address tells the field of the Server from that of the Key.
func (s step) Address() netip.AddrPort { return s.Server.Address }

// text is a step in short: "+ tcp 198.18.0.1:80 wlc", "~ tcp 198.18.0.1:80 > 10.0.0.1:80*2".
func (s step) text() string {
	server := func() string { return fmt.Sprintf("%s > %s*%d", s.Key, s.Address(), s.Weight) }
	switch s.verb {
	case addService:
		return fmt.Sprintf("+ %s %s", s.Key, s.Scheduler)
	case editService:
		return fmt.Sprintf("~ %s %s", s.Key, s.Scheduler)
	case removeService:
		return fmt.Sprintf("- %s", s.Key)
	case addServer:
		return "+ " + server()
	case editServer:
		return "~ " + server()
	default:
		return fmt.Sprintf("- %s > %s", s.Key, s.Address())
	}
}

func stepTexts(steps []step) []string {
	var list []string
	for _, s := range steps {
		list = append(list, s.text())
	}
	return list
}

// web returns the tcp service 198.18.0.N:80 by wlc. Its servers are written as weights of
// 10.0.0.1:80 and on; one below 0 is left out.
func web(n byte, weights ...int) Service {
	s := Service{
		Key:       KeyOf(TCP, netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, 0, n}), 80)),
		Balancing: Balancing{Scheduler: "wlc"},
	}
	for i, w := range weights {
		if w >= 0 {
			address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 80)
			s.Servers = append(s.Servers, Server{Address: address, Weight: uint32(w)})
		}
	}
	return s
}

// by returns the service with another scheduler.
func (s Service) by(scheduler string) Service {
	s.Scheduler = scheduler
	return s
}

func wantServices(t *testing.T, k *modelKernel, want ...Service) {
	t.Helper()
	if got := k.has(); !slices.EqualFunc(got, ordered(want), Service.equal) {
		t.Errorf("the kernel has %v, want %v", got, want)
	}
}

func wantSteps(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("the steps are\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
