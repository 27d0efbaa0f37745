package api

import (
	"context"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// SubjectIn is the body of the calls of admin. Subjects stand in no URL.
type SubjectIn struct {
	Subject string `json:"subject" minLength:"1" maxLength:"512" doc:"Who it is about."`
}

// AdminStatusOut is all that is known of a subject.
type AdminStatusOut struct {
	_         struct{}     `additionalProperties:"true"`
	Pseudonym string       `json:"pseudonym" maxLength:"11" doc:"What stands for the subject in logs and events of this service."`
	Pending   []PendingOut `json:"pending" nullable:"false" doc:"What is pending, newest first. Decoys are among it."`
	Strangers LocksOut     `json:"strangers" doc:"What new browsers may do."`
	Known     LocksOut     `json:"known_browsers" doc:"What browsers may do that have signed in before."`
}

// LocksOut is what the limits of one set refuse.
type LocksOut struct {
	_        struct{} `additionalProperties:"true"`
	Failures int      `json:"failures" minimum:"0" doc:"Consecutive wrong codes; codes are disabled at 85 of strangers, at 15 of known browsers."`
	Disabled bool     `json:"disabled" doc:"Codes are disabled until unlock, or a success of whatever browser."`
	SendIn   int      `json:"send_in" minimum:"0" doc:"In how many seconds the send limits let the next message pass."`
	CheckIn  int      `json:"check_in" minimum:"0" doc:"In how many seconds the guess limits let the next code be looked at."`
}

func locksOut(l onetime.Locks) LocksOut {
	return LocksOut{Failures: l.Failures, Disabled: l.Disabled, SendIn: ceilSeconds(l.SendIn), CheckIn: ceilSeconds(l.GuessIn)}
}

// PendingOut is one issue.
type PendingOut struct {
	_            struct{}  `additionalProperties:"true"`
	Issue        string    `json:"issue" maxLength:"64" doc:"The id of the issue, as it stands in logs and events."`
	Code         bool      `json:"code" doc:"Its code is alive."`
	Token        bool      `json:"token" doc:"Its token or link is alive."`
	Bound        bool      `json:"bound" doc:"It was issued with a binding."`
	Used         bool      `json:"used" doc:"It was used: it verifies only after an undo."`
	AttemptsLeft int       `json:"attempts_left" minimum:"0" maximum:"16" doc:"How many more wrong codes it takes."`
	IssuedAt     time.Time `json:"issued_at" doc:"When it was issued, by the clock of Redis."`
	ExpiresIn    int       `json:"expires_in" minimum:"0" doc:"How many seconds what lives longest is still good for."`
}

// adminStatus tells all that is known of a subject.
func adminStatus(ctx context.Context, c *call, in SubjectIn) (AdminStatusOut, error) {
	who, err := c.service.Manager.Pseudonym(in.Subject)
	if err != nil {
		return AdminStatusOut{}, err
	}
	known, err := c.service.Manager.Status(ctx, in.Subject)
	if err != nil {
		return AdminStatusOut{}, err
	}
	out := AdminStatusOut{Pseudonym: who, Pending: []PendingOut{}, Strangers: locksOut(known.Locks), Known: locksOut(known.Known)}
	for _, p := range known.Pending {
		out.Pending = append(out.Pending, PendingOut{
			Issue: p.ID, Code: p.Code, Token: p.Token, Bound: p.Bound, Used: p.Used, AttemptsLeft: p.AttemptsLeft,
			IssuedAt: p.IssuedAt.UTC(), ExpiresIn: floorSeconds(p.ExpiresIn),
		})
	}
	return out, nil
}

// ExplainOut is one sentence.
type ExplainOut struct {
	_        struct{} `additionalProperties:"true"`
	Sentence string   `json:"sentence" maxLength:"500" doc:"What support can tell the person, in English. It names nobody."`
}

// explain says in a sentence why somebody cannot get in.
func explain(ctx context.Context, c *call, in SubjectIn) (ExplainOut, error) {
	known, err := c.service.Manager.Status(ctx, in.Subject)
	if err != nil {
		return ExplainOut{}, err
	}
	return ExplainOut{Sentence: sentence(known, c.snapshot.config.Clock())}, nil
}

// changing returns what a call of admin does that answers nothing.
func changing(f func(*onetime.Manager, context.Context, string) error) func(context.Context, *call, SubjectIn) (nothing, error) {
	return func(ctx context.Context, c *call, in SubjectIn) (nothing, error) {
		return nothing{}, f(c.service.Manager, ctx, in.Subject)
	}
}
