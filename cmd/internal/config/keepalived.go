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
	case "delay_loop":
		return "interval"
	case "delay_before_retry":
		return "fast_interval"
	case "connect_timeout", "misc_timeout":
		return "timeout"
	case "retry", "nb_get_retry":
		return "fall"
	case "misc_path":
		return "argv"
	case "status_code":
		return "status"
	case "virtualhost":
		return "host"
	case "notify_master", "notify_backup", "notify_fault", "notify_stop", "notify_deleted", "notify_master_rx_lower_pri",
		"notify_up", "notify_down", "notify_fifo", "vrrp_notify_fifo", "lvs_notify_fifo":
		return "notify"
	}
	return word
}
