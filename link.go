package onetime

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/host"
)

const (
	maxLinkBase = 2000
	linkParam   = "token"
)

// A Link is a magic link: a page of yours with a token in its query, and a code beside it if WithCode asked for one. It
// prints without URL, Token and Code.
type Link struct {
	// URL is what to deliver; Token is the token in it. Never log them. They are empty for a decoy.
	URL, Token string
	// Code is a code to type instead, empty for a decoy, without WithCode, and while codes are locked or disabled.
	Code string
	// ID names the issue, for Cancel and for logs.
	ID string
	// ExpiresIn is how long the link lives, CodeExpiresIn how long its code does; 0 without a code. ResendIn is how
	// long the send limits refuse another issue.
	ExpiresIn, CodeExpiresIn, ResendIn time.Duration
	// Repeated tells that another sending of the same form made this issue, see [Idempotent]: there is no URL, Token or Code
	// to deliver.
	Repeated bool
}

// Format prints the ID only, under any verb but the misplaced %p and %w, which fmt does not ask about.
func (l Link) Format(f fmt.State, _ rune) { redact(f, "Link", l.ID) }

// MarshalText returns the ID only; JSON and slog use it.
func (l Link) MarshalText() ([]byte, error) { return redacted("Link", l.ID), nil }

// IssueLink is IssueToken with a link around the token, and with WithCode a code beside it, of which one use uses up
// both. It is ErrInvalid without WithLinkBase. VerifyToken verifies the token, VerifyOTP the code.
//
// Mail scanners open links: let the page that it leads to call InspectToken and show a form, and only what that form
// posts call VerifyToken.
//
// A refusal is ErrThrottled or, of a command that was sent twice, ErrNotFound. While codes are locked or disabled the link comes without its code.
func (m *Manager) IssueLink(ctx context.Context, subject string, opts ...IssueOption) (Link, error) {
	start := time.Now()
	made, err := issue{}, invalid("IssueLink: wants WithLinkBase")
	if m.config.linkHead != "" {
		made, err = m.issue(ctx, "IssueLink", subject, opts, false, true)
	}
	m.observe(ctx, Event{Op: "IssueLink", Kind: "link", ID: made.id, Who: made.who, Err: err}, start)
	if err != nil {
		return Link{}, err
	}
	link := Link{"", made.token, made.code, made.id, made.ttl, made.codeTTL, made.resendIn, made.repeated}
	if made.token != "" {
		link.URL = m.config.linkHead + made.token + m.config.linkTail
	}
	return link, nil
}

// WithLinkBase sets the page that links lead to; the token is added as its query parameter "token". It must be https
// (http on localhost and loopback addresses), without user information and without that parameter, at most 2000 bytes.
// Take it from configuration, never from a request's Host header, or an attacker chooses where tokens are sent.
func WithLinkBase(base string) Option {
	return Option{func(c *config) (err error) {
		c.linkHead, c.linkTail, err = splitLinkBase(base)
		c.policy.Links = err == nil
		return err
	}}
}

func splitLinkBase(base string) (head, tail string, err error) {
	if len(base) > maxLinkBase {
		return "", "", invalid("WithLinkBase: %d bytes: want at most %d", len(base), maxLinkBase)
	}
	// What is not escaped here would end a link where a mail program thinks it does.
	unsafe := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) }
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || strings.ContainsFunc(u.Host, unsafe) { // url.Parse lets "<> stand in a host
		return "", "", invalid("WithLinkBase: want an absolute https URL")
	}
	if u.User != nil {
		return "", "", invalid("WithLinkBase: want no user information")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !host.Loopback(u.Hostname())) {
		return "", "", invalid("WithLinkBase: scheme %q: want https, or http on localhost", u.Scheme)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || query.Has(linkParam) || strings.ContainsFunc(u.RawQuery, unsafe) {
		return "", "", invalid("WithLinkBase: want an escaped query without the parameter %q", linkParam)
	}
	if fragment := u.EscapedFragment(); fragment != "" {
		tail = "#" + fragment
	}
	u.Fragment, u.RawFragment = "", ""
	u.Path = cmp.Or(u.Path, "/")
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += linkParam + "="
	return u.String(), tail, nil
}
