package api

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// undoLife is how long a right to undo is good for.
const undoLife = 60 * time.Second

// An undoRight is what "undo" of an answer seals.
type undoRight struct {
	Service string `json:"s"`
	Issue   string `json:"i"`
	Ticket  []byte `json:"t"`
	Expires int64  `json:"e"` // milliseconds since 1970
}

// useOfUndo ties a right to the key that was shown: nobody else can use it, not even the same caller by its other key.
func (c *call) useOfUndo() string { return "undo " + base64.RawURLEncoding.EncodeToString(c.key[:]) }

func (c *call) sealUndo(proof onetime.Verification) string {
	return c.snapshot.sealer.seal(c.useOfUndo(), undoRight{
		Service: c.service.Name, Issue: proof.ID, Ticket: proof.UndoTicket(),
		Expires: c.snapshot.config.Clock().Add(undoLife).UnixMilli(),
	})
}

// UndoIn is the body of undo.
type UndoIn struct {
	Undo string `json:"undo" minLength:"1" maxLength:"2048" doc:"What check answered."`
}

// undo gives a secret back, because what it was used for did not happen.
func undo(ctx context.Context, c *call, in UndoIn) (nothing, error) {
	var right undoRight
	if err := c.snapshot.sealer.open(c.useOfUndo(), in.Undo, &right); err != nil {
		return nothing{}, refuse("not_found")
	}
	c.issue = right.Issue
	if err := c.enter(right.Service); err != nil {
		return nothing{}, err
	}
	if c.over(right.Expires, 0) {
		return nothing{}, refuse("expired")
	}
	return nothing{}, c.service.Manager.UndoTicket(ctx, right.Ticket)
}
