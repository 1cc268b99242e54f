package config

import "testing"

// A URL is repeated without what may be a secret.
func TestDiscreet(t *testing.T) {
	for text, want := range map[string]string{
		"http://a/b": "http://a/b", "a?b@c": "a?b@c", "http://u:p@a/b?c=d": "http://***@a/b?***", "http://u:p/q@a": "http://***@a",
		"ftp://u@v@a": "ftp://***@a", "http://a?": "http://a?", "http://a/?b://c@d": "http://a/?***", "": "",
		"/a?b=c#d": "/a?***", "/a?": "/a?", "/a@b": "/a@b", "/a?b://c": "/a?***",
	} {
		if got := discreet(text); got != want {
			t.Errorf("%q is repeated as %q, want %q", text, got, want)
		}
	}
}
