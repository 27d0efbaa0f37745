package factor_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestRule15_OneOfTwoHundredParallelCopiesOfARightCode(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		blob, code := s.app(t), s.code(0)
		var won, used atomic.Int64
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				_, err := s.Verify(t.Context(), alice, code, [][]byte{blob})
				if err == nil {
					won.Add(1)
				} else if errors.Is(err, onetime.ErrUsed) {
					used.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, won.Load())
		require.EqualValues(t, 199, used.Load())
	})
}

// Tests that show several steps to a server, whose clock goes on, have a window that busy machines keep.
var wide = factor.WithWindow(2, 2)

func TestRule15_AStepBelowTheLastIsUsed(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		blob, code := s.app(t), s.shown()
		p := s.must(t, blob, code(1))
		for _, blob := range [][]byte{blob, p.Blob} {
			for _, beside := range []int64{0, -1, 1} {
				s.refused(t, blob, code(beside), onetime.ErrUsed)
			}
		}
	}, wide)
	s := onMini(t)
	require.Equal(t, 1, s.must(t, s.app(t), s.code(1)).Drift)
}

// Redis was lost, the caller's write was lost, or nothing was: whatever was used verifies no more, of any kind of secret.
func TestRule15_NoReplayWhetherRedisOrTheWriteWasLost(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		imported, err := s.ImportKey(alice, []byte("the key of a token."), factor.WithCounter(7))
		require.NoError(t, err)
		codes, code := s.codes(t, 3), s.shown()
		pressed := hotp(factor.SHA1, []byte("the key of a token."), 6, 9)
		for name, c := range map[string]struct {
			blob   []byte
			verify func(blob []byte) (factor.Proof, error)
		}{
			"the step before": {s.app(t), func(blob []byte) (factor.Proof, error) { return s.verify(t, blob, code(-1)) }},
			"the step of now": {s.app(t), func(blob []byte) (factor.Proof, error) { return s.verify(t, blob, code(0)) }},
			"the step ahead":  {s.app(t), func(blob []byte) (factor.Proof, error) { return s.verify(t, blob, code(1)) }},
			"a counter":       {imported.Blob, func(blob []byte) (factor.Proof, error) { return s.verify(t, blob, pressed) }},
			"a recovery code": {codes.Blob, func(blob []byte) (factor.Proof, error) { return s.recover(t, blob, codes.Codes[1]) }},
		} {
			require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
			p, err := c.verify(c.blob)
			require.NoError(t, err, name)
			for _, blob := range [][]byte{c.blob, p.Blob} { // the write was lost, and was not
				_, err = c.verify(blob)
				rig.Refused(t, err, onetime.ErrUsed)
			}
			require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
			_, err = c.verify(p.Blob)
			rig.Refused(t, err, onetime.ErrUsed)
		}
	}, wide)
}

func TestRule15_NoReplayWithinOrAfterTheWindow(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second, 29 * time.Second, 31 * time.Second, 59 * time.Second, 61 * time.Second, 89 * time.Second, 10 * time.Minute} {
		for beside := int64(-1); beside <= 1; beside++ {
			for _, flushed := range []bool{false, true} {
				s := onMini(t)
				blob, code := s.app(t), s.code(beside)
				p := s.must(t, blob, code)
				if flushed {
					require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
					blob = p.Blob
				}
				s.Advance(t, after)
				_, err := s.verify(t, blob, code)
				require.ErrorIs(t, err, onetime.ErrDenied)
				_, err = s.verify(t, p.Blob, code)
				require.ErrorIs(t, err, onetime.ErrDenied)
			}
		}
	}
}

func TestRule15_ASpellingOfAUsedCodeIsUsed(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		blob, code := s.app(t), s.code(0)
		s.must(t, blob, " "+code[:3]+" "+code[3:]+"\n")
		fullWidth := strings.Map(func(r rune) rune { return r - '0' + '\uff10' }, code)
		for _, spelling := range []string{code, code[:3] + "-" + code[3:], fullWidth, " " + code, code[:3] + "\u00a0" + code[3:], "Your code: " + code} {
			s.refused(t, blob, spelling, onetime.ErrUsed)
		}
		for _, malformed := range []string{"", "12345", "1234567", "abcdef"} {
			s.refused(t, blob, malformed, onetime.ErrMalformed)
		}
		require.Zero(t, rig.MustStatus(t, s.Factors.Manager(), alice).Failures)
	}, wide)
}

// The first two steps that have the same digits under this key.
func TestRule15_TheSameDigitsInTwoStepsAreUsedOnce(t *testing.T) {
	const step = int64(910737)
	code := hotp(factor.SHA1, apps, 6, step)
	require.Equal(t, code, hotp(factor.SHA1, apps, 6, step+1))
	start := func() *scene {
		return newScene(t, rig.NewMini(t, time.Unix(step*30, 0)), mustKeys(t, sealing))
	}
	s := start()
	blob := s.app(t)
	p := s.must(t, blob, code)
	require.Equal(t, 1, p.Drift, "both are used up")
	s.Advance(t, 30*time.Second)
	s.refused(t, blob, code, onetime.ErrUsed)
	s.refused(t, p.Blob, code, onetime.ErrUsed)

	// The first is used before the second is in the window: the fresh one counts.
	s = newScene(t, rig.NewMini(t, time.Unix(step*30-30, 0)), mustKeys(t, sealing), factor.WithWindow(2, 1))
	blob = s.app(t)
	p = s.must(t, blob, code)
	require.Equal(t, 1, p.Drift)
	s.Advance(t, 60*time.Second)
	second := s.must(t, p.Blob, code)
	require.Equal(t, 0, second.Drift)
	s.refused(t, second.Blob, code, onetime.ErrUsed)
}
