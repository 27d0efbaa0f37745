package onetimehttp

import (
	"context"
	"slices"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

// A known is the issues that a browser asked for, the newest first: what the field "request" of its forms is the sealed form
// of. A code verifies only under the request of its issue, so what somebody typed before it was issued tells nothing of it.
type known struct {
	ring      *keyring.Ring
	challenge keyring.Challenge
	ids       []string
}

// knownTo returns what a form knows of a person's challenge: nothing if it is not a form for that person and browser. Nor
// does it where the Manager does not take the subject, which is said by the call that follows.
func knownTo(p person, binding, form string) known {
	inside := core.Of(p.manager)
	_, challenge, err := inside.Challenge(p.subject, binding)
	if err != nil {
		return known{ring: inside.Ring}
	}
	return known{inside.Ring, challenge, inside.Ring.OpenForm(challenge, form)}
}

// form returns the value of the field.
func (k known) form() string { return k.ring.SealForm(k.challenge, k.ids) }

// with returns what is known after an issue.
func (k known) with(id string) known {
	raw, _ := keyring.Encoding.DecodeString(id) // the Manager made it
	k.ids = append([]string{string(raw)}, k.ids...)
	return k
}

// requests says which requests a code may be of: always some, so that Redis hears of no code without one.
func (k known) requests() onetime.VerifyOption {
	if len(k.ids) == 0 {
		return onetime.WithRequest(keyring.NoRequest)
	}
	requests := make([]string, len(k.ids))
	for i, id := range k.ids {
		requests[i] = k.ring.Request(k.challenge, id)
	}
	return onetime.WithRequest(requests...)
}

// pending adds what is pending, for a browser that was refused another message: of two forms that a double click sends it hears
// the second answer only, and somebody may have opened the start page again. What other browsers asked for is among it,
// and is of no use to this one.
func (k known) pending(ctx context.Context, p person) known {
	status, err := p.manager.Status(ctx, p.subject)
	if err != nil {
		return k
	}
	for _, issue := range slices.Backward(status.Pending) {
		k = k.with(issue.ID)
	}
	return k
}
