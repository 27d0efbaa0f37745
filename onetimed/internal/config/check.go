package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// check reports what is wrong between settings: each alone is right.
func (c *Config) check() error {
	wrong := c.checkStart()
	add := func(format string, args ...any) { wrong = errors.Join(wrong, fmt.Errorf(format, args...)) }
	if (c.Keys.Naming.IsZero()) != (c.Keys.Current.IsZero()) {
		add("keys: want keys/naming and keys/current, both or none")
	}
	if len(c.Keys.Previous) > 0 && c.Keys.Current.IsZero() {
		add("keys/previous: want keys/naming and keys/current as well")
	}
	if c.TLS.Certificate.IsZero() != c.TLS.Key.IsZero() {
		add("tls: want tls/certificate and tls/key, both or none")
	}
	if len(c.SigningKeys) > 0 && c.PublicURL == "" {
		add("signing_keys: want public_url as well, the issuer of access tokens")
	}
	if c.Mail.URL.IsZero() != (c.Mail.From == "") {
		add("mail: want mail/url and mail/from, both or none")
	}
	if (c.Webhook.URL == "") != (len(c.Webhook.Secrets) == 0) {
		add("webhook: want webhook/url and webhook/secrets, both or none")
	}
	if c.SMS.URL != "" && (len(c.SMS.Allow) == 0 || len(c.SMS.Caps) == 0) {
		add("sms: want sms/allow and sms/caps as well: anyone who can make a service send can make it pay")
	}
	return errors.Join(wrong, c.checkServices(), c.checkCallers())
}

// checkStart refuses starts that are not safe, and says what to set.
func (c *Config) checkStart() error {
	var wrong error
	add := func(format string, args ...any) { wrong = errors.Join(wrong, fmt.Errorf(format, args...)) }
	reach := ""
	switch {
	case c.DevListen != "":
		if !c.Redis.URL.IsZero() || !c.Keys.Current.IsZero() || !c.Mail.URL.IsZero() || c.Webhook.URL != "" || c.SMS.URL != "" {
			add("dev_listen: is for tests, without redis/url, keys, mail, webhook and sms: use listen")
		}
	case !loopbackAddress(c.Listen):
		reach = "listen: other machines can reach " + c.Listen + ", so "
	case !c.Redis.URL.IsZero():
		reach = "redis/url: what is kept there outlives this process, so "
	}
	if c.Listen == "off" || c.DevListen == "off" {
		add("listen: want HOST:PORT, not off")
	}
	if reach == "" {
		return wrong
	}
	if c.Redis.URL.IsZero() {
		add("%sset redis/url: the embedded Redis forgets all at the end, and other processes do not share it", reach)
	}
	if c.Keys.Naming.IsZero() || c.Keys.Current.IsZero() {
		add("%sset keys/naming and keys/current: random keys end with the process (onetimed keys new makes some)", reach)
	}
	if len(c.Callers) == 0 {
		add("%sset callers: without any, everybody is refused (onetimed keys new caller makes a key)", reach)
	}
	if len(c.Services) == 0 {
		add("%sset services: there is nothing to ask for", reach)
	}
	return wrong
}

func loopbackAddress(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	return Loopback(host)
}

func (c *Config) checkServices() error {
	var wrong error
	add := func(format string, args ...any) { wrong = errors.Join(wrong, fmt.Errorf(format, args...)) }
	purposes := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		s, path := c.Services[name], "services/"+name
		if other, taken := purposes[s.Purpose]; taken {
			add("%s/purpose: is that of %s, too", path, other)
		}
		purposes[s.Purpose] = name
		if len(s.Channels) > 0 && s.Brand.Name == "" {
			add("%s/brand/name: is needed where there are channels", path)
		}
		for _, channel := range s.Channels {
			if want := c.missing(channel); want != "" {
				add("%s/channels: %s needs %s", path, channel, want)
			}
		}
		if s.Audience != "" && len(c.SigningKeys) == 0 && !c.Development() {
			add("%s/access_tokens/audience: needs signing_keys and public_url", path)
		}
	}
	return wrong
}

// missing returns what a channel needs and is not set. In development without any sender the inbox takes all messages.
func (c *Config) missing(channel onetimesend.Channel) string {
	if c.Inbox() {
		return ""
	}
	switch {
	case channel == onetimesend.ChannelMail && c.Mail.URL.IsZero():
		return "mail/url and mail/from"
	case channel == onetimesend.ChannelSMS && c.SMS.URL == "":
		return "sms/url"
	case channel == onetimesend.ChannelWebhook && c.Webhook.URL == "":
		return "webhook/url and webhook/secrets"
	}
	return ""
}

// Inbox reports whether messages go to the console and the page /inbox: in development, where no sender is set.
func (c *Config) Inbox() bool {
	return c.Development() && (c.DevListen != "" || loopbackAddress(c.Listen)) &&
		c.Mail.URL.IsZero() && c.Webhook.URL == "" && c.SMS.URL == ""
}

func (c *Config) checkCallers() error {
	var wrong error
	for _, name := range slices.Sorted(maps.Keys(c.Callers)) {
		caller, path := c.Callers[name], "callers/"+name
		for _, need := range []struct {
			setting string
			has     int
		}{{"keys", len(caller.Keys)}, {"scopes", len(caller.Scopes)}, {"services", len(caller.Services)}} {
			if need.has == 0 {
				wrong = errors.Join(wrong, fmt.Errorf("%s/%s: is needed", path, need.setting))
			}
		}
		if len(c.Services) == 0 {
			continue // that of development
		}
		for i, service := range caller.Services {
			if c.Services[service] == nil {
				wrong = errors.Join(wrong, fmt.Errorf("%s/services: number %d is no service", path, i+1))
			}
		}
	}
	return wrong
}

// Lines returns the errors that were joined, one in each line.
func Lines(err error) []string { return strings.Split(err.Error(), "\n") }
