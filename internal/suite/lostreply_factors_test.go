package suite_test

import (
	"context"
	"crypto/sha1"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// Rule 6 over the wire for second factors: the reply to once or onceundo is lost, and go-redis sends the command again.

// A factorScene is a scene about Alice's factors.
type factorScene struct {
	*scene
	mine, theirs *rig.Factors // mine loses replies, theirs does not
	step         int64        // of the app's code
	enrolled     factor.Enrollment
	used         factor.Proof // the last
}

func (w *wire) factors(t *testing.T, opts ...onetime.Option) *factorScene {
	t.Helper()
	s := w.scene(t, opts...)
	f := &factorScene{scene: s, mine: rig.NewFactors(t, s.m, rig.Alice), theirs: rig.NewFactors(t, s.other, rig.Alice)}
	f.mine.Recovery, f.step = f.theirs.Recovery, f.mine.Step()
	var err error
	f.enrolled, err = f.mine.EnrollTOTP(rig.Alice, "alice")
	require.NoError(t, err)
	return f
}

// use is a use of what secret names, which succeeds once.
func (s *factorScene) use(secret string, call func(ctx context.Context) (factor.Proof, error)) error {
	return s.tally.use(s.enrolled.Secret+secret, patience, func(ctx context.Context) error {
		p, err := call(ctx)
		if err == nil {
			assert.Equal(s.t, rig.Alice, p.Subject)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.used = p
		}
		return err
	})
}

func (s *factorScene) typed(by *rig.Factors, code string, blob []byte, name string) error {
	return s.use(name, func(ctx context.Context) (factor.Proof, error) {
		return by.Verify(ctx, rig.Alice, code, [][]byte{blob})
	})
}

func (s *factorScene) app(by *rig.Factors, beside int64) error {
	return s.typed(by, by.Shown(s.step+beside), by.App, fmt.Sprint("step ", beside))
}

func (s *factorScene) token(by *rig.Factors, n int) error {
	return s.typed(by, by.Pressed(n), by.Token, fmt.Sprint("counter ", n))
}

func (s *factorScene) recovery(by *rig.Factors, i int) error {
	return s.use(fmt.Sprint("recovery ", i), func(ctx context.Context) (factor.Proof, error) {
		return by.VerifyRecovery(ctx, rig.Alice, by.Recovery.Codes[i], by.Recovery.Blob)
	})
}

func (s *factorScene) resync(by *rig.Factors) error {
	return s.use("resync", func(ctx context.Context) (factor.Proof, error) {
		return by.Resync(ctx, rig.Alice, by.Token, by.Pressed(50), by.Pressed(51))
	})
}

func (s *factorScene) confirm(by *rig.Factors) error {
	key, err := factor.DecodeSecret(s.enrolled.Secret)
	assert.NoError(s.t, err)
	return s.use("confirm", func(ctx context.Context) (factor.Proof, error) {
		return by.Confirm(ctx, rig.Alice, s.enrolled.Blob, rig.HOTP(sha1.New, key, 6, s.step))
	})
}

func (s *factorScene) wrong(by *rig.Factors, i int) error {
	return s.tally.call(patience, func(ctx context.Context) error {
		_, err := by.Verify(ctx, rig.Alice, by.Wrong(i), [][]byte{by.App})
		return err
	})
}

// giveBack undoes the last use, by a ticket.
func (s *factorScene) giveBack(by *rig.Factors) error {
	s.mu.Lock()
	ticket := s.used.UndoTicket()
	s.mu.Unlock()
	return s.tally.call(patience, func(ctx context.Context) error { return by.UndoTicket(ctx, ticket) })
}

func (s *factorScene) failures(want int) {
	status, err := s.theirs.Manager().Status(context.Background(), rig.Alice)
	s.answered(nil, err)
	assert.Equal(s.t, want, status.Failures)
}

func (s *factorScene) charged(i int, left ...int) {
	for n, left := range left {
		assert.Equal(s.t, left, s.answered(onetime.ErrMismatch, s.wrong(s.theirs, i+n)).AttemptsLeft)
	}
}

// A factorCall is a call of package factor whose reply is lost.
type factorCall struct {
	name        string
	opts        []onetime.Option
	before      func(s *factorScene)
	call        func(s *factorScene) error
	want, again error // of the call, and of the same by a person who got no answer
	after       func(s *factorScene)
}

func TestLostReply_OfAFactorIsAnsweredAsIfSentOnce(t *testing.T) {
	appUsed := func(s *factorScene) { s.answered(onetime.ErrUsed, s.app(s.theirs, 0)); s.failures(0) }
	tokenUsed := func(s *factorScene) { s.answered(onetime.ErrUsed, s.token(s.theirs, 0)); s.failures(0) }
	taken := func(s *factorScene) { s.answered(nil, s.app(s.theirs, 0)) }
	calls := []factorCall{
		{name: "TOTP", call: func(s *factorScene) error { return s.app(s.mine, 0) }, again: onetime.ErrUsed, after: appUsed},
		{name: "TOTP after wrong ones", before: func(s *factorScene) { s.charged(0, 9, 8, 7) },
			call: func(s *factorScene) error { return s.app(s.mine, 0) }, again: onetime.ErrUsed, after: appUsed},
		{name: "TOTP used", before: taken, call: func(s *factorScene) error { return s.app(s.mine, 0) },
			want: onetime.ErrUsed, again: onetime.ErrUsed, after: appUsed},
		{name: "Confirm", call: func(s *factorScene) error { return s.confirm(s.mine) }, again: onetime.ErrUsed,
			after: func(s *factorScene) { s.answered(onetime.ErrUsed, s.confirm(s.theirs)) }},
		{name: "HOTP", call: func(s *factorScene) error { return s.token(s.mine, 0) }, again: onetime.ErrUsed, after: tokenUsed},
		{name: "Resync", call: func(s *factorScene) error { return s.resync(s.mine) }, again: onetime.ErrUsed, after: tokenUsed},
		{name: "recovery code", call: func(s *factorScene) error { return s.recovery(s.mine, 3) }, again: onetime.ErrUsed, after: func(s *factorScene) {
			s.answered(onetime.ErrUsed, s.recovery(s.theirs, 3))
			s.answered(nil, s.recovery(s.theirs, 4))
		}},
		{name: "wrong", call: func(s *factorScene) error { return s.wrong(s.mine, 0) }, want: onetime.ErrMismatch, again: onetime.ErrMismatch,
			after: func(s *factorScene) {
				charged := 10 - s.answered(onetime.ErrMismatch, s.err).AttemptsLeft
				s.failures(charged)
				s.answered(nil, s.app(s.theirs, 0))
			}},
		{name: "wrong, the last guess", opts: []onetime.Option{onetime.WithGuessLimits(onetime.Limit{Burst: 1, Per: time.Hour})},
			call: func(s *factorScene) error { return s.wrong(s.mine, 0) }, want: onetime.ErrMismatch, again: onetime.ErrLocked,
			after: func(s *factorScene) {
				denied := s.answered(onetime.ErrMismatch, s.err)
				assert.Zero(s.t, denied.AttemptsLeft)
				s.Left(s.t, 3600, denied.RetryAfter)
				s.answered(onetime.ErrLocked, s.app(s.theirs, 0))
			}},
		{name: "UndoTicket", before: taken, call: func(s *factorScene) error { return s.giveBack(s.mine) }, after: func(s *factorScene) {
			again := s.app // of another name: it is a use of its own
			s.answered(nil, s.typed(s.theirs, s.theirs.Shown(s.step), s.theirs.App, "after the undo"))
			s.answered(onetime.ErrUsed, again(s.theirs, 0))
		}},
	}
	wires(t, func(t *testing.T, w *wire) {
		for _, c := range calls {
			t.Run(c.name, func(t *testing.T) {
				for _, n := range losses() {
					s := w.factors(t, c.opts...)
					if c.before != nil {
						c.before(s)
					}
					s.asIfSentOnce(n, func(*scene) error { return c.call(s) }, c.want)

					if n > 3 {
						s.err = c.call(s)
						s.answered(c.again, s.err)
						if c.again != c.want {
							continue
						}
					}
					c.after(s)
				}
			})
		}
	})
}

func TestLostReply_OfAFactorWithAnotherCallInBetween(t *testing.T) {
	app := func(s *factorScene) error { return s.app(s.mine, 0) }
	recovery := func(s *factorScene) error { return s.recovery(s.mine, 3) }
	wrong := func(s *factorScene) error { return s.wrong(s.mine, 0) }
	unlocks := func(s *factorScene) { s.answered(nil, s.theirs.Manager().Unlock(context.Background(), rig.Alice)) }
	flushes := func(s *factorScene) { assert.NoError(s.t, s.Raw.FlushAll(context.Background()).Err()) }
	dead := func(s *factorScene) { s.answered(onetime.ErrUsed, s.app(s.theirs, 0)) }
	left := func(left, failures int) func(s *factorScene) {
		return func(s *factorScene) {
			assert.Equal(s.t, left, s.answered(onetime.ErrMismatch, s.err).AttemptsLeft)
			s.failures(failures)
		}
	}
	type overtaken struct {
		factorCall
		between func(s *factorScene)
	}
	wires(t, func(t *testing.T, w *wire) {
		for _, o := range []overtaken{
			{factorCall{name: "TOTP, the same by another", call: app, after: dead}, func(s *factorScene) { dead(s) }},
			{factorCall{name: "TOTP, the next step by another", call: app, want: onetime.ErrUsed, after: dead},
				func(s *factorScene) { s.answered(nil, s.app(s.theirs, 1)) }},
			{factorCall{name: "TOTP, a wrong code", call: app, after: func(s *factorScene) { dead(s); s.failures(1) }},
				func(s *factorScene) { s.charged(0, 9) }},
			{factorCall{name: "TOTP, Unlock", call: app, after: dead}, unlocks},
			// Redis has forgotten the first copy, so the second takes the number: the caller is answered once.
			{factorCall{name: "TOTP, a lost Redis", call: app, after: dead}, flushes},
			{factorCall{name: "recovery code, the same by another", call: recovery, after: func(*factorScene) {}},
				func(s *factorScene) { s.answered(onetime.ErrUsed, s.recovery(s.theirs, 3)) }},
			{factorCall{name: "recovery code, another one", call: recovery, want: onetime.ErrUsed,
				after: func(s *factorScene) { s.answered(onetime.ErrUsed, s.recovery(s.theirs, 3)) }},
				func(s *factorScene) { s.answered(nil, s.recovery(s.theirs, 4)) }},
			{factorCall{name: "wrong, the right one", call: wrong, want: onetime.ErrMismatch, after: left(9, 0)},
				func(s *factorScene) { s.answered(nil, s.app(s.theirs, 0)) }},
			// Of parallel repeats one may be charged twice, never less than once.
			{factorCall{name: "wrong, another wrong one", call: wrong, want: onetime.ErrMismatch, after: left(7, 3)},
				func(s *factorScene) { s.charged(1, 8) }},
			{factorCall{name: "wrong, Unlock", call: wrong, want: onetime.ErrMismatch, after: left(10, 0)}, unlocks},
			{factorCall{name: "UndoTicket, a use", before: func(s *factorScene) { s.answered(nil, s.app(s.theirs, 0)) },
				call: func(s *factorScene) error { return s.giveBack(s.mine) }, want: onetime.ErrUsed, after: dead},
				func(s *factorScene) {
					s.answered(nil, s.typed(s.theirs, s.theirs.Shown(s.step), s.theirs.App, "after the undo"))
				}},
			{factorCall{name: "UndoTicket, a lost Redis", before: func(s *factorScene) { s.answered(nil, s.app(s.theirs, 0)) },
				call: func(s *factorScene) error { return s.giveBack(s.mine) }, want: onetime.ErrNotFound, after: func(*factorScene) {}}, flushes},
		} {
			t.Run(o.name, func(t *testing.T) {
				s := w.factors(t)
				if o.before != nil {
					o.before(s)
				}
				require.Equal(t, 1, s.lose(1, func() { o.between(s) }, func(*scene) error { return o.call(s) }))
				s.answered(o.want, s.err)
				o.after(s)
			})
		}
	})
}

func TestLostReply_OfParallelFactors(t *testing.T) {
	wires(t, func(t *testing.T, w *wire) {
		for range 4 {
			s := w.factors(t, rig.ManyGuesses)
			atOnce := func(call func(i int) error) int {
				lost := s.proxy.Losses()
				s.proxy.LoseNext(3, nil)
				successes := parallel(t, 24, onetime.ErrDenied, call)
				require.Equal(t, 3, s.proxy.Losses()-lost)
				return successes
			}
			require.Equal(t, 1, atOnce(func(int) error { return s.app(s.mine, 0) }))
			require.Equal(t, 1, atOnce(func(int) error { return s.token(s.mine, 0) }))
			require.Equal(t, 1, atOnce(func(int) error { return s.recovery(s.mine, 5) }))
			require.Zero(t, atOnce(func(i int) error { return s.wrong(s.mine, i) }))
		}
	})
}
