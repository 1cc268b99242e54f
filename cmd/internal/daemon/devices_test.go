package daemon

import (
	"cmp"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// fakeMaker notes which devices are opened and closed.
type fakeMaker struct {
	opened, closed []string
	made           map[int]bool // indexes
}

func (f *fakeMaker) Open(d vrrpnet.Device) error {
	f.opened = append(f.opened, d.Name)
	return nil
}

func (f *fakeMaker) Close(name string) error {
	f.closed = append(f.closed, name)
	return nil
}
func (f *fakeMaker) Sweep() error                  { return nil }
func (f *fakeMaker) Made(i vrrpnet.Interface) bool { return f.made[i.Index] }

// A device is looked at when it, or what it is on, has changed, and at no other time.
func TestDevicesThatStandAreLeftAlone(t *testing.T) {
	made := &fakeMaker{}
	d := newDevices("", slog.New(slog.DiscardHandler))
	d.made = made
	one, two := virtualRouter{Device: "vrrp.1"}, virtualRouter{Device: "vrrp.2"}
	one.VirtualRouter = config.VirtualRouter{Interface: "eth0", VRID: 1}
	two.VirtualRouter = config.VirtualRouter{Interface: "eth1", VRID: 2}
	link := func(name string, index, mtu int) vrrpnet.Interface {
		return vrrpnet.Interface{Name: name, Index: index, MTU: mtu}
	}
	eth0, eth1 := link("eth0", 2, 1500), link("eth1", 3, 1500)
	vrrp1, vrrp2 := link("vrrp.1", 4, 1500), link("vrrp.2", 5, 1500)
	steps := []struct {
		name string
		list []vrrpnet.Interface
		want []string
	}{
		{"they have come", []vrrpnet.Interface{eth0, eth1, vrrp1, vrrp2}, []string{"vrrp.1", "vrrp.2"}},
		{"another interface", []vrrpnet.Interface{eth0, eth1, vrrp1, vrrp2, link("veth9", 6, 1500)}, nil},
		{"an MTU", []vrrpnet.Interface{link("eth0", 2, 9000), eth1, vrrp1, vrrp2}, []string{"vrrp.1"}},
		{"one has gone", []vrrpnet.Interface{link("eth0", 2, 9000), eth1, vrrp1}, []string{"vrrp.2"}},
		{"its parent is another", []vrrpnet.Interface{link("eth0", 7, 9000), eth1, vrrp1, vrrp2}, []string{"vrrp.1", "vrrp.2"}},
	}
	d.see([]vrrpnet.Interface{eth0, eth1})
	d.want([]virtualRouter{one, two})
	for _, step := range steps {
		made.opened = nil
		d.see(step.list)
		d.repair()
		if !slices.Equal(made.opened, step.want) {
			t.Errorf("%s: opened %v, want %v", step.name, made.opened, step.want)
		}
	}
}

// A router says farewell by its device before another one of that name or MAC comes.
func TestDevicesWaitForOthers(t *testing.T) {
	router := func(name, on, mac string) virtualRouter {
		v := virtualRouter{Device: name, VirtualRouter: config.VirtualRouter{Interface: on, VRID: 1, VirtualMACName: name}}
		if mac != "" {
			v.VirtualMACAddress = config.MAC{2, 0, 0, 0, 0, mac[0]}
		}
		return v
	}
	tests := map[string]struct {
		now, next    []virtualRouter
		first, later []string // what is opened when it is wanted, and by trim
		closed       []string
	}{
		"the same":             {[]virtualRouter{router("a", "eth0", "")}, []virtualRouter{router("a", "eth0", "")}, []string{"a"}, nil, nil},
		"another name":         {[]virtualRouter{router("a", "eth0", "")}, []virtualRouter{router("b", "eth0", "")}, nil, []string{"b"}, []string{"a"}},
		"another MAC":          {[]virtualRouter{router("a", "eth0", "")}, []virtualRouter{router("a", "eth0", "x")}, nil, []string{"a"}, []string{"a"}},
		"another interface":    {[]virtualRouter{router("a", "eth0", "")}, []virtualRouter{router("a", "eth1", "")}, nil, []string{"a"}, []string{"a"}},
		"both":                 {[]virtualRouter{router("a", "eth0", "")}, []virtualRouter{router("b", "eth1", "")}, []string{"b"}, nil, []string{"a"}},
		"another name and MAC": {[]virtualRouter{router("a", "eth0", "")}, []virtualRouter{router("b", "eth0", "x")}, []string{"b"}, nil, []string{"a"}},
		"none any more":        {[]virtualRouter{router("a", "eth0", "")}, nil, nil, nil, []string{"a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			made := &fakeMaker{}
			d := newDevices("", slog.New(slog.DiscardHandler))
			d.made = made
			d.see([]vrrpnet.Interface{{Name: "eth0", Index: 2}, {Name: "eth1", Index: 3}})
			d.want(tt.now)
			made.opened = nil
			d.want(tt.next)
			if !slices.Equal(made.opened, tt.first) || len(made.closed) > 0 {
				t.Errorf("at first opened %v, want %v; closed %v", made.opened, tt.first, made.closed)
			}
			made.opened = nil
			if err := d.trim(); err != nil || !slices.Equal(made.opened, tt.later) || !slices.Equal(made.closed, tt.closed) {
				t.Errorf("then opened %v, want %v; closed %v, want %v; error %v", made.opened, tt.later, made.closed, tt.closed, err)
			}
		})
	}
}

// An interface whose own MAC is taken for a virtual one must not fall silent, and the
// router has no device beside it.
func TestMACOfTheHostIsNotFenced(t *testing.T) {
	virtual, other := config.MAC{2, 0, 0, 0, 0, 1}, config.MAC{2, 0, 0, 0, 0, 2}
	link := func(index int, name string, below int, mac config.MAC) vrrpnet.Interface {
		return vrrpnet.Interface{Name: name, Index: index, Below: below, MAC: mac[:]}
	}
	eth0, eth1 := link(2, "eth0", 0, other), link(3, "eth1", 0, other)
	for name, tt := range map[string]struct {
		around []vrrpnet.Interface
		named  string
		made   int // index of what perch made
		host   string
	}{
		"nobody's":                        {[]vrrpnet.Interface{eth0, eth1}, "", 0, ""},
		"of the interface itself":         {[]vrrpnet.Interface{link(2, "eth0", 0, virtual), eth1}, "", 0, "eth0"},
		"elsewhere":                       {[]vrrpnet.Interface{eth0, link(3, "eth1", 0, virtual)}, "", 0, ""},
		"of a VLAN":                       {[]vrrpnet.Interface{eth0, eth1, link(4, "eth0.4", 2, virtual)}, "", 0, "eth0.4"},
		"of a VLAN elsewhere":             {[]vrrpnet.Interface{eth0, eth1, link(4, "eth1.4", 3, virtual)}, "", 0, ""},
		"of what is on a VLAN":            {[]vrrpnet.Interface{eth0, eth1, link(4, "eth0.4", 2, other), link(5, "mine", 4, virtual)}, "", 0, "mine"},
		"of two that are on each other":   {[]vrrpnet.Interface{eth0, link(6, "a", 7, virtual), link(7, "b", 6, other)}, "", 0, ""},
		"of the device":                   {[]vrrpnet.Interface{eth0, link(4, "vrrp.1", 2, virtual)}, "", 0, ""},
		"of the device with a name":       {[]vrrpnet.Interface{eth0, link(4, "web0", 2, virtual)}, "web0", 4, ""},
		"of an operator's with its name":  {[]vrrpnet.Interface{eth0, link(4, "web0", 2, virtual)}, "web0", 0, "web0"},
		"of an earlier run's device":      {[]vrrpnet.Interface{eth0, link(4, "web1", 2, virtual)}, "web0", 4, ""},
		"of an operator's beside another": {[]vrrpnet.Interface{eth0, link(4, "web0", 2, virtual), link(5, "mine", 2, virtual)}, "web0", 4, "mine"},
	} {
		t.Run(name, func(t *testing.T) {
			v := virtualRouter{Device: cmp.Or(tt.named, "vrrp.1"), VirtualRouter: config.VirtualRouter{Interface: "eth0", VRID: 1, VirtualMACName: tt.named, VirtualMACAddress: virtual}}
			made := &fakeMaker{made: map[int]bool{tt.made: true}}
			d := newDevices("", slog.New(slog.DiscardHandler))
			d.made = made
			d.see(tt.around)
			if _, macs := d.fenced(&v); (len(macs) == 0) != (tt.host != "") {
				t.Errorf("fenced %v", macs)
			}
			d.want([]virtualRouter{v})
			if got := d.troubles()[v.Device]; (tt.host == "") != (got == "") || !strings.Contains(got, "02:00:00:00:00:01 is the MAC of "+tt.host) && tt.host != "" {
				t.Errorf("trouble: %q", got)
			}
			if (len(made.opened) == 0) != (tt.host != "") {
				t.Errorf("opened %v", made.opened)
			}
		})
	}
}

// What was fenced on an interface that has gone is not fenced any more.
func TestMACOfAnInterfaceThatComesBack(t *testing.T) {
	v := virtualRouter{Device: "vrrp.1", VirtualRouter: config.VirtualRouter{Name: "gw", Interface: "eth0", VRID: 1}}
	d := newDevices("", slog.New(slog.DiscardHandler))
	s, _ := newShield()
	s.fenced, s.spared = d.fenced, d.spared
	for index := 2; index < 5; index++ {
		d.see([]vrrpnet.Interface{{Name: "eth0", Index: index}})
		if err := s.admit([]virtualRouter{v}); err != nil {
			t.Fatal(err)
		}
		if macs := s.leases["gw"].routerLease.(*fakeLease).macs; len(macs) != 1 || macs[0].Interface != index {
			t.Errorf("fenced %v, want on %d alone", macs, index)
		}
	}
}

// A device on a macvlan is on what that is on.
func TestMACOnMacvlanIsFencedBelow(t *testing.T) {
	v := virtualRouter{Device: "vrrp.1", VirtualRouter: config.VirtualRouter{Interface: "mv0", VRID: 1}}
	d := newDevices("", slog.New(slog.DiscardHandler))
	for below, want := range map[int][]int{0: {3}, 3: {3}, 2: {3, 2}} {
		d.see([]vrrpnet.Interface{{Name: "eth0", Index: 2}, {Name: "mv0", Index: 3, Below: 2}, {Name: "vrrp.1", Index: 4, Below: below}})
		var by []int
		_, macs := d.fenced(&v)
		for _, m := range macs {
			by = append(by, m.Interface)
		}
		if !slices.Equal(by, want) {
			t.Errorf("on %d: fenced on %v, want %v", below, by, want)
		}
	}
}

// What an interface takes for its MAC later is not fenced from then on.
func TestMACThatTheHostTakes(t *testing.T) {
	v := virtualRouter{Device: "vrrp.1", VirtualRouter: config.VirtualRouter{Name: "gw", Interface: "eth0", VRID: 1}}
	d := newDevices("", slog.New(slog.DiscardHandler))
	d.made = &fakeMaker{}
	s, _ := newShield()
	s.fenced, s.spared = d.fenced, d.spared
	for _, step := range []struct {
		mac    net.HardwareAddr
		fenced int
	}{{net.HardwareAddr{2, 0, 0, 0, 0, 1}, 1}, {vrrpnet.VirtualMAC4(1), 0}, {net.HardwareAddr{2, 0, 0, 0, 0, 1}, 1}} {
		if !d.see([]vrrpnet.Interface{{Name: "eth0", Index: 2, MAC: step.mac}}) {
			t.Errorf("%s: not seen", step.mac)
		}
		if err := s.admit([]virtualRouter{v}); err != nil {
			t.Fatal(err)
		}
		if macs := s.leases["gw"].routerLease.(*fakeLease).macs; len(macs) != step.fenced {
			t.Errorf("eth0 has %s: fenced %v", step.mac, macs)
		}
	}
}

// A device is there, or comes, while its interface is up and nothing keeps it from being made.
func TestDevicesToCome(t *testing.T) {
	up := func(names ...string) (list []vrrpnet.Interface) {
		for _, name := range names {
			list = append(list, vrrpnet.Interface{Name: name, Up: true})
		}
		return list
	}
	tests := map[string]struct {
		around  []vrrpnet.Interface
		trouble string
		want    bool
	}{
		"not made yet": {up("eth0"), "", true},

		"there":                 {up("eth0", "vrrp.51"), "", true},
		"no interface":          {up("eth1"), "", false},
		"the interface is down": {[]vrrpnet.Interface{{Name: "eth0"}}, "", false},
		"it is somebody else's": {up("eth0"), "the name is taken", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDevices("", slog.New(slog.DiscardHandler))
			d.see(tt.around)
			d.trouble["vrrp.51"] = tt.trouble
			if got := d.comes("vrrp.51", "eth0"); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
