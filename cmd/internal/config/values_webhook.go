package config

import (
	"errors"
	"strconv"
)

const webhookRule = `must be a URL of http or https, like "https://hooks.example.com/perch", without a user and a password in it`

// What can be wrong with one.
var (
	errNoWebhook   = errors.New("is no URL of http or https with a host")
	errWebhookUser = errors.New("has a user in it, whose place is token_file")
)

// parseWebhook reads a URL. What is wrong with one does not repeat it.
func parseWebhook(s string) (string, error) {
	u, err := splitURL(s)
	switch {
	case err != nil:
		return "", err
	case u.User != nil:
		return "", errWebhookUser
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return "", errNoWebhook
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", errNoWebhook
		}
	}
	return s, nil
}
