package onetimesmtp

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A Config is how mails are sent. URL and From are needed.
type Config struct {
	// URL is the server: smtp://user:password@host:port demands STARTTLS (port 587 by default), smtps:// is TLS from the first
	// byte on (465). To localhost and loopback addresses smtp:// goes in clear. User and password are URL-encoded, and may be
	// left out. It is never printed.
	URL string
	// From is the sender: an address, or a name and an address as "Example <sign-in@example.com>". Its local part is ASCII.
	From string
	// Domain is what HELO says and what Message-ID ends with; that of From by default. Servers check that it has an address.
	Domain string
	// TLS is how TLS is done; nil: with the certificates that the system trusts, for the host of URL, TLS 1.2 at least.
	TLS *tls.Config
	// Timeout is how long one mail may take: 1 s to 10 min, 30 s by default. The context of a call may end it sooner.
	Timeout time.Duration
}

// A server is a Config that was checked.
type server struct {
	host, addr     string
	user, password string
	login          bool
	implicit       bool // TLS from the first byte on
	local          bool
	from           *mail.Address
	domain         string
	tls            *tls.Config
	timeout        time.Duration
}

var domainPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

func invalid(format string, args ...any) error {
	return fmt.Errorf("onetimesmtp: "+format+"%w", append(args, quiet{})...)
}

// quiet makes an error [onetimesend.ErrInvalid] without a word more.
type quiet struct{}

func (quiet) Error() string        { return "" }
func (quiet) Is(target error) bool { return target == onetimesend.ErrInvalid }

// check reports all that is wrong with a Config.
func (c Config) check() (*server, error) {
	s := &server{timeout: cmp.Or(c.Timeout, 30*time.Second)}
	errs := []error{s.parse(c.URL)}
	if s.timeout < time.Second || s.timeout > 10*time.Minute {
		errs = append(errs, invalid("Config.Timeout(%s): want 1s to 10m0s", c.Timeout))
	}
	var err error
	if s.from, err = mail.ParseAddress(c.From); err == nil {
		if s.from.Address, err = envelope(s.from.Address, false); err == nil && strings.ContainsFunc(s.from.Name, control) {
			err = errors.New("name of two lines")
		}
	}
	if err != nil {
		errs = append(errs, invalid("Config.From: want an address with an ASCII local part, such as Example <sign-in@example.com>"))
	} else {
		s.domain = s.from.Address[strings.LastIndexByte(s.from.Address, '@')+1:]
	}
	if s.domain = cmp.Or(c.Domain, s.domain); s.domain != "" && !domainPattern.MatchString(s.domain) {
		errs = append(errs, invalid("Config.Domain: want a domain in lower case, its A-label"))
	}
	s.tls = c.TLS.Clone()
	if s.tls == nil {
		s.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	s.tls.ServerName = cmp.Or(s.tls.ServerName, s.host)
	return s, errors.Join(errs...)
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

func (s *server) parse(address string) error {
	// Without what it says: that holds the password.
	wrong := invalid("Config.URL: want smtp://user:password@host:port or smtps://user:password@host:port")
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return wrong
	}
	port := map[string]string{"smtp": "587", "smtps": "465"}[u.Scheme]
	if port == "" {
		return wrong
	}
	s.host, s.implicit = u.Hostname(), u.Scheme == "smtps"
	s.addr = net.JoinHostPort(s.host, cmp.Or(u.Port(), port))
	if _, err := net.LookupPort("tcp", cmp.Or(u.Port(), port)); err != nil {
		return wrong
	}
	ip, err := netip.ParseAddr(s.host)
	s.local = s.host == "localhost" || err == nil && ip.IsLoopback()
	if u.User != nil {
		s.user, s.login = u.User.Username(), true
		s.password, _ = u.User.Password()
	}
	return nil
}

var errLocalPart = errors.New("the local part of the address is not ASCII, and the server has no SMTPUTF8")

// envelope returns an address as it goes over the wire: the domain as its A-label. A local part that is not ASCII wants a
// server that takes UTF-8.
func envelope(address string, utf8 bool) (string, error) {
	at := strings.LastIndexByte(address, '@')
	local, domain := address[:at], address[at+1:]
	if !utf8 && !ascii(local) {
		return "", errLocalPart
	}
	domain, err := idna.Lookup.ToASCII(domain)
	if err != nil || domain == "" {
		return "", errors.New("the domain of the address is not one") // without the error: it holds the domain
	}
	return local + "@" + domain, nil
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > '~' })
}
