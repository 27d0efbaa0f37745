package factor_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestVerify_OneSecretInTwoBlobsIsOne(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		one, two, code := s.app(t), s.app(t), s.code(0)
		require.NotEqual(t, one, two)
		p, err := s.Verify(t.Context(), alice, code, [][]byte{one, two})
		require.NoError(t, err)
		require.Equal(t, 0, p.Index)
		s.refused(t, two, code, onetime.ErrUsed)

		// Redis was lost: that one of the blobs knows is enough.
		for _, blobs := range [][][]byte{{p.Blob, two}, {two, p.Blob}} {
			require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
			_, err = s.Verify(t.Context(), alice, code, blobs)
			rig.Refused(t, err, onetime.ErrUsed)
		}
	})
}

func TestVerify_TakesTheBlobThatMatches(t *testing.T) {
	s := onMini(t)
	var blobs [][]byte
	for i := range 5 {
		imported, err := s.ImportKey(alice, []byte(fmt.Sprint("key ", i, " of sixteen bytes")), factor.WithDigits(6+i%3))
		require.NoError(t, err)
		blobs = append(blobs, imported.Blob)
	}
	for i := range 5 {
		code := hotp(factor.SHA1, []byte(fmt.Sprint("key ", i, " of sixteen bytes")), 6+i%3, s.Now.Unix()/30)
		p, err := s.Verify(t.Context(), alice, code, blobs)
		require.NoError(t, err)
		require.Equal(t, i, p.Index)
		require.True(t, p.Used())
		require.Equal(t, alice, p.Subject)
		require.Equal(t, "default.factor", p.Purpose)
	}
	_, err := s.Verify(t.Context(), alice, "123456", append(blobs, blobs[0]))
	rig.Invalid(t, err, "factor: Verify: 6 blobs: want at most 5")
	_, err = s.Verify(t.Context(), alice, "123456", nil)
	rig.Refused(t, err, onetime.ErrNotFound)
}

func TestRule3_WrongCodesOfParallelRequestsAreWithinTheLimits(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		blob := s.app(t)
		var judged atomic.Int64
		var all sync.WaitGroup
		for i := range 100 {
			code := s.wrong(t, i+1)
			all.Go(func() {
				if _, err := s.Verify(t.Context(), alice, code, [][]byte{blob}); errors.Is(err, onetime.ErrMismatch) {
					judged.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 10, judged.Load())
		require.Positive(t, s.refused(t, blob, s.code(0), onetime.ErrLocked).RetryAfter)
	})
}

func TestVerify_TellsHowManyWrongCodesAreLeft(t *testing.T) {
	s := onMini(t)
	blob := s.app(t)
	for left := 9; left >= 0; left-- {
		denied := s.refused(t, blob, s.wrong(t, left), onetime.ErrMismatch)
		require.Equal(t, left, denied.AttemptsLeft)
		require.Equal(t, left == 0, denied.RetryAfter > 0)
	}
	require.NoError(t, s.Factors.Manager().Unlock(t.Context(), alice))
	s.must(t, blob, s.code(0))
}

func TestVerify_AStrangersWrongMailCodesLockNoFactor(t *testing.T) {
	s := onMini(t)
	otp, err := s.manager.IssueOTP(t.Context(), alice)
	require.NoError(t, err)
	for i, wrong := range rig.WrongCodes(otp.Code, 20) {
		if i == 5 {
			s.Advance(t, time.Minute)
			otp, err = s.manager.IssueOTP(t.Context(), alice)
			require.NoError(t, err)
		}
		_, err := s.manager.VerifyOTP(t.Context(), alice, wrong)
		require.ErrorIs(t, err, onetime.ErrDenied)
	}
	_, err = s.manager.VerifyOTP(t.Context(), alice, otp.Code)
	rig.Refused(t, err, onetime.ErrLocked)
	s.must(t, s.app(t), s.code(0))
}

func TestVerify_UndoBeforeTheWriteGivesTheCodeBack(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		blob, code := s.app(t), s.code(0)
		p := s.must(t, blob, code)
		require.NoError(t, p.Undo(t.Context()))
		require.NoError(t, s.UndoTicket(t.Context(), p.UndoTicket()))
		again := s.must(t, blob, code)
		rig.Refused(t, p.Undo(t.Context()), onetime.ErrUsed)
		require.NoError(t, s.UndoTicket(t.Context(), again.UndoTicket()))
	})
}

func TestVerify_UndoAfterTheWriteGivesNothingBack(t *testing.T) {
	s := onMini(t)
	p := s.must(t, s.app(t), s.code(0))
	require.NoError(t, p.Undo(t.Context()))
	s.refused(t, p.Blob, s.code(0), onetime.ErrUsed)
	for _, ticket := range [][]byte{nil, []byte("x"), append([]byte("x"), p.UndoTicket()...)} {
		rig.Invalid(t, s.UndoTicket(t.Context(), ticket), "factor: UndoTicket: want what UndoTicket of a Proof returned, of this purpose and these keys")
	}
	rig.Invalid(t, s.Factors.Manager().UndoTicket(t.Context(), p.UndoTicket()), "onetime: UndoTicket: want what Verification.UndoTicket returned, of this purpose and these keys")
}

func TestRule13_AFormThatIsSentTwiceVerifiesOnce(t *testing.T) {
	s := onMini(t)
	blob, form := s.app(t), onetime.Idempotent("a nonce of the form, and a session")
	first := s.must(t, blob, s.code(0), form)
	require.False(t, first.Repeated)
	for _, blob := range [][]byte{blob, first.Blob} {
		again := s.must(t, blob, s.code(0), form)
		require.True(t, again.Repeated)
		require.Equal(t, first.Call(), again.Call())
		s.refused(t, blob, s.code(0), onetime.ErrUsed, onetime.Idempotent("another nonce of another form"))
	}
	rig.Refused(t, first.Undo(t.Context()), onetime.ErrUsed)
	_, err := s.verify(t, blob, s.code(0), onetime.WithBinding("a session"))
	rig.Invalid(t, err, "onetime: WithBinding on factor.Verify: a factor has no challenge to bind")
	_, err = s.verify(t, blob, s.code(0), onetime.WithSubject("x"))
	require.ErrorIs(t, err, onetime.ErrInvalid)
}

// Of Redis's commands it is one, whatever the number of blobs.
func TestVerify_IsOneCommand(t *testing.T) {
	b := rig.NewMini(t, time.Unix(1_800_000_000, 0))
	counted := &counter{Scripter: b.Client}
	copied := *b
	copied.Client = counted
	s := newScene(t, &copied, mustKeys(t, sealing))
	s.must(t, s.app(t), s.code(0)) // Redis knows the script
	counted.n.Store(0)
	_, err := s.Verify(t.Context(), alice, s.code(1), [][]byte{s.app(t), s.app(t), s.app(t)})
	require.NoError(t, err)
	s.refused(t, s.app(t), s.wrong(t, 1), onetime.ErrMismatch)
	require.EqualValues(t, 2, counted.n.Load())
}

// A counter counts the scripts that run.
type counter struct {
	redis.Scripter
	n atomic.Int64
}

func (c *counter) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	c.n.Add(1)
	return c.Scripter.EvalSha(ctx, sha, keys, args...)
}

func (c *counter) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	c.n.Add(1)
	return c.Scripter.Eval(ctx, script, keys, args...)
}
