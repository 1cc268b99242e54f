package lab

import (
	"os"
	"os/exec"
)

// test is what NeedRoot and the others use of a testing.TB.
type test interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
}

// NeedRoot skips a test where no lab can be made. In CI that is a failure.
func NeedRoot(t test) {
	t.Helper()
	if os.Geteuid() != 0 {
		skip(t, "needs root for network namespaces")
	}
}

// NeedRPM skips a test where no package of that kind can be read. In CI that is a failure.
func NeedRPM(t test) {
	t.Helper()
	need(t, "rpm", "needs rpm(8), Debian package rpm")
}

// NeedNft skips a test where nft(8) cannot be called. In CI that is a failure.
func NeedNft(t test) {
	t.Helper()
	need(t, "nft", "needs nft(8), Debian package nftables")
}

// NeedMake skips a test where make(1) cannot be called. In CI that is a failure.
func NeedMake(t test) {
	t.Helper()
	need(t, "make", "needs make(1)")
}

// NeedMan skips a test where nothing reads manual pages. In CI that is a failure.
func NeedMan(t test) {
	t.Helper()
	need(t, "man", "needs man(1), Debian package man-db")
	need(t, "groff", "needs groff(1), Debian package groff-base")
	need(t, "mandoc", "needs mandoc(1), Debian package mandoc")
}

// NeedShells skips a test where the shells are missing that perch has completions for. In CI
// that is a failure.
func NeedShells(t test) {
	t.Helper()
	need(t, "zsh", "needs zsh(1), Debian package zsh")
	need(t, "fish", "needs fish(1), Debian package fish")
	need(t, "script", "needs script(1), Debian package bsdutils")
	if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); err != nil {
		skip(t, "needs the completion of bash, Debian package bash-completion")
	}
}

func need(t test, command, why string) {
	t.Helper()
	if _, err := exec.LookPath(command); err != nil {
		skip(t, why)
	}
}

func skip(t test, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why + ", and CI must not skip")
	}
	t.Skip(why)
}

// NeedLoop skips a test where no file can be mounted. In CI that is a failure.
func NeedLoop(t test) {
	t.Helper()
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		skip(t, "needs mkfs.ext4(8), Debian package e2fsprogs")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		skip(t, "needs the kernel's loop devices")
	}
}

// NeedPeers skips a test where there is no real VRRP to talk to, or nothing to read what
// was said. In CI that is a failure.
func NeedPeers(t test) {
	t.Helper()
	need(t, "keepalived", "needs keepalived(8), Debian package keepalived")
	need(t, "vtysh", "needs vrrpd of FRR, Debian package frr")
	need(t, "tcpdump", "needs tcpdump(8), Debian package tcpdump")
	need(t, "tshark", "needs tshark(1), Debian package tshark")
}

// NeedServices skips a test where there is no real service to check. In CI that is a
// failure.
func NeedServices(t test) {
	t.Helper()
	need(t, "haproxy", "needs haproxy(1), Debian package haproxy")
	need(t, "nginx", "needs nginx(8) with its module echo, Debian package nginx-light")
}

// NeedBrowser skips a test where there is no browser. In CI that is a failure.
func NeedBrowser(t test) {
	t.Helper()
	NeedRoot(t)
	need(t, "chromium", "needs chromium(1), Debian package chromium")
}

// NeedKernel skips a test where BootKernel cannot boot one. In CI that is a failure.
func NeedKernel(t test) {
	t.Helper()
	NeedRoot(t)
	need(t, "linux.uml", "needs linux.uml(1), Debian package user-mode-linux")
	need(t, "modprobe", "needs modprobe(8), Debian package kmod")
	need(t, "gcc", "needs gcc(1), Debian package gcc")
}

// NeedIPVS skips a test where nothing can read back what is in the kernel's IPVS. In CI
// that is a failure.
func NeedIPVS(t test) {
	t.Helper()
	need(t, "ipvsadm", "needs ipvsadm(8), Debian package ipvsadm")
}

// NeedPromtool skips a test where nothing can tell what Prometheus makes of a file. In CI
// that is a failure.
func NeedPromtool(t test) {
	t.Helper()
	need(t, "promtool", "needs promtool(1), Debian package prometheus")
}

// NeedBGP skips a test where there is no BGP to be had. In CI that is a failure.
func NeedBGP(t test) {
	t.Helper()
	NeedRoot(t)
	if _, err := os.Stat("/usr/lib/frr/bgpd"); err != nil {
		skip(t, "needs bgpd and zebra of FRR, Debian package frr")
	}
}

// NeedTutorial skips a test where the commands of the tutorial are missing. In CI that is a
// failure.
func NeedTutorial(t test) {
	t.Helper()
	NeedRoot(t)
	need(t, "ip", "needs ip(8), Debian package iproute2")
	need(t, "unshare", "needs unshare(1), Debian package util-linux")
	need(t, "ping", "needs ping(8), Debian package iputils-ping")
	need(t, "python3", "needs python3(1), Debian package python3")
}

// NeedSystem skips a test where no SystemTree can be made and booted. In CI that is a
// failure.
func NeedSystem(t test) {
	t.Helper()
	NeedKernel(t)
	need(t, "debootstrap", "needs debootstrap(8), Debian package debootstrap")
	if _, err := os.Stat(debianSource); err != nil {
		skip(t, "needs a Debian whose packages are named in "+debianSource)
	}
}

// NeedChrony skips a test where no chronyd keeps the time. In CI that is a failure.
func NeedChrony(t test) {
	t.Helper()
	NeedRoot(t)
	need(t, "chronyd", "needs chronyd(8) and chronyc(1), Debian package chrony")
}

// NeedSystemd skips a test where units cannot be analysed. In CI that is a failure.
func NeedSystemd(t test) {
	t.Helper()
	need(t, "systemd-analyze", "needs systemd-analyze(1), Debian package systemd")
}

// NeedDpkg skips a test where versions cannot be compared as Debian does. In CI that is a
// failure.
func NeedDpkg(t test) {
	t.Helper()
	need(t, "dpkg", "needs dpkg(1)")
}
