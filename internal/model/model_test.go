package model

import (
	"slices"

	"github.com/seed-3f7b73d1/onetime"
)

/*
A model states the rules of onetime in plain Go: what each operation answers and what it leaves behind. It is written from
the design and the doc comments and not from the scripts, so that a mistake would have to be made twice. It keeps secrets
as they are and nothing of how Redis stores them. Times and durations are milliseconds of Redis's clock.

Where the design leaves something open the model says what the scripts do: how old a challenge is after the clock stepped
back, and that limits which are full and no setting any more are forgotten.

Each call has a number, since a copy of it may come late: then the model judges it once more under the same number.
*/
type model struct {
	now     int64
	records map[place]*record
	reached func(what string)
}

// A place is where a record is.
type place struct{ purpose, subject string }

// A record is what is known of a place.
type record struct {
	counts                           // of strangers
	known      counts                // of all known browsers together
	revoked    int                   // the last Revoke or Erase that ended something
	challenges map[string]*challenge // by binding, empty if unbound
	end        int64                 // the TTL lets it go
}

// Counts are what limits and rows go by.
type counts struct {
	sends, guesses gcra
	failures       int // consecutive wrong codes
}

// of returns the counts of whoever shows a credential, or none.
func (r *record) of(known bool) *counts {
	if known {
		return &r.known
	}
	return &r.counts
}

// limitsOf returns the limits that belong to counts, and how many wrong codes in a row disable codes.
func limitsOf(p onetime.Policy, known bool) (sends, guesses []onetime.Limit, disabledAt int) {
	if known {
		return p.KnownSendLimits, p.KnownGuessLimits, knownDisabledAt
	}
	return p.SendLimits, p.GuessLimits, strangersDisabledAt
}

// A challenge is what one requester has outstanding.
type challenge struct {
	issues   []*issue      // newest first; some may be dead
	replaced []*issue      // the last 8 that were replaced, the latest first
	wrong    map[mark]bool // wrong codes charged since the last issue, so all under its salt
	group    string        // of the newest issue
	known    bool          // whether a known browser asked for that
	use      use
	undone   int // the last call that was undone
}

// A use is that of a challenge by a call. A call of 0 is none.
type use struct {
	call     int
	at       int64
	group    string // of the call, empty without Idempotent
	repeated bool   // another sending of the group was answered yes
}

// A mark remembers a wrong code by its digest, so under a key and a request: the first ones of the call that was charged.
// That two codes share 4 bytes of their digests is left out.
type mark struct{ key, request, code string }

// An issue is one send. The machine fills in the id and the secrets, which onetime draws.
type issue struct {
	place
	binding string
	id      string
	at      int64
	key     string // of the instance that issued
	request string // that its code is tied to
	payload string
	coded   bool // it was answered with a code
	ended   bool // cancelled, revoked or erased
	quiet   bool // cancelled quietly: it lives, and nothing matches it

	code, token           string // as they were told; empty where there is none, and of a decoy
	codeUntil, tokenUntil int64  // 0: none, or none any more

	undone, dead bool // once, for the outcomes
}

// An instance is a Manager, and what the model needs of it: the settings, the keys it knows, the one it issues with first, and
// the fixed codes by subject.
type instance struct {
	*onetime.Manager
	name   string
	policy onetime.Policy
	ring   []string
	fixed  map[string]string
}

const (
	strangersDisabledAt, knownDisabledAt = 85, 15

	disabledFor   = 400 * 24 * 60 * 60 * 1000
	tolerance     = 10 * 1000 // a secret from further ahead is dead
	maxChallenges = 16
	repeats       = 60 * 1000      // so long after a use other sendings of its group are answered yes
	remembered    = 10 * 60 * 1000 // so long after its last issue a challenge stays, whatever ended it
	maxReplaced   = 8
)

func refusal(reason error) *onetime.DeniedError { return &onetime.DeniedError{Reason: reason} }

// at returns the record of a place, nil if there is none.
func (m *model) at(p place) *record {
	r := m.records[p]
	if r != nil && r.end <= m.now {
		delete(m.records, p)
		m.reached("record: ended")
		if r.failures > 0 {
			m.reached("record: ended with failures")
		}
		return nil
	}
	return r
}

func (m *model) alive(i *issue, until int64) bool {
	if i.ended || m.now >= until {
		return false
	}
	if i.at > m.now+tolerance {
		m.reached("secret: too far ahead of the clock")
		return false
	}
	return true
}

func (m *model) liveCode(i *issue) bool  { return m.alive(i, i.codeUntil) }
func (m *model) liveToken(i *issue) bool { return m.alive(i, i.tokenUntil) }
func (m *model) live(i *issue) bool      { return m.liveCode(i) || m.liveToken(i) }

// first returns the issues that verify under a policy.
func (c *challenge) first(keep int) []*issue {
	if c == nil {
		return nil
	}
	return c.issues[:min(keep, len(c.issues))]
}

// has reports whether an issue is one of those that verify under a policy, live or not.
func (m *model) has(c *challenge, i *issue, keep int) bool {
	if c != nil && slices.Contains(c.issues[min(keep, len(c.issues)):], i) && m.live(i) {
		m.reached("secret: older than the policy keeps")
	}
	return slices.Contains(c.first(keep), i)
}

// matches reports whether a secret that ends at a time can still match.
func (i *issue) matches(until int64) bool { return until > 0 && !i.ended && !i.quiet }

func (c *challenge) left(p onetime.Policy) int { return max(0, p.MaxAttempts-len(c.wrong)) }

// noCodes says why no code is evaluated or issued, whatever it is; nil if codes are. Disabled comes before locked.
func (m *model) noCodes(r *record, p onetime.Policy, known bool) *onetime.DeniedError {
	if r == nil {
		return nil
	}
	_, guesses, disabledAt := limitsOf(p, known)
	if r.of(known).failures >= disabledAt {
		return refusal(onetime.ErrDisabled)
	}
	if wait := m.waits(r.of(known).guesses, guesses); wait > 0 {
		return &onetime.DeniedError{Reason: onetime.ErrLocked, RetryAfter: ms(wait)}
	}
	return nil
}
