package onetime

import (
	"context"
	"time"
)

// An Event is one call, as [WithObserver] hears of it. It never holds a subject, a secret or a payload.
type Event struct {
	Op      string        // the method, such as "VerifyOTP"
	Kind    string        // "otp", "token" or "link"; empty where the method is of no kind
	Purpose string        // of the Manager
	ID      string        // of the issue; empty if none is known
	Who     string        // Manager.Pseudonym of the subject; empty where neither it nor an authentic token is known
	Err     error         // what the method returned
	Took    time.Duration // from the call to its answer
}

// Pseudonym returns what stands for a subject in Events, so that support can find a person's events and a log shows nobody:
// 11 characters of A-Z a-z 0-9 - _, another for each purpose and naming key. It is [ErrInvalid] for what is no subject.
// Whoever has no key can neither make one nor find the subject of one by trying.
func (m *Manager) Pseudonym(subject string) (string, error) {
	_, c, err := m.challenge(subject, callOptions{})
	if err != nil {
		return "", err
	}
	return m.ring.Pseudonym(c.Purpose, c.Tag), nil
}

// who is the pseudonym behind a tag, empty if nobody would hear of it.
func (m *Manager) who(tag string) string {
	if m.config.observer == nil {
		return ""
	}
	return m.ring.Pseudonym(m.config.policy.Purpose, tag)
}

// observe tells the observer. One that panics must neither turn an answer into none nor end the program.
func (m *Manager) observe(ctx context.Context, e Event, start time.Time) {
	if m.config.observer == nil {
		return
	}
	defer func() { _ = recover() }()
	e.Purpose, e.Took = m.config.policy.Purpose, time.Since(start)
	m.config.observer(ctx, e)
}
