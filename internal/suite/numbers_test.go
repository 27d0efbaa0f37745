package suite_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/once"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// numbers are those of a full record: of three secrets that a caller keeps, each has had a number used.
type numbers struct {
	b       *rig.Backend
	m       *onetime.Manager
	subject string
	step    int64

	spent, undone once.Use // a recovery code that is used, and a counter that was given back
}

// The names of secrets are MACs, so no two people share one.
func (n *numbers) of(kind string, number int64) once.Number {
	made := once.Number{Kind: kind, Secret: fmt.Sprintf("%.8s", kind+n.subject+"........"), Number: number}
	if kind == once.Step { // good for long: on a busy machine commands come late
		made.Period, made.Back, made.Ahead = 30*time.Second, 250, 2
	}
	return made
}

// use has a Manager judge numbers, which stand for a code that matches them; none is a wrong code.
func (n *numbers) use(ctx context.Context, m *onetime.Manager, mode string, of ...once.Number) (once.Use, error) {
	return once.Run(ctx, core.Of(m), once.Call{
		Op: "Verify", Mode: mode, Challenge: rig.Challenge(m, n.subject, ""), Local: n.b.Clock(), Numbers: of,
	})
}

func (n *numbers) undo(ctx context.Context, m *onetime.Manager, u once.Use) error {
	return once.Undo(ctx, core.Of(m), "Undo", once.Ticket{
		Challenge: rig.Challenge(m, n.subject, ""), Kind: u.Number.Kind, Secret: u.Number.Secret, Call: u.Call,
	})
}

func newNumbers(t testing.TB, b *rig.Backend, m *onetime.Manager, subject string) *numbers {
	t.Helper()
	n := &numbers{b: b, m: m, subject: subject, step: b.Clock().Unix() / 30}
	ctx := t.Context()
	_, err := n.use(ctx, m, once.Verify, n.of(once.Step, n.step-1))
	require.NoError(t, err)
	n.spent, err = n.use(ctx, m, once.Free, n.of(once.Index, 3))
	require.NoError(t, err)
	n.undone, err = n.use(ctx, m, once.Verify, n.of(once.Counter, 5))
	require.NoError(t, err)
	require.NoError(t, n.undo(ctx, m, n.undone))
	return n
}

// isUndone is nil if the recovery code is free again. To try it would use it.
func (n *numbers) isUndone() error {
	key := rig.Challenge(n.m, n.subject, "").RecordKey(core.Of(n.m).Runner.Prefix)
	text, err := n.b.Raw.HGet(context.Background(), key, "or"+hex.EncodeToString([]byte(n.spent.Number.Secret))).Result()
	if err == nil && text[0] != 'x' {
		err = errors.New("the recovery code is still used")
	}
	return err
}

// operations are calls about them. What is told by admin is not disturbed.
func (n *numbers) operations(admin *onetime.Manager, stays func() error, status func(func(onetime.Status) bool) func() error) []operation {
	use := func(m *onetime.Manager, of ...once.Number) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := n.use(ctx, m, once.Verify, of...); return err }
	}
	answers := func(reason error, call func(ctx context.Context) error) func() error {
		return func() error {
			if err := call(context.Background()); !errors.Is(err, reason) {
				return fmt.Errorf("want %v, got %w", reason, err)
			}
			return nil
		}
	}
	step, counter, index := n.of(once.Step, n.step), n.of(once.Counter, 5), n.of(once.Index, 4)
	free := func(m *onetime.Manager, of once.Number) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := n.use(ctx, m, once.Free, of); return err }
	}
	return []operation{
		{name: "VerifyStep", writes: true, call: use(n.m, step), done: answers(onetime.ErrUsed, use(admin, step))},
		{name: "VerifyStep used", reason: onetime.ErrUsed, call: use(n.m, n.of(once.Step, n.step-1)), done: stays},
		{name: "VerifyNumber wrong", writes: true, reason: onetime.ErrMismatch, call: use(n.m),
			done: status(func(s onetime.Status) bool { return s.Failures == 3 })},
		{name: "VerifyCounter", writes: true, call: use(n.m, counter), done: answers(onetime.ErrUsed, use(admin, counter))},
		{name: "VerifyIndex", writes: true, call: free(n.m, index), done: answers(onetime.ErrUsed, free(admin, index))},
		{name: "VerifyIndex wrong", reason: onetime.ErrNotFound, done: stays, call: func(ctx context.Context) error {
			_, err := n.use(ctx, n.m, once.Free)
			return err
		}},
		{name: "UndoNumber", writes: true, call: func(ctx context.Context) error { return n.undo(ctx, n.m, n.spent) }, done: n.isUndone},
		{name: "UndoNumber again", call: func(ctx context.Context) error { return n.undo(ctx, n.m, n.undone) }, done: stays},
	}
}
