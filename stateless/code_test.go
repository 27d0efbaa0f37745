package stateless_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/stateless"
)

func TestCode_ProvesTheSubjectItWasMadeFor(t *testing.T) {
	m, clock := manager(t)
	c := code(t, m)
	require.Regexp(t, `^[0-9A-HJKMNP-TV-Z]{13}$`, c.Code)
	require.Empty(t, c.Handle)
	require.Equal(t, 10*time.Minute, c.ExpiresIn)
	proof, err := verify(t, m, c.Code)
	require.NoError(t, err)
	require.Equal(t, stateless.Proof{Subject: alice, Purpose: "sign-in", ID: c.ID, Until: clock.Now().Add(10 * time.Minute)}, proof)
	require.Regexp(t, `^[A-Za-z0-9_-]{22}$`, c.ID)
}

// Whatever differs, and however parts could run into each other, is another code and another use.
func TestCode_FramingKeepsPartsApart(t *testing.T) {
	m, _ := manager(t, stateless.WithNormalizer(nil))
	type parts struct{ purpose, subject, binding string }
	all := []parts{
		{"a", "ab", "c"}, {"a", "a", "bc"}, {"a", "abc", ""}, {"aa", "b", "c"}, {"aab", "c", ""}, {"a", "ab", "c "}, {"a", "ab:c", ""}, {"a", "ab\u00a0c", ""},
		{"a", "c", "ab"}, {"a", "AB", "c"}, {"a", "ab", "C"},
	}
	codes, ids := map[string]parts{}, map[string]parts{}
	for _, p := range all {
		c, err := m.Code(p.purpose, p.subject, p.binding)
		require.NoError(t, err)
		require.NotContains(t, codes, c.Code, "%v", p)
		require.NotContains(t, ids, c.ID, "%v", p)
		codes[c.Code], ids[c.ID] = p, p
	}
	for _, p := range all {
		for c, of := range codes {
			_, err := m.Verify(t.Context(), p.purpose, p.subject, p.binding, c)
			if of == p {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, stateless.ErrMismatch, "%v shown as %v", of, p)
			}
		}
	}
}

func TestCode_ManagersOfAnotherFormHaveNothingInCommon(t *testing.T) {
	clock := newClock()
	plain := managerAt(t, clock)
	minutes := managerAt(t, clock, stateless.WithWindow(time.Minute, 9))
	var judged []stateless.Attempt
	watch := stateless.WithDigits(6, guardFunc(func(a stateless.Attempt) error { judged = append(judged, a); return nil }))
	six, seven := managerAt(t, clock, watch), managerAt(t, clock, stateless.WithDigits(7, guard(t, 10)))
	ids := map[string]bool{}
	for _, m := range []*stateless.Manager{plain, minutes, six, seven} {
		ids[code(t, m).ID] = true
	}
	require.Len(t, ids, 4)
	// A window of 1 min that has the number of one of 5 min.
	require.NotEqual(t, code(t, plain).Code, code(t, managerAt(t, atUnix(clock.Now().Unix()/300*60), stateless.WithWindow(time.Minute, 1))).Code)
	require.False(t, strings.HasSuffix(code(t, seven).Code, code(t, six).Code))
	_, err := verify(t, six, code(t, six).Code, stateless.WithHandle(code(t, seven).Handle))
	require.ErrorIs(t, err, stateless.ErrNotFound, "a handle of another form")
	require.Empty(t, judged)
}

func TestCode_BothEdgesOf600Seconds(t *testing.T) {
	m, clock := manager(t)
	first := code(t, m)
	clock.advance(5*time.Minute - time.Millisecond)
	require.Equal(t, first.Code, code(t, m).Code, "one code in a window")
	require.Equal(t, 5*time.Minute+time.Millisecond, code(t, m).ExpiresIn)
	clock.advance(time.Millisecond)
	require.NotEqual(t, first.Code, code(t, m).Code)
	clock.advance(5*time.Minute - time.Millisecond)
	_, err := verify(t, m, first.Code)
	require.NoError(t, err, "599.999 s after the start of its window")
	clock.advance(time.Millisecond)
	_, err = verify(t, m, first.Code)
	require.ErrorIs(t, err, stateless.ErrMismatch, "600 s after the start of its window")
}

