package factor_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
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

// RFC 4226 appendix D.
func TestVerify_VectorsOfRFC4226(t *testing.T) {
	s := onMini(t)
	imported, err := s.ImportKey(alice, apps, factor.WithCounter(0))
	require.NoError(t, err)
	blob := imported.Blob
	for counter, code := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		p := s.must(t, blob, code)
		require.Equal(t, onetime.KindHOTP, p.Kind)
		require.Zero(t, p.Drift)
		require.Equal(t, code, hotp(factor.SHA1, apps, 6, int64(counter)))
		blob = p.Blob
	}
}

// RFC 6238 appendix B: 6 times of 3 algorithms.
func TestVerify_VectorsOfRFC6238(t *testing.T) {
	seed := "1234567890123456789012345678901234567890123456789012345678901234"
	for unix, codes := range map[int64][3]string{
		59:          {"94287082", "46119246", "90693936"},
		1111111109:  {"07081804", "68084774", "25091201"},
		1111111111:  {"14050471", "67062674", "99943326"},
		1234567890:  {"89005924", "91819424", "93441116"},
		2000000000:  {"69279037", "90698825", "38618901"},
		20000000000: {"65353130", "77737706", "47863826"},
	} {
		for algorithm, size := range []int{20, 32, 64} {
			now, options := time.Unix(unix, 0), []factor.ImportOption{factor.WithAlgorithm(factor.Algorithm(algorithm)), factor.WithDigits(8)}
			kind := onetime.KindTOTP
			if unix == 20000000000 { // beyond the time of miniredis: the step as a counter
				now, kind, options = time.Now(), onetime.KindHOTP, append(options, factor.WithCounter(unix/30))
			}
			s := newScene(t, rig.NewMini(t, now), mustKeys(t, sealing), factor.WithWindow(0, 0))
			imported, err := s.ImportKey(alice, []byte(seed[:size]), options...)
			require.NoError(t, err)
			s.refused(t, imported.Blob, codes[(algorithm+1)%3], onetime.ErrMismatch)
			require.Equal(t, kind, s.must(t, imported.Blob, codes[algorithm]).Kind)
		}
	}
}

// oathtool (Debian) makes codes that verify, and takes those of a new enrolment's secret for right.
func TestVerify_OathtoolBothWays(t *testing.T) {
	if _, err := exec.LookPath("oathtool"); err != nil {
		t.Skip("left out: no oathtool on PATH")
	}
	oathtool := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "oathtool", args...).Output()
		require.NoError(t, err)
		return strings.TrimSpace(string(out))
	}
	s := onMini(t)
	at := "@" + strconv.FormatInt(s.Now.Unix(), 10)
	e, err := s.EnrollTOTP(alice, "alice@example.com")
	require.NoError(t, err)
	code := oathtool("--totp", "-b", e.Secret, "-N", at)
	p, err := s.Confirm(t.Context(), alice, e.Blob, code)
	require.NoError(t, err)
	s.Advance(t, time.Minute)
	at = "@" + strconv.FormatInt(s.Now.Unix(), 10)
	s.must(t, p.Blob, oathtool("--totp", "-b", e.Secret, "-N", at))

	for _, c := range []struct {
		algorithm factor.Algorithm
		digits    int
		period    time.Duration
	}{{factor.SHA1, 6, 30 * time.Second}, {factor.SHA256, 8, time.Minute}, {factor.SHA512, 7, 15 * time.Second}} {
		imported, err := s.ImportKey(alice, apps, factor.WithAlgorithm(c.algorithm), factor.WithDigits(c.digits), factor.WithPeriod(c.period))
		require.NoError(t, err)
		if c.digits == 7 { // oathtool makes 6 and 8
			continue
		}
		s.must(t, imported.Blob, oathtool("--totp="+c.algorithm.String(), "-d", strconv.Itoa(c.digits), "-s", c.period.String(),
			"-N", at, fmt.Sprintf("%x", apps)))
	}

	// Our codes, found by oathtool within its window.
	require.Equal(t, "0", oathtool("--totp", "-N", at, fmt.Sprintf("%x", apps), s.code(0)))
	counts, err := s.EnrollHOTP(alice, "token")
	require.NoError(t, err)
	hp, err := s.Confirm(t.Context(), alice, counts.Blob, oathtool("--hotp", "-b", "-c", "0", counts.Secret))
	require.NoError(t, err)
	s.must(t, hp.Blob, oathtool("--hotp", "-b", "-c", "6", counts.Secret))
}

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

