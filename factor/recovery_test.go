package factor_test

import (
	"errors"
	"fmt"
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

func (s *scene) codes(t testing.TB, n int) factor.Codes {
	t.Helper()
	codes, err := s.RecoveryCodes(alice, n)
	require.NoError(t, err)
	return codes
}

func (s *scene) recover(t testing.TB, blob []byte, code string, opts ...onetime.VerifyOption) (factor.Proof, error) {
	t.Helper()
	return s.VerifyRecovery(t.Context(), alice, code, blob, opts...)
}

func TestRecoveryCodes_EachVerifiesOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		codes := s.codes(t, 16)
		blob := codes.Blob
		for i, code := range codes.Codes {
			require.Regexp(t, `^[0-9A-F](-[0-9A-HJKMNP-TV-Z]{4}){4}$`, code)
			p, err := s.recover(t, blob, code)
			require.NoError(t, err)
			require.Equal(t, onetime.KindRecovery, p.Kind)
			require.Equal(t, 15-i, p.Left)
			info, err := s.Inspect(alice, p.Blob)
			require.NoError(t, err)
			require.Equal(t, p.Left, info.Left)
			for _, blob := range [][]byte{codes.Blob, p.Blob} {
				_, err := s.recover(t, blob, code)
				rig.Refused(t, err, onetime.ErrUsed)
			}
			blob = p.Blob
		}
		require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
		for _, code := range codes.Codes {
			_, err := s.recover(t, blob, code)
			rig.Refused(t, err, onetime.ErrUsed)
		}
	})
}

func TestRecoveryCodes_TypedAsPeopleType(t *testing.T) {
	s := onMini(t)
	for i, spell := range []func(string) string{
		strings.ToLower,
		func(code string) string { return strings.ReplaceAll(code, "-", "") },
		func(code string) string { return strings.ReplaceAll(code, "-", " ") },
		func(code string) string { return " " + strings.ReplaceAll(strings.ToLower(code), "0", "o") + "\n" },
		func(code string) string { return strings.ReplaceAll(code, "1", "l") },
	} {
		codes := s.codes(t, 10)
		_, err := s.recover(t, codes.Blob, spell(codes.Codes[i]))
		require.NoError(t, err)
	}
}

