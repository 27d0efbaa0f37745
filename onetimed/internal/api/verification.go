package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A verification is what an id seals: all that is known of it beside Redis.
type verification struct {
	Service string              `json:"s"`
	Subject string              `json:"u"`
	Kind    kind                `json:"k"`
	Channel onetimesend.Channel `json:"c"`
	Locale  string              `json:"l,omitempty"`
	TTL     int                 `json:"t,omitempty"` // seconds, as asked for
	Decoy   bool                `json:"d,omitempty"`
	// Binding is the one that was drawn. Bound is the digest of one that the caller gave, and has to show again.
	Binding string `json:"b,omitempty"`
	Bound   string `json:"o,omitempty"`
	Request string `json:"r"`
	// Known is what the browser showed, and KnownSince since when, in seconds, it counts.
	Known      string `json:"w,omitempty"`
	KnownSince int64  `json:"n,omitempty"`
	Issue      string `json:"i"`
	// CodeExpires and Expires are when the code and what lives longest end by the local clock, in milliseconds since 1970.
	CodeExpires int64 `json:"x,omitempty"`
	Expires     int64 `json:"e"`
}

const (
	useOfID = "id"
	// clockLeeway is how far the clocks of servers and of Redis may be apart: within it Redis alone says what has expired.
	clockLeeway = time.Minute
	// resendGrace is how long after its end a verification can still be sent again, for people who come back too late.
	resendGrace = time.Hour
)

// maxKnown is how long four credentials are, with a full stop between two.
const maxKnown = 4*28 + 3

// knownBy notes what the browser shows. What is longer than any credentials is none.
func (v *verification) knownBy(c Client) {
	if v.Known, v.KnownSince = c.KnownBrowser, c.KnownSince; len(v.Known) > maxKnown {
		v.Known = ""
	}
}

// known returns what calls are told of the browser: nothing where it shows nothing.
func (v verification) known() []onetime.CallOption {
	if v.Known == "" {
		return nil
	}
	since := time.Time{}
	if v.KnownSince > 0 {
		since = time.Unix(v.KnownSince, 0)
	}
	return []onetime.CallOption{onetime.WithKnownBrowser(v.Known), onetime.KnownSince(since)}
}

// open reads the id of the path and makes the call one of its service.
func (c *call) open() (verification, error) {
	var v verification
	if err := c.snapshot.sealer.open(useOfID, c.params["id"], &v); err != nil {
		return v, refuse("not_found")
	}
	c.issue = v.Issue
	return v, c.enter(v.Service)
}

// over reports whether a time in milliseconds is past for longer than a grace.
func (c *call) over(end int64, grace time.Duration) bool {
	return c.snapshot.config.Clock().After(time.UnixMilli(end).Add(grace))
}

// digestOf stands for a binding in an id.
func digestOf(binding string) string {
	if binding == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(binding))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// bound returns the binding of a verification, given what the caller shows. A missing one does not make it an unbound one.
func (v verification) bound(shown string) (string, error) {
	if subtle.ConstantTimeCompare([]byte(digestOf(shown)), []byte(v.Bound)) != 1 {
		return "", refuse("binding_mismatch")
	}
	if v.Bound != "" {
		return shown, nil
	}
	return v.Binding, nil
}

// pending returns the issue of a verification, if it is still pending.
func (v verification) pending(status onetime.Status) (onetime.Pending, bool) {
	for _, each := range status.Pending {
		if each.ID == v.Issue {
			return each, true
		}
	}
	return onetime.Pending{}, false
}

// StatusOut is what GET of a verification answers.
type StatusOut struct {
	_            struct{} `additionalProperties:"true"`
	State        string   `json:"state" enum:"pending,used" doc:"used: it was used, by whatever call. What is over is a problem."`
	ExpiresIn    int      `json:"expires_in" minimum:"0" doc:"How many seconds what lives longest is still good for."`
	AttemptsLeft int      `json:"attempts_left" minimum:"0" maximum:"16" doc:"How many more wrong codes it takes."`
	ResendIn     int      `json:"resend_in" minimum:"0" doc:"In how many seconds it can be sent again."`
	CheckIn      int      `json:"check_in" minimum:"0" doc:"In how many seconds a code is looked at again; 0: at once."`
}

// status tells of a verification. It changes nothing, and tells of decoys the same.
func status(ctx context.Context, c *call, _ nothing) (StatusOut, error) {
	v, err := c.open()
	if err != nil {
		return StatusOut{}, err
	}
	if c.over(v.Expires, clockLeeway) {
		return StatusOut{}, refuse("expired")
	}
	known, err := c.service.Manager.Status(ctx, v.Subject)
	if err != nil {
		return StatusOut{}, err
	}
	p, ok := v.pending(known)
	switch {
	case !ok && c.over(v.Expires, 0):
		return StatusOut{}, refuse("expired")
	case !ok:
		return StatusOut{}, refuse("not_found")
	}
	out := StatusOut{State: "pending", ExpiresIn: floorSeconds(p.ExpiresIn), AttemptsLeft: p.AttemptsLeft, ResendIn: ceilSeconds(known.SendIn), CheckIn: ceilSeconds(known.GuessIn)}
	if p.Used {
		out.State = "used"
	}
	return out, nil
}

// cancel ends a verification. What is over already is cancelled, too.
func cancel(ctx context.Context, c *call, _ nothing) (nothing, error) {
	v, err := c.open()
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, c.service.Manager.Cancel(ctx, v.Subject, v.Issue)
}

// judged says more of a refusal than Redis knows: that an id is past its own expiry, and that what it stood for was replaced.
func (c *call) judged(ctx context.Context, v verification, err error) error {
	switch {
	case errors.Is(err, onetime.ErrNotFound) && c.over(v.CodeExpires, 0):
		return refuse("expired")
	case errors.Is(err, onetime.ErrMismatch):
		var denied *onetime.DeniedError
		if errors.As(err, &denied) && denied.AttemptsLeft == 0 {
			return err // nothing is pending any more: that it was replaced does not follow
		}
		known, failed := c.service.Manager.Status(ctx, v.Subject)
		if failed != nil {
			return err // a no in any case
		}
		if _, ok := v.pending(known); !ok {
			return refuse("not_found")
		}
	}
	return err
}