func TestRule15_AStepBelowTheLastIsUsed(t *testing.T) {
	s := onMini(t)
	blob := s.app(t)
	p := s.must(t, blob, s.code(1))
	require.Equal(t, 1, p.Drift)
	for _, blob := range [][]byte{blob, p.Blob} {
		s.refused(t, blob, s.code(0), onetime.ErrUsed)
		s.refused(t, blob, s.code(-1), onetime.ErrUsed)
		s.refused(t, blob, s.code(1), onetime.ErrUsed)
	}
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
	s := onMini(t)
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

func TestVerify_OneSecretInTwoBlobsIsOne(t *testing.T) {
	s := onMini(t)
	one, two := s.app(t), s.app(t)
	require.NotEqual(t, one, two)
	p, err := s.Verify(t.Context(), alice, s.code(0), [][]byte{one, two})
	require.NoError(t, err)
	require.Equal(t, 0, p.Index)
	s.refused(t, two, s.code(0), onetime.ErrUsed)
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

func TestVerify_ClocksUpTo90SecondsApartAreDecidedByRedis(t *testing.T) {
	for _, period := range []time.Duration{15 * time.Second, 30 * time.Second, 60 * time.Second} {
		for _, apart := range []time.Duration{-89 * time.Second, -31 * time.Second, 0, 31 * time.Second, 89 * time.Second} {
			for beside := int64(-2); beside <= 2; beside++ {
				for _, into := range []time.Duration{0, period - time.Millisecond} {
					s := onMini(t)
					s.Advance(t, into)
					blob := s.app(t, factor.WithPeriod(period))
					s.local.set(apart)
					code := hotp(factor.SHA1, apps, 6, s.Now.Unix()/int64(period.Seconds())+beside)
					p, err := s.verify(t, blob, code)
					if -1 <= beside && beside <= 1 {
						require.NoError(t, err, "%s, %s apart, %d", period, apart, beside)
						require.EqualValues(t, beside, p.Drift)
						s.refused(t, blob, code, onetime.ErrUsed)
						continue
					}
					rig.Refused(t, err, onetime.ErrMismatch)
				}
			}
		}
	}
}

func TestVerify_ClocksFurtherApartAreUndecidedAndUncharged(t *testing.T) {
	for _, period := range []time.Duration{15 * time.Second, 30 * time.Second, 60 * time.Second} {
		for _, apart := range []time.Duration{-160 * time.Second, -91 * time.Second, 91 * time.Second, 160 * time.Second} {
			s := onMini(t)
			blob := s.app(t, factor.WithPeriod(period))
			s.local.set(apart)
			for _, code := range []string{hotp(factor.SHA1, apps, 6, s.Now.Unix()/int64(period.Seconds())), "000000"} {
				_, err := s.verify(t, blob, code)
				rig.Undecided(t, err)
				require.ErrorIs(t, err, factor.ErrClock)
			}
			require.Empty(t, s.Records(t))
		}
	}
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

func TestVerify_CountersLookAheadAndNoFurther(t *testing.T) {
	for _, ahead := range []int{1, 5, 20} {
		s := onMini(t, factor.WithLookAhead(ahead))
		imported, err := s.ImportKey(alice, apps, factor.WithCounter(100))
		require.NoError(t, err)
		code := func(counter int) string { return hotp(factor.SHA1, apps, 6, int64(counter)) }
		s.refused(t, imported.Blob, code(100+ahead+1), onetime.ErrMismatch)
		p := s.must(t, imported.Blob, code(100+ahead))
		require.Equal(t, ahead, p.Drift)
		s.refused(t, p.Blob, code(100+ahead), onetime.ErrUsed)
		s.refused(t, p.Blob, code(100+ahead-1), onetime.ErrUsed)
		s.refused(t, imported.Blob, code(100), onetime.ErrUsed)
		require.NoError(t, s.Raw.FlushAll(t.Context()).Err())
		s.refused(t, p.Blob, code(100+ahead), onetime.ErrUsed)
		s.must(t, p.Blob, code(100+ahead+1))
	}
}

func TestResync_TwoConsecutiveCodesWithinAHundred(t *testing.T) {
	s := onMini(t)
	imported, err := s.ImportKey(alice, apps, factor.WithCounter(7))
	require.NoError(t, err)
	resync := func(blob []byte, first, second int64) (factor.Proof, error) {
		return s.Resync(t.Context(), alice, blob, hotp(factor.SHA1, apps, 6, first), hotp(factor.SHA1, apps, 6, second))
	}
	for _, wrong := range [][2]int64{{108, 109}, {50, 52}, {51, 50}, {50, 50}, {6, 7}, {5, 6}} {
		_, err := resync(imported.Blob, wrong[0], wrong[1])
		rig.Refused(t, err, onetime.ErrMismatch)
	}
	require.Equal(t, 6, rig.MustStatus(t, s.Factors.Manager(), alice).Failures, "each pair is charged as one code")
	p, err := resync(imported.Blob, 107, 108)
	require.NoError(t, err)
	require.Equal(t, 101, p.Drift)
	require.Zero(t, rig.MustStatus(t, s.Factors.Manager(), alice).Failures)
	s.must(t, p.Blob, hotp(factor.SHA1, apps, 6, 109))
	_, err = resync(imported.Blob, 107, 108)
	rig.Refused(t, err, onetime.ErrUsed)
	_, err = s.Resync(t.Context(), alice, s.app(t), "123456", "234567")
	rig.Invalid(t, err, "factor: Resync: want the blob of a token that counts")
	_, err = s.Resync(t.Context(), alice, p.Blob, "123456", "x")
	rig.Refused(t, err, onetime.ErrMalformed)
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
