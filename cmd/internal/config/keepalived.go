package config

// fromKeepalived returns the key of perch that does what a word of keepalived.conf does, for
// those who come from there, and any other word as it is.
func fromKeepalived(word string) string {
	switch word {
	case "virtual_server":
		return "service"
	case "real_server":
		return "server"
	case "lb_algo", "lvs_sched":
		return "scheduler"
	case "lb_kind", "lvs_method":
		return "forward"
	case "persistence_timeout":
		return "persistence"
	case "persistence_granularity":
		return "persistence_prefix"
	case "uthreshold":
		return "upper_threshold"
	case "lthreshold":
		return "lower_threshold"
	case "alpha":
		return "start"
	case "ha_suspend":
		return "check_while"
	case "delay_loop":
		return "interval"
	case "delay_before_retry":
		return "fast_interval"
	case "connect_timeout", "misc_timeout":
		return "timeout"
	case "retry", "nb_get_retry":
		return "fall"
	case "lvs_flush":
		return "own_all"
	case "lvs_flush_on_stop":
		return "at_end"
	case "max_reply_length":
		return "max_answer"
	case "misc_path":
		return "argv"
	case "status_code":
		return "status"
	case "virtualhost":
		return "host"
	case "notify_master", "notify_backup", "notify_fault", "notify_stop", "notify_deleted", "notify_master_rx_lower_pri",
		"notify_up", "notify_down", "notify_fifo", "vrrp_notify_fifo", "lvs_notify_fifo":
		return "notify"
	case "notify_fifo_script", "vrrp_notify_fifo_script", "lvs_notify_fifo_script":
		return "reader"
	case "fifo_write_vrrp_states_on_reload":
		return "states_on_reload"
	case "startup_script":
		return "start_program"
	case "startup_script_timeout":
		return "start_timeout"
	case "shutdown_script":
		return "stop_program"
	case "shutdown_script_timeout":
		return "stop_timeout"
	case "notification_email":
		return "to"
	case "notification_email_from":
		return "from"
	case "smtp_server":
		return "server"
	case "smtp_helo_name":
		return "hello"
	case "smtp_connect_timeout":
		return "timeout"
	}
	return fromRouter(word)
}

// fromRouter does so for the words of a virtual router.
func fromRouter(word string) string {
	switch word {
	case "vrrp_instance":
		return "vrrp"
	case "virtual_router_id":
		return "vrid"
	case "advert_int":
		return "advert_interval"
	case "virtual_ipaddress":
		return "addresses"
	case "virtual_ipaddress_excluded":
		return "excluded_addresses"
	case "virtual_routes":
		return "routes"
	case "virtual_rules":
		return "rules"
	case "authentication":
		return "auth"
	case "unicast_peer":
		return "unicast_peers"
	case "unicast_src_ip", "mcast_src_ip":
		return "source"
	case "mcast_dst_ip":
		return "multicast_group"
	case "track_src_ip":
		return "track_source"
	case "nopreempt":
		return "preempt"
	case "no_accept":
		return "accept"
	case "use_vmac":
		return "virtual_mac"
	case "vmac_xmit_base":
		return "virtual_mac_adverts"
	case "dont_track_primary":
		return "track_own_interface"
	case "preferred_lft":
		return "preferred"
	case "noprefixroute":
		return "prefix_route"
	case "track_interface", "track_script", "track_process":
		return "track"
	case "garp_master_delay":
		return "garp_delay"
	case "garp_master_repeat":
		return "garp_repeat"
	case "garp_master_refresh":
		return "garp_refresh"
	case "garp_master_refresh_repeat":
		return "garp_refresh_repeat"
	case "garp_lower_prio_delay":
		return "garp_lower_priority_delay"
	case "garp_lower_prio_repeat":
		return "garp_lower_priority_repeat"
	case "lower_prio_no_advert":
		return "answer_lower_priority"
	case "higher_prio_send_advert":
		return "answer_higher_priority"
	}
	return word
}
