package daemon

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
)

// minSigningSecret is how long a secret must be that signs, in bytes: shorter ones are guessed
// by whoever has seen one request.
const minSigningSecret = 16

// What is wrong with the file of a secret of a webhook.
var (
	errShortSecret = fmt.Errorf("fewer than %d bytes; run: head -c 32 /dev/urandom | base64 to make one", minSigningSecret)
	errNoToken     = errors.New("must be one line of at least one visible character")
)

// webhookOf returns a target to which events are posted, and a key that differs when anything
// of how does: also the secrets, which are not in it.
func webhookOf(n *config.Notify, node, version string) (notify.Target, string, error) {
	c := n.Webhook
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, "", errors.New("webhook: no URL") // which is not repeated
	}
	w := &notify.Webhook{
		Node:    node,
		Agent:   "perch/" + version,
		URL:     u,
		TLS:     &tls.Config{MinVersion: tls.VersionTLS12},
		Timeout: n.Timeout,
		Now:     time.Now,
	}
	var authorities, token []byte
	if c.CAFile != "" {
		if authorities, err = readAuthorities(c.CAFile, w.TLS); err != nil {
			return nil, "", err
		}
	}
	if c.SecretFile != "" {
		if w.Secret, err = readSecretFile("signing_secret_file", c.SecretFile); err != nil {
			return nil, "", err
		}
		if len(w.Secret) < minSigningSecret {
			return nil, "", fmt.Errorf("read signing_secret_file %s: %w", c.SecretFile, errShortSecret)
		}
	}
	if c.TokenFile != "" {
		if token, err = readSecretFile("token_file", c.TokenFile); err != nil {
			return nil, "", err
		}
		if !isToken(token) {
			return nil, "", fmt.Errorf("read token_file %s: %w", c.TokenFile, errNoToken)
		}
		w.Token = string(token)
	}
	key := fmt.Sprintf("webhook %x within %s, node %q, secret %x, token %x, authorities %x", sha256.Sum256([]byte(c.URL)), n.Timeout, node,
		sha256.Sum256(w.Secret), sha256.Sum256(token), sha256.Sum256(authorities))
	return w, key, nil
}

// isToken reports whether a text may stand in a header.
func isToken(text []byte) bool {
	for _, b := range text {
		if b <= ' ' || b >= 0x7f {
			return false
		}
	}
	return len(text) > 0
}

// webhookName is what logs and status call a webhook: the path and the query are often a
// secret.
func webhookName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "webhook"
	}
	name := "webhook " + u.Scheme + "://" + u.Host
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		name += "/…"
	}
	return name
}
