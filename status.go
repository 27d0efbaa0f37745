package onetime

import (
	"context"
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/script"
)

// A Status is what is known of a subject and purpose.
type Status struct {
	// Pending are the issues with a live secret, newest first.
	Pending []Pending
	// Locks are those of strangers: of whoever shows no credential of a known browser.
	Locks
	// Known are the locks of all known browsers of the person together, see [WithKnownBrowser].
	Known Locks
}

// Locks is what limits of one set refuse.
type Locks struct {
	// Failures is the number of consecutive wrong codes. At 85 of strangers, and at 15 of known browsers, codes are Disabled:
	// together the 100 that NIST SP 800-63B-4 3.2.2 allows. A success of either sets both to 0.
	Failures int
	// Disabled tells that no code is issued or evaluated; see [ErrDisabled].
	Disabled bool
	// SendIn is how long the send limits refuse the next issue, GuessIn how long the guess limits refuse the next code;
	// 0: not at all.
	SendIn, GuessIn time.Duration
}

// A Pending is one issue.
type Pending struct {
	// ID is that of the OTP, Token or Link.
	ID string
	// Code and Token tell which of its secrets live, Bound that it was issued WithBinding, and Used that its challenge was
	// used: it verifies only after an Undo.
	Code, Token, Bound, Used bool
	// AttemptsLeft is how many wrong codes its challenge still takes.
	AttemptsLeft int
	// IssuedAt is the time of the issue by the clock of Redis.
	IssuedAt time.Time
	// ExpiresIn is the life of the secret that lives longest.
	ExpiresIn time.Duration
}

// Status reports what is outstanding and what is locked. It changes nothing.
func (m *Manager) Status(ctx context.Context, subject string) (Status, error) {
	start, who := time.Now(), ""
	var status Status
	_, c, err := m.challenge(subject, callOptions{})
	if err == nil {
		who = m.who(c.Tag)
		status, err = m.runStatus(ctx, "Status", c)
	}
	m.observe(ctx, Event{Op: "Status", Who: who, Err: err}, start)
	return status, err
}

func (m *Manager) runStatus(ctx context.Context, op string, c keyring.Challenge) (Status, error) {
	strangers, known := m.config.strangers.issues, m.config.known.issues
	args := []any{
		keyring.Random(keyring.IDSize), strangers.Counts + known.Counts, strangers.Rates.(string) + known.Rates.(string),
	}
	args = append(append(args, strangers.Fields...), known.Fields...)
	r, err := m.config.runner.Run(ctx, script.Call{Op: op, Script: statusScript, Key: c.RecordKey(m.config.runner.Prefix), Args: args})
	if err != nil {
		return Status{}, err
	}
	var s Status
	for _, locks := range []*Locks{&s.Locks, &s.Known} {
		*locks = Locks{int(r.Number()), r.Flag(), r.Duration(), r.Duration()}
	}
	for r.More() {
		s.Pending = append(s.Pending, Pending{
			ID: keyring.Encoding.EncodeToString([]byte(r.ID())), Code: r.Flag(), Token: r.Flag(), Bound: r.Flag(), Used: r.Flag(),
			AttemptsLeft: int(r.Number()), IssuedAt: r.Time(), ExpiresIn: r.Duration(),
		})
	}
	if err := r.End(op); err != nil {
		return Status{}, err
	}
	slices.SortStableFunc(s.Pending, func(a, b Pending) int { return b.IssuedAt.Compare(a.IssuedAt) })
	return s, nil
}