func TestCode_OfAFutureWindowVerifiesWithinTheSkewOnly(t *testing.T) {
	clock, ahead := newClock(), newClock()
	m, issuer := managerAt(t, clock), managerAt(t, ahead)
	ahead.advance(5 * time.Minute)
	coming := code(t, issuer)
	clock.advance(5*time.Minute - 10*time.Second - time.Millisecond)
	_, err := verify(t, m, coming.Code)
	require.ErrorIs(t, err, stateless.ErrMismatch, "10.001 s ahead")
	clock.advance(time.Millisecond)
	proof, err := verify(t, m, coming.Code)
	require.NoError(t, err, "10 s ahead")
	require.Equal(t, ahead.Now().Add(10*time.Minute), proof.Until)
	ahead.advance(5 * time.Minute)
	_, err = verify(t, m, code(t, issuer).Code)
	require.ErrorIs(t, err, stateless.ErrMismatch, "a window ahead")
	// With the shortest window 10 s are not two windows.
	short := managerAt(t, newClock(), stateless.WithWindow(30*time.Second, 0))
	later := newClock()
	later.advance(time.Minute)
	_, err = verify(t, short, code(t, managerAt(t, later, stateless.WithWindow(30*time.Second, 0))).Code)
	require.ErrorIs(t, err, stateless.ErrMismatch)
}

func TestWithWindow_PreviousWindowsVerifyAndNoMore(t *testing.T) {
	for previous := range 4 {
		m, clock := manager(t, stateless.WithWindow(2*time.Minute, previous))
		c := code(t, m)
		clock.advance(time.Duration(previous+1)*2*time.Minute - time.Millisecond)
		_, err := verify(t, m, c.Code)
		require.NoError(t, err, previous)
		clock.advance(time.Millisecond)
		_, err = verify(t, m, c.Code)
		require.ErrorIs(t, err, stateless.ErrMismatch, previous)
	}
}