func TestRule15_OneOfTwoHundredParallelCopiesOfARecoveryCode(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		codes := s.codes(t, 10)
		var won, used atomic.Int64
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				_, err := s.VerifyRecovery(t.Context(), alice, codes.Codes[3], codes.Blob)
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

func TestRecoveryCodes_OutOfRangeOrOfAnotherSetAreWrong(t *testing.T) {
	s := onMini(t)
	codes, others := s.codes(t, 3), s.codes(t, 16)
	for _, first := range "3456789ABCDEFGHZ" {
		_, err := s.recover(t, codes.Blob, string(first)+codes.Codes[0][1:])
		require.Zero(t, rig.Refused(t, err, onetime.ErrMismatch).RetryAfter)
	}
	for _, code := range append(others.Codes, "1"+codes.Codes[0][1:]) {
		_, err := s.recover(t, codes.Blob, code)
		rig.Refused(t, err, onetime.ErrMismatch)
	}
	for _, malformed := range []string{"", "123456", codes.Codes[0] + "0", codes.Codes[0][1:], strings.Repeat("0", 600)} {
		_, err := s.recover(t, codes.Blob, malformed)
		rig.Refused(t, err, onetime.ErrMalformed)
	}
	_, err := s.recover(t, s.app(t), codes.Codes[0])
	rig.Invalid(t, err, "factor: VerifyRecovery: want a blob of recovery codes")
	for _, n := range []int{-1, 0, 17} {
		_, err := s.RecoveryCodes(alice, n)
		rig.Invalid(t, err, fmt.Sprintf("factor: RecoveryCodes(%d): want 1 to 16", n))
	}
	require.Empty(t, s.Records(t))
}

func TestRecoveryCodes_WrongOnesNeverReachRedis(t *testing.T) {
	m := rig.Offline(t)
	f, err := factor.New(m, mustKeys(t, sealing), "Example")
	require.NoError(t, err)
	codes, err := f.RecoveryCodes(alice, 10)
	require.NoError(t, err)
	wrong := 10_000
	if testing.Short() {
		wrong = 500
	}
	for i := range wrong {
		_, err := f.VerifyRecovery(t.Context(), alice, fmt.Sprintf("%X%016d", i%10, i), codes.Blob)
		require.ErrorIs(t, err, onetime.ErrMismatch)
	}
}

func TestRecoveryCodes_NoLimitAppliesToThem(t *testing.T) {
	s := onMini(t)
	for i := range 10 {
		s.refused(t, s.app(t), s.wrong(t, i), onetime.ErrMismatch)
	}
	s.refused(t, s.app(t), s.code(0), onetime.ErrLocked)
	codes := s.codes(t, 2)
	_, err := s.recover(t, codes.Blob, codes.Codes[1])
	require.NoError(t, err)
	require.Equal(t, 10, rig.MustStatus(t, s.Factors.Manager(), alice).Failures, "and they set no failures back")
}

func TestRecoveryCodes_UndoBeforeTheWrite(t *testing.T) {
	s := onMini(t)
	codes := s.codes(t, 2)
	p, err := s.recover(t, codes.Blob, codes.Codes[0])
	require.NoError(t, err)
	require.NoError(t, p.Undo(t.Context()))
	again, err := s.recover(t, codes.Blob, codes.Codes[0])
	require.NoError(t, err)
	rig.Refused(t, p.Undo(t.Context()), onetime.ErrUsed)
	require.NoError(t, s.UndoTicket(t.Context(), again.UndoTicket()))
	_, err = s.recover(t, again.Blob, codes.Codes[0])
	rig.Refused(t, err, onetime.ErrUsed)
}

func TestImportRecovery_OldCodesVerifyOnceWithinTheLimits(t *testing.T) {
	everywhere(t, func(t *testing.T, s *scene) {
		old := []string{"abcd-1234", "Wxyz 98765", "12345678"}
		blob, err := s.ImportRecovery(alice, old)
		require.NoError(t, err)
		info, err := s.Inspect(alice, blob)
		require.NoError(t, err)
		require.True(t, info.Weak)
		require.Equal(t, 3, info.Left)
		p, err := s.recover(t, blob, "ABCD1234")
		require.NoError(t, err)
		require.Equal(t, 2, p.Left)
		for _, blob := range [][]byte{blob, p.Blob} {
			_, err = s.recover(t, blob, "abcd-1234")
			rig.Refused(t, err, onetime.ErrUsed)
		}
		_, err = s.recover(t, p.Blob, "x")
		rig.Refused(t, err, onetime.ErrMalformed)
		for i := range 10 {
			_, err = s.recover(t, p.Blob, fmt.Sprintf("wrong-%06d", i))
			require.Equal(t, 9-i, rig.Refused(t, err, onetime.ErrMismatch).AttemptsLeft)
		}
		_, err = s.recover(t, p.Blob, "12345678")
		require.Positive(t, rig.Refused(t, err, onetime.ErrLocked).RetryAfter)
	})
}

func TestImportRecovery_RefusesWhatCannotBeRight(t *testing.T) {
	s := onMini(t)
	for want, codes := range map[string][]string{
		"factor: ImportRecovery: 0 codes: want 1 to 16":           nil,
		"factor: ImportRecovery: 17 codes: want 1 to 16":          make([]string, 17),
		"factor: ImportRecovery: code 2: want 6 to 64 characters": {"123456", "1-2-3-4-5"},
		"factor: ImportRecovery: code 1: want 6 to 64 characters": {strings.Repeat("x", 65)},
		"factor: ImportRecovery: code 2 stands there twice":       {"abcdef", "ABC-DEF"},
	} {
		_, err := s.ImportRecovery(alice, codes)
		rig.Invalid(t, err, want)
	}
	_, err := s.ImportRecovery("", []string{"123456"})
	require.ErrorIs(t, err, onetime.ErrInvalid)
	_, err = s.RecoveryCodes("", 3)
	require.ErrorIs(t, err, onetime.ErrInvalid)
}

func TestRule13_ARecoveryFormThatIsSentTwice(t *testing.T) {
	s := onMini(t)
	codes, form := s.codes(t, 2), onetime.Idempotent("a nonce of the form, and a session")
	first, err := s.recover(t, codes.Blob, codes.Codes[0], form)
	require.NoError(t, err)
	again, err := s.recover(t, first.Blob, codes.Codes[0], form)
	require.NoError(t, err)
	require.True(t, again.Repeated)
	require.Equal(t, 1, again.Left)
	s.Advance(t, time.Minute+time.Millisecond)
	_, err = s.recover(t, first.Blob, codes.Codes[0], form)
	rig.Refused(t, err, onetime.ErrUsed)
}
