package config

import (
	"net/netip"
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/secret"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A setting is one line of the table of settings.
type setting[T any] struct {
	Path    string // without the name of the service or caller
	Default string // as one writes it; empty: none
	Range   string
	Meaning string
	set     func(*T, any) error
}

// into makes the function that reads a value and stores it.
func into[T, V any](read func(any) (V, error), field func(*T) *V) func(*T, any) error {
	return func(target *T, v any) error {
		value, err := read(v)
		if err == nil {
			*field(target) = value
		}
		return err
	}
}

// pointed is into for fields that are nil until they are set.
func pointed[T, V any](read func(any) (V, error), field func(*T) **V) func(*T, any) error {
	return func(target *T, v any) error {
		value, err := read(v)
		if err == nil {
			*field(target) = &value
		}
		return err
	}
}

var settings = []setting[Config]{
	{"listen", "127.0.0.1:8080", "host:port", "Where the API listens. Beyond loopback it needs redis/url, keys, callers and a sender for each channel.",
		into(address, func(c *Config) *string { return &c.Listen })},
	{"dev_listen", "", "host:port", "Instead of listen, for tests in containers: development on any address, for reserved test addresses only.",
		into(address, func(c *Config) *string { return &c.DevListen })},
	{"monitor_listen", "127.0.0.1:8081", "host:port, or off", "Where /livez, /readyz and /metrics are.",
		into(address, func(c *Config) *string { return &c.MonitorListen })},
	{"public_url", "", "https URL", "Where programs reach the API; the issuer of access tokens.",
		into(webURL, func(c *Config) *string { return &c.PublicURL })},
	{"timeout", "5s", "100ms to 1m", "How long a call may take until it is answered 503.",
		into(duration(100*time.Millisecond, time.Minute), func(c *Config) *time.Duration { return &c.Timeout })},
	{"shutdown/delay", "5s", "0s to 5m", "How long the server says that it is not ready, and serves on, before it ends.",
		into(duration(0, 5*time.Minute), func(c *Config) *time.Duration { return &c.Shutdown.Delay })},
	{"shutdown/timeout", "30s", "1s to 10m", "How long calls and messages under way may take after that.",
		into(duration(time.Second, 10*time.Minute), func(c *Config) *time.Duration { return &c.Shutdown.Timeout })},
	{"log/level", "info", "debug, info, warn or error", "What is logged, on standard error.",
		into(oneOf("debug", "info", "warn", "error"), func(c *Config) *string { return &c.Log.Level })},
	{"log/format", "json", "json or text", "How.",
		into(oneOf("json", "text"), func(c *Config) *string { return &c.Log.Format })},
	{"tls/certificate", "", "reference", "A chain of certificates in PEM. Without it, TLS is for the proxy in front.",
		into(reference, func(c *Config) *secret.Reference { return &c.TLS.Certificate })},
	{"tls/key", "", "reference", "Its private key in PEM.",
		into(reference, func(c *Config) *secret.Reference { return &c.TLS.Key })},
	{"redis/url", "", "URL or reference", "redis:// or rediss://, with +cluster or +sentinel behind the scheme. Without it, an embedded Redis that forgets all at the end.",
		into(textOr(text), func(c *Config) *Text { return &c.Redis.URL })},
	{"redis/prefix", "onetime:v1", "1 to 64 of A–Z a–z 0–9 . _ : -", "What all keys in Redis begin with.",
		into(text, func(c *Config) *string { return &c.Redis.Prefix })},
	{"redis/pool_size", "0", "0 to 10000", "Connections to each node at most; 0: 10 for each processor.",
		into(number(0, 10000), func(c *Config) *int { return &c.Redis.PoolSize })},
	{"redis/replica_ack", "0", "0 to 16", "How many replicas must have a use before it counts.",
		into(number(0, 16), func(c *Config) *int { return &c.Redis.Replicas })},
	{"redis/replica_timeout", "1s", "1ms to 10s", "How long to wait for them.",
		into(duration(time.Millisecond, 10*time.Second), func(c *Config) *time.Duration { return &c.Redis.ReplicaTimeout })},
	{"keys/naming", "", "reference", "The key that records are named by. It never changes.",
		into(reference, func(c *Config) *secret.Reference { return &c.Keys.Naming })},
	{"keys/current", "", "reference", "The key that new secrets are kept under.",
		into(reference, func(c *Config) *secret.Reference { return &c.Keys.Current })},
	{"keys/previous", "", "up to 7 references", "Retired and coming keys that verify, too.",
		into(references(7), func(c *Config) *[]secret.Reference { return &c.Keys.Previous })},
	{"keys/unwrap_with", "", "reference", "The key-encryption key of keys that are given as wrapped:.",
		into(reference, func(c *Config) *secret.Reference { return &c.Keys.UnwrapWith })},
	{"signing_keys", "", "up to 8 references", "Private keys of access tokens in PEM. The first signs, all are published.",
		into(references(8), func(c *Config) *[]secret.Reference { return &c.SigningKeys })},
	{"secrets_reload", "1m", "1s to 24h", "How often references are read again; SIGHUP does it at once.",
		into(duration(time.Second, 24*time.Hour), func(c *Config) *time.Duration { return &c.SecretsReload })},
	{"queue/workers", "8", "1 to 1000", "How many messages are sent at a time.",
		into(number(1, 1000), func(c *Config) *int { return &c.Queue.Workers })},
	{"queue/waiting", "1000", "1 to 1000000", "How many may wait.",
		into(number(1, 1_000_000), func(c *Config) *int { return &c.Queue.Waiting })},
	{"queue/attempts", "4", "1 to 20", "How often a message is tried.",
		into(number(1, 20), func(c *Config) *int { return &c.Queue.Attempts })},
	{"queue/delay", "2s", "0s to 30s", "How long a message waits at most before its first attempt, at random.",
		into(duration(0, 30*time.Second), func(c *Config) *time.Duration { return &c.Queue.Delay })},
	{"mail/url", "", "URL or reference", "The mail server: smtp://user:password@host or smtps://.",
		into(textOr(text), func(c *Config) *Text { return &c.Mail.URL })},
	{"mail/from", "", "address", "The sender, such as Example <sign-in@example.com>.",
		into(text, func(c *Config) *string { return &c.Mail.From })},
	{"mail/domain", "", "domain", "What HELO says; that of mail/from by default.",
		into(text, func(c *Config) *string { return &c.Mail.Domain })},
	{"webhook/url", "", "https URL", "A program of yours that gets messages as signed requests, of the channel webhook.",
		into(webURL, func(c *Config) *string { return &c.Webhook.URL })},
	{"webhook/secrets", "", "up to 5 references", "What requests are signed with, whsec_ and base64.",
		into(references(5), func(c *Config) *[]secret.Reference { return &c.Webhook.Secrets })},
	{"webhook/allow_networks", "", "up to 16 networks", "Private networks that may be reached, such as 10.1.0.0/16.",
		into(list(16, network), func(c *Config) *[]netip.Prefix { return &c.Webhook.AllowNetworks })},
	{"sms/url", "", "https URL", "The gateway of text messages; of Twilio its Messages.json.",
		into(webURL, func(c *Config) *string { return &c.SMS.URL })},
	{"sms/user", "", "text", "For HTTP Basic authentication there.",
		into(text, func(c *Config) *string { return &c.SMS.User })},
	{"sms/password", "", "reference", "For HTTP Basic authentication there.",
		into(reference, func(c *Config) *secret.Reference { return &c.SMS.Password })},
	{"sms/from", "", "text", "The number or name that text messages come from.",
		into(text, func(c *Config) *string { return &c.SMS.From })},
	{"sms/body", "", "template", "The request, with {to}, {from} and {text}; empty: that of Twilio.",
		into(text, func(c *Config) *string { return &c.SMS.Body })},
	{"sms/content_type", "application/x-www-form-urlencoded", "or application/json", "The type of sms/body.",
		into(oneOf("application/x-www-form-urlencoded", "application/json"), func(c *Config) *string { return &c.SMS.ContentType })},
	{"sms/allow", "", "up to 300 prefixes", "Prefixes of the numbers that are sent to, such as +49; none by default.",
		into(list(300, text), func(c *Config) *[]string { return &c.SMS.Allow })},
	{"sms/deny", "", "up to 300 prefixes", "Prefixes that are not; the longer prefix decides.",
		into(list(300, text), func(c *Config) *[]string { return &c.SMS.Deny })},
	{"sms/caps", "", "up to 8 limits", `Text messages in all, such as "1000 per 24h".`,
		into(list(8, limit(1_000_000_000)), func(c *Config) *[]onetime.Limit { return &c.SMS.Caps })},
	{"sms/allow_networks", "", "up to 16 networks", "Private networks that the gateway may be in.",
		into(list(16, network), func(c *Config) *[]netip.Prefix { return &c.SMS.AllowNetworks })},
}

var serviceSettings = []setting[Service]{
	{"purpose", "the name", "1 to 64 of a-z 0-9 . _ -", "What secrets are for; no two services have one.",
		into(text, func(s *Service) *string { return &s.Purpose })},
	{"channels", "", "mail, sms, webhook", "How messages may travel, the first by default. None: callers with the scope secrets get them.",
		into(list(3, channel), func(s *Service) *[]onetimesend.Channel { return &s.Channels })},
	{"brand/name", "", "1 to 100 bytes", "What people know the service by. It stands in each message.",
		into(text, func(s *Service) *string { return &s.Brand.Name })},
	{"brand/logo", "", "https URL", "An image above mails.",
		into(text, func(s *Service) *string { return &s.Brand.Logo })},
	{"brand/accent", "#1a56b0", "#rrggbb", "The colour of the button of mails.",
		into(text, func(s *Service) *string { return &s.Brand.Accent })},
	{"brand/footer", "", "up to 500 bytes", "What ends a mail.",
		into(text, func(s *Service) *string { return &s.Brand.Footer })},
	{"task", "sign_in", either(tasks), "Chooses the words of messages.",
		into(task, func(s *Service) *onetimesend.Task { return &s.Task })},
	{"language", "en", "ar, de, en, es or fr", "Of messages, where the call names none.",
		into(text, func(s *Service) *string { return &s.Language })},
	{"host", "", "domain", "The site that codes of text messages are bound to.",
		into(text, func(s *Service) *string { return &s.Host })},
	{"code_in_subject", "false", "true or false", "Puts the code into the subject of mails.",
		into(truth, func(s *Service) *bool { return &s.CodeInSubject })},
	{"link_base", "", "https URL", "The page of yours that links lead to; without it there are no links.",
		into(webURL, func(s *Service) *string { return &s.LinkBase })},
	{"code_length", "6", "6 to 12", "Characters of a code.",
		pointed(number(6, 12), func(s *Service) **int { return &s.CodeLength })},
	{"alphabet", "digits", "digits or crockford32", "What codes are made of.",
		pointed(alphabet, func(s *Service) **onetime.Alphabet { return &s.Alphabet })},
	{"otp_ttl", "5m", "10s to 10m", "How long a code lives.",
		pointed(duration(10*time.Second, 10*time.Minute), func(s *Service) **time.Duration { return &s.OTPTTL })},
	{"token_ttl", "10m", "10s to 720h", "How long a token or link lives.",
		pointed(duration(10*time.Second, 720*time.Hour), func(s *Service) **time.Duration { return &s.TokenTTL })},
	{"max_attempts", "5", "1 to 16", "Wrong codes between two issues.",
		pointed(number(1, 16), func(s *Service) **int { return &s.MaxAttempts })},
	{"keep", "1", "1 to 5", "Issues that verify at a time.",
		pointed(number(1, 5), func(s *Service) **int { return &s.Keep })},
	{"send_limits", "1 per 30s, 5 per 15m, 20 per 24h", "1 to 4 limits: 1 to 1000 per 1s to 720h", "Issues for one subject.",
		into(list(4, limit(1000)), func(s *Service) *[]onetime.Limit { return &s.SendLimits })},
	{"guess_limits", "10 per 1h, 50 per 720h", "1 to 4 limits: 1 to 100 per 1s to 720h", "Wrong codes of one subject.",
		into(list(4, limit(100)), func(s *Service) *[]onetime.Limit { return &s.GuessLimits })},
	{"known_for", "2160h", "24h to 9600h", "How long a browser that signed in stays a known one.",
		into(duration(24*time.Hour, 400*24*time.Hour), func(s *Service) *time.Duration { return &s.KnownFor })},
	{"access_tokens/audience", "", "1 to 512 bytes", "Lets check answer with an access token for this audience. It needs signing_keys and public_url.",
		into(text, func(s *Service) *string { return &s.Audience })},
	{"access_tokens/lifetime", "15m", "1m to 24h", "How long an access token lives.",
		into(duration(time.Minute, 24*time.Hour), func(s *Service) *time.Duration { return &s.Lifetime })},
}

var callerSettings = []setting[Caller]{
	{"keys", "", "1 or 2", "Digests of the caller's keys, sha256:…, or references to them. Two while it changes from one to the next.",
		into(list(2, callerKey), func(c *Caller) *[]Text { return &c.Keys })},
	{"scopes", "", "start, check, secrets, admin", "What the caller may do.",
		into(list(4, oneOf("start", "check", "secrets", "admin")), func(c *Caller) *[]string { return &c.Scopes })},
	{"services", "", "names of services", "For which services.",
		into(list(1000, text), func(c *Caller) *[]string { return &c.Services })},
}

func channel(v any) (onetimesend.Channel, error) {
	name, err := oneOf(string(onetimesend.ChannelMail), string(onetimesend.ChannelSMS), string(onetimesend.ChannelWebhook))(v)
	return onetimesend.Channel(name), err
}

func alphabet(v any) (onetime.Alphabet, error) {
	name, err := oneOf("digits", "crockford32")(v)
	if name == "crockford32" {
		return onetime.Crockford32, err
	}
	return onetime.Digits, err
}

// tasks are the names of the values of onetimesend.Task, in their order.
var tasks = []string{"sign_in", "verify_address", "reset_password", "confirm"}

func task(v any) (onetimesend.Task, error) {
	name, err := oneOf(tasks...)(v)
	if err != nil {
		return 0, err
	}
	return onetimesend.Task(slices.Index(tasks, name)), nil
}