// Everything here is derived from one key, so the counts are always the same.
func TestCode_LettersAndDigitsAreUniform(t *testing.T) {
	const codes = 1500
	for name, c := range map[string]struct {
		opts    []stateless.Option
		length  int
		letters string
	}{
		"13 letters": {nil, 13, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"},
		"6 digits":   {[]stateless.Option{stateless.WithDigits(6, guard(t, 10))}, 6, "0123456789"},
		"10 digits":  {[]stateless.Option{stateless.WithDigits(10, guard(t, 10))}, 10, "0123456789"},
	} {
		m, _ := manager(t, c.opts...)
		counts := make([]map[rune]int, c.length)
		for n := range codes {
			made, err := m.Code("sign-in", fmt.Sprint("account-", n), "")
			require.NoError(t, err)
			require.Len(t, made.Code, c.length)
			for place, letter := range made.Code {
				if counts[place] == nil {
					counts[place] = map[rune]int{}
				}
				counts[place][letter]++
			}
		}
		for place, count := range counts {
			chi, want := 0.0, float64(codes)/float64(len(c.letters))
			for _, letter := range c.letters {
				chi += math.Pow(float64(count[letter])-want, 2) / want
			}
			free := float64(len(c.letters) - 1)
			require.Less(t, chi, free+5*math.Sqrt(2*free), "%s: place %d", name, place)
		}
	}
}

func TestProof_SpellingsOfSubjectAndCodeAreOneUse(t *testing.T) {
	m, _ := manager(t)
	c := code(t, m)
	for _, subject := range []string{alice, "Alice@Example.COM", " alice@example.com ", "<alice@example.com>", "mailto:alice@example.com", "\uff21lice@example.com", "Alice <alice@example.com>"} {
		same, err := m.Code("sign-in", subject, "session")
		require.NoError(t, err, subject)
		require.Equal(t, c.Code, same.Code, subject)
		for _, typed := range []string{c.Code, strings.ToLower(c.Code), c.Code[:5] + "-" + c.Code[5:], " " + c.Code + ". ", strings.NewReplacer("0", "o", "1", "l").Replace(c.Code), "Your code is " + c.Code[:4] + "\u2011" + c.Code[4:]} {
			proof, err := m.Verify(t.Context(), "sign-in", subject, "session", typed)
			if strings.HasPrefix(typed, "Your") && err != nil {
				continue // a sentence may hold more than one word that could be it
			}
			require.NoError(t, err, typed)
			require.Equal(t, c.ID, proof.ID)
			require.Equal(t, alice, proof.Subject, "the one to act on")
		}
	}
	phone, err := m.Code("sign-in", "+49 30 123456", "")
	require.NoError(t, err)
	proof, err := m.Verify(t.Context(), "sign-in", "0049 (30) 123456", "", phone.Code)
	require.ErrorIs(t, err, stateless.ErrMismatch, "00 is + where somebody says so only, as in package onetime")
	proof, err = m.Verify(t.Context(), "sign-in", "+49-30-123456", "", phone.Code)
	require.NoError(t, err)
	require.Equal(t, "+4930123456", proof.Subject)
}

func TestVerify_RefusedWithAReason(t *testing.T) {
	m, _ := manager(t)
	c := code(t, m)
	for typed, want := range map[string]error{
		other(c.Code): stateless.ErrMismatch, c.Code[1:]: stateless.ErrMalformed, c.Code + "0": stateless.ErrMalformed, "": stateless.ErrMalformed,
		"U" + c.Code[1:]: stateless.ErrMalformed, strings.Repeat("0", 1<<20): stateless.ErrMalformed, "\xff": stateless.ErrMalformed,
	} {
		proof, err := verify(t, m, typed)
		require.ErrorIs(t, err, want)
		require.Zero(t, proof)
	}
	_, err := m.Verify(t.Context(), "reset", alice, "session", c.Code)
	require.ErrorIs(t, err, onetime.ErrMismatch, "the reasons are those of package onetime")
	_, err = m.Verify(t.Context(), "sign-in", alice, "", c.Code)
	require.ErrorIs(t, err, stateless.ErrMismatch, "another requester")
	_, err = m.Verify(t.Context(), "sign-in", bob, "session", c.Code)
	require.ErrorIs(t, err, stateless.ErrMismatch)
}

func TestWithPreviousKeys_ARotationLosesNoCodeAndNoLink(t *testing.T) {
	clock := newClock()
	at := func(key []byte, previous ...[]byte) *stateless.Manager {
		m, err := stateless.New(key, stateless.WithClock(clock.Now), stateless.WithPreviousKeys(previous...))
		require.NoError(t, err)
		return m
	}
	steps := []*stateless.Manager{at(key("o")), at(key("o"), key("n")), at(key("n"), key("o")), at(key("n"))}
	for n, issuer := range steps {
		c := code(t, issuer)
		link, err := issuer.Link(base, "confirm", alice, time.Hour)
		require.NoError(t, err)
		_, token, _ := strings.Cut(link, "token=")
		for _, verifier := range steps[max(0, n-1):min(len(steps), n+2)] {
			proof, err := verify(t, verifier, c.Code)
			require.NoError(t, err)
			require.Equal(t, c.ID, proof.ID)
			_, err = verifier.OpenLink("confirm", token)
			require.NoError(t, err)
		}
	}
	_, err := verify(t, steps[3], code(t, steps[0]).Code)
	require.ErrorIs(t, err, stateless.ErrMismatch)
}

func TestNew_BadInput(t *testing.T) {
	for want, opts := range map[string][]stateless.Option{
		"WithDigits(5): want 6 to 10":                                    {stateless.WithDigits(5, guard(t, 10))},
		"WithDigits(11): want 6 to 10":                                   {stateless.WithDigits(11, guard(t, 10))},
		"WithDigits: want a Guard: without one 6 digits are guessed":     {stateless.WithDigits(6, nil)},
		"WithWindow(29s): want 30s to 10m0s in whole seconds":            {stateless.WithWindow(29*time.Second, 1)},
		"WithWindow(10m1s): want 30s to 10m0s in whole seconds":          {stateless.WithWindow(10*time.Minute+time.Second, 0)},
		"WithWindow(1m0.5s): want 30s to 10m0s in whole seconds":         {stateless.WithWindow(60500*time.Millisecond, 0)},
		"WithWindow(5m0s, 2): want 0 to 9 previous windows, and no more": {stateless.WithWindow(5*time.Minute, 2)},
		"WithWindow(5m1s, 1): want 0 to 9 previous windows, and no more": {stateless.WithWindow(5*time.Minute+time.Second, 1)},
		"WithWindow(30s, 10): want 0 to 9 previous":                      {stateless.WithWindow(30*time.Second, 10)},
		"WithWindow(1m0s, -1): want 0 to 9 previous":                     {stateless.WithWindow(time.Minute, -1)},
		"WithClock: want a clock":                                        {stateless.WithClock(nil)},
		"key 2 of the ring has 31 bytes: want at least 32":               {stateless.WithPreviousKeys(key("p")[:31])},
		"keys 1 and 2 of the ring are the same":                          {stateless.WithPreviousKeys(key("k"))},
		"WithPreviousKeys: 8 keys: want at most 7":                       {stateless.WithPreviousKeys(key("1"), key("2"), key("3"), key("4"), key("5"), key("6"), key("7"), key("8"))},
	} {
		m, err := stateless.New(key("k"), opts...)
		require.ErrorIs(t, err, stateless.ErrInvalid, want)
		require.ErrorContains(t, err, "stateless: "+want)
		require.Nil(t, m)
	}
	_, err := stateless.New(key("k")[:31], stateless.WithDigits(5, nil), stateless.WithWindow(0, 0))
	for _, part := range []string{"the key has 31 bytes: want at least 32", "WithDigits(5)", "WithWindow(0s)"} {
		require.ErrorContains(t, err, part, "all that is wrong is told at once")
	}
	for _, n := range []int{-1, 0, 101} {
		_, err := stateless.NewGuard(n)
		require.ErrorIs(t, err, stateless.ErrInvalid)
		require.EqualError(t, err, fmt.Sprintf("stateless: NewGuard(%d): want 1 to 100", n))
	}
}

func TestBadInput_NamesTheLimitAndNobody(t *testing.T) {
	m, _ := manager(t, stateless.WithNormalizer(func(s string) (string, error) {
		if s == "refused" {
			return "", errors.New("refused because of " + alice)
		}
		return s, nil
	}))
	for want, c := range map[string][3]string{
		"purpose: want 1 to 64 characters": {"Sign In", alice, ""}, "subject: 0 bytes: want 1 to 512": {"sign-in", "", ""}, "subject: 513 bytes: want 1 to 512": {"sign-in", strings.Repeat("a", 513), ""},
		"subject: want valid UTF-8 without control": {"sign-in", "a\n", ""}, "subject: want valid UTF-8": {"sign-in", "\xff", ""}, "subject: refused by the normaliser": {"sign-in", "refused", ""},
		"binding: 513 bytes: want at most 512": {"sign-in", alice, strings.Repeat("b", 513)},
	} {
		_, err := m.Code(c[0], c[1], c[2])
		require.ErrorIs(t, err, stateless.ErrInvalid, want)
		require.ErrorContains(t, err, "stateless: "+want)
		require.NotContains(t, err.Error(), alice)
		_, err = m.Verify(t.Context(), c[0], c[1], c[2], "0000000000000")
		require.ErrorIs(t, err, stateless.ErrInvalid, want)
	}
	_, err := verify(t, m, code(t, m).Code, stateless.WithHandle("x"))
	require.ErrorIs(t, err, stateless.ErrInvalid, "letters have no handle")
	digits, _ := manager(t, stateless.WithDigits(6, guard(t, 10)))
	_, err = verify(t, digits, code(t, digits).Code)
	require.ErrorIs(t, err, stateless.ErrInvalid, "digits want theirs")
}

func TestCodeAndProof_ShowNoSecretAndNobody(t *testing.T) {
	m, _ := manager(t, stateless.WithDigits(6, guard(t, 10)))
	c := code(t, m)
	proof, err := verify(t, m, c.Code, nil, stateless.WithHandle(c.Handle))
	require.NoError(t, err)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("in", "code", c, "proof", proof)
	text, err := json.Marshal([]any{c, proof})
	require.NoError(t, err)
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s", c, c, c, c), fmt.Sprintf("%v %+v %#v %s", proof, proof, proof, proof), log.String(), string(text)} {
		require.NotContains(t, shown, c.Code)
		require.NotContains(t, shown, c.Handle)
		require.NotContains(t, shown, alice)
		require.Contains(t, shown, c.ID)
	}
}

func TestStateless_LinksNoRedis(t *testing.T) {
	deps, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	for dep := range strings.FieldsSeq(string(deps)) {
		if domain, _, _ := strings.Cut(dep, "/"); strings.Contains(domain, ".") {
			require.Regexp(t, `^(github\.com/seed-3f7b73d1/onetime/|golang\.org/x/net/idna$|golang\.org/x/text/)`, dep)
		}
	}
	require.NotContains(t, string(deps), "redis")
}
