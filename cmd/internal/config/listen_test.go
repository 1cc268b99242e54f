package config

import "testing"

func TestListen(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "invalid AddrPort",
		"127.0.0.1:7401":     "127.0.0.1:7401",
		"0.0.0.0:1":          "0.0.0.0:1",
		"[::]:65535":         "[::]:65535",
		"[2001:db8::1]:7401": "[2001:db8::1]:7401",
	} {
		got, err := parseListen(text)
		if err != nil || got.String() != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}
