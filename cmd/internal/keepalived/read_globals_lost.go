package keepalived

import (
	"math"
	"strconv"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// globalsLost are the words of global_defs that become no key.
func globalsLost() vocabulary[*importer] {
	v := vocabulary[*importer]{}
	v.all(needless[*importer](), // since perch does it always, or has no need of it
		"vrrp_check_unicast_src", "vrrp_skip_check_adv_addr", "enable_script_security",
		"set_supplementary_groups", "use_symlink_paths", "reload_check_config",
		"include_check", "random_seed")
	v.add(globalBuffers())
	v.all(means(func(im *importer, s *syntax.Statement, _ *importer) { im.one(s) }),
		"tmp_config_directory", "iproute_usr_dir", "iproute_etc_dir") // for these two see importer.iprouteFolder
	v["dynamic_interfaces"] = means(readDynamic)
	v.all(downTimer[*importer](), "vrrp_down_timer_adverts")
	v.all(lost[*importer]("lets a router of priority 255 hear no other's adverts",
		"with perch it listens, so that of two such routers one yields"), "vrrp_owner_ignore_adverts")
	v.all(lost[*importer]("puts rules into that firewall",
		"perch needs none but those in a table of its own, perch"),
		"vrrp_iptables", "vrrp_ipsets", "nftables", "nftables_priority", "nftables_counters", "nftables_ifindex")
	v.all(lost[*importer]("keeps the kernel from telling switches which groups are listened to",
		"set net.ipv4.igmp_link_local_mcast_reports by sysctl.d"), "disable_local_igmp")
	v.all(lost[*importer]("has its processes scheduled so",
		"perch sends adverts from a thread with SCHED_RR 1 where it may: see LimitRTPRIO= of its unit"),
		"max_auto_priority", "min_auto_priority_delay", "vrrp_priority", "vrrp_rt_priority",
		"vrrp_rlimit_rttime", "vrrp_rlimit_rtime", "checker_rlimit_rtime")
	v.all(lost[*importer]("has its processes kept in memory and on processors so",
		"let perch's unit do so: MemorySwapMax=0 and CPUAffinity="), "vrrp_no_swap", "vrrp_cpu_affinity")
	v.all(lost[*importer]("has its process for BFD run so", noBFD),
		"bfd_priority", "bfd_no_swap", "bfd_rt_priority", "bfd_rlimit_rttime", "bfd_rlimit_rtime", "bfd_cpu_affinity", "bfd_process_name")
	v.all(lost[*importer]("names its processes", "there is one process, perch"),
		"process_names", "process_name", "vrrp_process_name")
	v.all(lost[*importer]("answers SNMP", "use the metrics for Prometheus, at node.listen, or perch status -o json"),
		"snmp_socket", "enable_traps", "enable_snmp_vrrp", "enable_snmp_keepalived",
		"enable_snmp_rfc", "enable_snmp_rfcv2", "enable_snmp_rfcv3")
	v.all(lost[*importer]("answers on D-Bus", "use perch status, perch events and perch reload"),
		"enable_dbus", "dbus_service_name", "dbus_no_interface_name")
	v.all(lost[*importer]("reloads by itself", "use a timer of systemd that runs perch reload"),
		"reload_time_file", "reload_repeat", "reload_file")
	v.all(lost[*importer]("writes what it knows into files", "perch status -o json prints it"),
		"data_use_instance", "json_version", "state_dump_file", "stats_dump_file", "json_dump_file", "umask")
	v.all(lost[*importer]("keeps a copy of each config that it has run", "perch.toml is one file: keep it under version control"), "config_save_dir")
	v.all(lost[*importer]("names the devices of addresses with use_vmac so", "with perch they are on the interface itself"),
		"vmac_addr_prefix")
	return v
}

// readDynamic reads dynamic_interfaces [allow_if_changes], which perch does always.
func readDynamic(im *importer, s *syntax.Statement, _ *importer) {
	if args := s.Args(); len(args) > 0 && (len(args) > 1 || args[0] != "allow_if_changes") {
		im.wrong(s, "must have allow_if_changes behind it, or nothing")
	}
}

// globalBuffers are the words for buffers, which perch has no need of: its own are large, and what
// one has dropped is found by looking again.
func globalBuffers() vocabulary[*importer] {
	v := vocabulary[*importer]{
		"vrrp_rx_bufs_policy": means(func(im *importer, s *syntax.Statement, _ *importer) {
			text, ok := im.one(s)
			if n, err := strconv.Atoi(text); ok && text != "MTU" && text != "ADVERT" && (err != nil || n < 0) {
				im.wrong(s, quoted(text)+" must be MTU, ADVERT or a number of bytes")
			}
		}),
		"vrrp_rx_bufs_multiplier": needlessNumber[*importer](1, math.MaxUint32),
	}
	for _, of := range []string{"vrrp_netlink_cmd", "vrrp_netlink_monitor", "lvs_netlink_cmd", "lvs_netlink_monitor", "process_monitor"} {
		v[of+"_rcv_bufs"] = needlessNumber[*importer](0, math.MaxUint32)
		v[of+"_rcv_bufs_force"] = needlessFlag[*importer]()
	}
	return v
}

// downTimer is a keyword with the number of adverts that a backup misses before it takes over.
func downTimer[T any]() word[T] {
	return means(func(im *importer, s *syntax.Statement, _ T) {
		if n, ok := im.number(s, 1, 100); ok && n != 3 {
			im.lose(s, "waits for another number of adverts before it gives a master up",
				"perch waits for 3, as the RFC says: change advert_int for another time")
		}
	})
}
