package onetime

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/link"
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
		c.linkHead, c.linkTail, err = link.SplitBase("onetime: WithLinkBase", base)
		c.policy.Links = err == nil
		return err
	}}
}
