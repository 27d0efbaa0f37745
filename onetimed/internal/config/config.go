package config

import (
	"net/netip"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/secret"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A Config is all settings. Their meaning, defaults and ranges are in the table of settings.go, which docs/server.md shows.
type Config struct {
	Listen, DevListen, MonitorListen string
	PublicURL                        string
	Timeout                          time.Duration
	Shutdown                         Shutdown
	Log                              Log
	Redis                            Redis
	Keys                             Keys
	SigningKeys                      []secret.Reference
	SecretsReload                    time.Duration
	TLS                              TLS
	Queue                            Queue
	Mail                             Mail
	Webhook                          Webhook
	SMS                              SMS
	Services                         map[string]*Service
	Callers                          map[string]*Caller
}

// A Shutdown is how the server ends.
type Shutdown struct{ Delay, Timeout time.Duration }

// A Log is what is logged and how.
type Log struct{ Level, Format string }

// A Redis is the database.
type Redis struct {
	URL            Text
	Prefix         string
	PoolSize       int
	Replicas       int
	ReplicaTimeout time.Duration
}

// Keys are the keys of what Redis holds.
type Keys struct {
	Naming, Current secret.Reference
	Previous        []secret.Reference
	UnwrapWith      secret.Reference
}

// A TLS is the certificate of the listener.
type TLS struct{ Certificate, Key secret.Reference }

// A Queue is how messages wait.
type Queue struct {
	Workers, Waiting, Attempts int
	Delay                      time.Duration
}

// A Mail is the server that takes mails.
type Mail struct {
	URL          Text
	From, Domain string
}

// A Webhook takes messages as signed requests.
type Webhook struct {
	URL           string
	Secrets       []secret.Reference
	AllowNetworks []netip.Prefix
}

// An SMS is the gateway of text messages, and what may be sent.
type SMS struct {
	URL, User, From, Body, ContentType string
	Password                           secret.Reference
	Allow, Deny                        []string
	Caps                               []onetime.Limit
	AllowNetworks                      []netip.Prefix
}

// A Service is what secrets are issued for. What is zero or nil is not set.
type Service struct {
	Purpose       string
	Channels      []onetimesend.Channel
	Brand         onetimesend.Brand
	Task          onetimesend.Task
	Language      string
	Host          string
	LinkBase      string
	CodeLength    *int
	Alphabet      *onetime.Alphabet
	OTPTTL        *time.Duration
	TokenTTL      *time.Duration
	MaxAttempts   *int
	Keep          *int
	SendLimits    []onetime.Limit
	GuessLimits   []onetime.Limit
	KnownFor      time.Duration
	CodeInSubject bool
	Audience      string
	Lifetime      time.Duration
}

// A Caller is a program that may ask.
type Caller struct {
	Keys             []Text
	Scopes, Services []string
}

// A Text is a text, or where it is.
type Text struct {
	Literal string
	At      secret.Reference
}

// IsZero reports whether the text is not set.
func (t Text) IsZero() bool { return t.Literal == "" && t.At.IsZero() }

// Development reports whether the server runs for development: without a Redis of its own.
func (c *Config) Development() bool { return c.Redis.URL.IsZero() }

// Address returns where the API listens.
func (c *Config) Address() string {
	if c.DevListen != "" {
		return c.DevListen
	}
	return c.Listen
}
