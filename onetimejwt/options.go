package onetimejwt

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	defaultType   = "JWT"
	defaultLeeway = 30 * time.Second
	maxLeeway     = 5 * time.Minute
	maxName       = 512 // bytes of an issuer, an audience, an account
	maxPurposes   = 16
)

// A common is what issuers and verifiers have both.
type common struct {
	tokenType string
	now       func() time.Time
}

// A verifierConfig is what the options of a Verifier say.
type verifierConfig struct {
	common
	leeway   time.Duration
	purposes []string
	client   func(*http.Request) (ip, userAgent string)
	http     *http.Client
}

// An IssuerOption is an option of [NewIssuer] or [NewSymmetricIssuer].
type IssuerOption interface{ applyIssuer(*common) error }

// A VerifierOption is an option of [NewVerifier].
type VerifierOption interface{ applyVerifier(*verifierConfig) error }

// An Option is an IssuerOption and a VerifierOption.
type Option interface {
	IssuerOption
	VerifierOption
}

type option func(*common) error

func (o option) applyIssuer(c *common) error           { return o(c) }
func (o option) applyVerifier(c *verifierConfig) error { return o(&c.common) }

type verifierOption func(*verifierConfig) error

func (o verifierOption) applyVerifier(c *verifierConfig) error { return o(c) }

// WithClock sets the local clock; time.Now by default. It must be safe for concurrent use. In tests it is that of
// onetimetest.
func WithClock(now func() time.Time) Option {
	return option(func(c *common) error {
		if now == nil {
			return invalid("WithClock: want a clock")
		}
		c.now = now
		return nil
	})
}

var typePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}(/[A-Za-z0-9][A-Za-z0-9.+_-]{0,63})?$`)

// WithType sets the typ of tokens, such as "at+jwt" of RFC 9068; "JWT" by default, since Spring and others take nothing else
// unless told to. It keeps tokens of one kind from being taken for another: a verifier takes its own type alone, in exactly
// that spelling.
func WithType(typ string) Option {
	return option(func(c *common) error {
		if !typePattern.MatchString(typ) {
			return invalid("WithType: want a media type, such as at+jwt")
		}
		c.tokenType = typ
		return nil
	})
}

// WithLeeway sets how far the clocks of issuer and verifier may be apart: 0 to 5 min, 30 s by default. A token is taken for
// so long before its time and after it.
func WithLeeway(d time.Duration) VerifierOption {
	return verifierOption(func(c *verifierConfig) error {
		if d < 0 || d > maxLeeway {
			return invalid("WithLeeway(%s): want 0s to %s", d, maxLeeway)
		}
		c.leeway = d
		return nil
	})
}

// ForPurpose makes the verifier take tokens of these purposes only, 1 to 16: those of the Managers whose proofs count here.
// A right token of another is [ErrPurpose]. Without it each purpose is taken, and [Claims.Purpose] is yours to look at: a
// link that resets a password is no sign-in.
func ForPurpose(purposes ...string) VerifierOption {
	purposes = append([]string{}, purposes...)
	return verifierOption(func(c *verifierConfig) error {
		if len(purposes) < 1 || len(purposes) > maxPurposes {
			return invalid("ForPurpose: %d purposes: want 1 to %d", len(purposes), maxPurposes)
		}
		for _, p := range purposes {
			if err := checkName("ForPurpose: a purpose", p); err != nil {
				return err
			}
		}
		c.purposes = purposes
		return nil
	})
}

// WithClient makes [Verifier.Bearer] and [Verifier.AuthRequest] demand tokens that were signed [WithClientHash], and hold
// them against the IP address and the User-Agent that client returns of a request. Behind a proxy the address is in a header
// that the proxy sets: take no header that the requester can set.
func WithClient(client func(*http.Request) (ip, userAgent string)) VerifierOption {
	return verifierOption(func(c *verifierConfig) error {
		if client == nil {
			return invalid("WithClient: want a function")
		}
		c.client = client
		return nil
	})
}

// WithHTTPClient sets what fetches the keys of [Remote], for a proxy or certificates of one's own; by default a client that
// trusts the system's. Its Transport is used, and nothing else of it.
func WithHTTPClient(client *http.Client) VerifierOption {
	return verifierOption(func(c *verifierConfig) error {
		if client == nil {
			return invalid("WithHTTPClient: want a client")
		}
		c.http = client
		return nil
	})
}

// checkName refuses what is no name of an issuer, an audience, an account or a purpose.
func checkName(what, name string) error {
	if len(name) < 1 || len(name) > maxName {
		return invalid("%s of %d bytes: want 1 to %d", what, len(name), maxName)
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return invalid("%s: want valid UTF-8 without control characters", what)
	}
	return nil
}

// checkURL refuses what is not an https URL, or an http one of this computer, that a set of keys can be under.
func checkURL(what, address string, query bool) (*url.URL, error) {
	wrong := invalid("%s: want an https URL, or http on localhost, without user information and fragment", what)
	if !query {
		wrong = invalid("%s: want an https URL, or http on localhost, without user information, query and fragment", what)
	}
	u, err := url.Parse(address)
	if err != nil || checkName(what, address) != nil || u.Hostname() == "" || u.User != nil || strings.Contains(address, "#") ||
		!query && strings.Contains(address, "?") {
		return nil, wrong
	}
	ip, err := netip.ParseAddr(u.Hostname())
	local := strings.EqualFold(u.Hostname(), "localhost") || err == nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, wrong
	}
	return u, nil
}

// apply runs all options and reports all that is wrong with them.
func apply[O any](opts []O, set func(O) error) error {
	var errs []error
	for _, o := range opts {
		if any(o) != nil {
			errs = append(errs, set(o))
		}
	}
	return errors.Join(errs...)
}
