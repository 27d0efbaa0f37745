package onetime_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

func TestVerifyOTP_TakesWhatPeopleType(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithAlphabet(onetime.Crockford32), onetime.WithCodeLength(8))
	otp, err := m.IssueOTP(t.Context(), "a")
	require.NoError(t, err)
	spelling := " " + strings.ToLower(otp.Code[:4]) + "\u2013\u200b" + strings.NewReplacer("0", "o", "1", "l").Replace(otp.Code[4:]) + "\u00a0\n"
	_, err = m.VerifyOTP(t.Context(), "a", spelling)
	require.NoError(t, err)
}

func TestVerifyOTP_MalformedCodeAsksNothingOfRedis(t *testing.T) {
	m := rig.Offline(t)
	for _, code := range []string{"", " ", "12345", "1234567", "abcdef", "12345\x00", "\xff", strings.Repeat("1", 65), strings.Repeat(" ", 507) + "123456",
		strings.Repeat("1", 1<<20)} {
		v, err := m.VerifyOTP(t.Context(), "alice@example.com", code)
		require.Equal(t, &onetime.DeniedError{Reason: onetime.ErrMalformed}, err)
		require.Equal(t, onetime.Verification{}, v)
	}
}

var alphabets = map[onetime.Alphabet]string{
	onetime.Digits:      "0123456789",
	onetime.Crockford32: "0123456789ABCDEFGHJKMNPQRSTVWXYZ",
}

func TestNewCode_HasTheLengthAndLettersOfThePolicy(t *testing.T) {
	for alphabet, letters := range alphabets {
		for n := 6; n <= 12; n++ {
			m := rig.Offline(t, onetime.WithAlphabet(alphabet), onetime.WithCodeLength(n))
			for range 100 {
				code := onetime.NewCode(m, "a", false)
				require.Len(t, code, n)
				require.Empty(t, strings.Trim(code, letters), code)
				clean, ok := clean(alphabet, code, n)
				require.True(t, ok)
				require.Equal(t, code, clean)
			}
		}
	}
}

// Chi-square over all letters and over those of each place. The bound is that of seven standard deviations (Wilson and
// Hilferty): of all comparisons together good randomness fails once in 10^10 runs. A remainder of a byte, where six digits come up 26 times in
// 256 and four 25 times, is seen.
func TestNewCode_IsUniform(t *testing.T) {
	const draws, length = 50_000, 12
	for alphabet, letters := range alphabets {
		m := rig.Offline(t, onetime.WithAlphabet(alphabet), onetime.WithCodeLength(length))
		var places [length][256]int
		var total, pairs [256]int
		seen := make(map[string]bool, draws)
		for range draws {
			code := onetime.NewCode(m, "a", false)
			seen[code] = true
			for i := range length {
				places[i][code[i]]++
				total[code[i]]++
			}
			a, b := strings.IndexByte(letters, code[0]), strings.IndexByte(letters, code[1])
			pairs[(b-a+len(letters))%len(letters)]++
		}
		if alphabet == onetime.Crockford32 {
			require.GreaterOrEqual(t, len(seen), draws-1, "codes of 2^60 were drawn twice")
		}
		freedom := float64(len(letters) - 1)
		bound := freedom * math.Pow(1-2/(9*freedom)+7*math.Sqrt(2/(9*freedom)), 3)
		chi := func(counts [256]int, of string, n int) (sum float64) {
			expected := float64(n) / float64(len(of))
			for _, c := range []byte(of) {
				d := float64(counts[c]) - expected
				sum += d * d / expected
			}
			return sum
		}
		require.Less(t, chi(total, letters, draws*length), bound)
		for i := range places {
			require.Less(t, chi(places[i], letters, draws), bound, "place %d", i)
		}
		var steps []byte
		for i := range letters {
			steps = append(steps, byte(i))
		}
		require.Less(t, chi(pairs, string(steps), draws), bound, "from one letter to the next")
	}
}

func fixed(codes map[string]string, until time.Time) onetime.Option {
	return onetime.WithDangerouslyFixedCodes(codes, until)
}

func soon() time.Time { return time.Now().Add(time.Hour) }

func TestFixedCodes_AreIssuedChargedAndUsedOnce(t *testing.T) {
	ctx := t.Context()
	m, clock := onetimetest.New(t, fixed(map[string]string{" Reviewer@Example.com": "424 242", "+1": "111111"}, soon()))
	_, err := m.VerifyOTP(ctx, "reviewer@example.com", "424242")
	rig.Refused(t, err, onetime.ErrNotFound)

	for _, subject := range []string{"reviewer@example.com", "REVIEWER@example.com"} {
		otp, err := m.IssueOTP(ctx, subject)
		require.NoError(t, err)
		require.Equal(t, "424242", otp.Code)
		_, err = m.IssueOTP(ctx, subject)
		rig.Refused(t, err, onetime.ErrThrottled)
		_, err = m.VerifyOTP(ctx, subject, "424243")
		require.Equal(t, 4, rig.Refused(t, err, onetime.ErrMismatch).AttemptsLeft)

		v, err := m.VerifyOTP(ctx, subject, "424242")
		require.NoError(t, err)
		require.True(t, v.FixedCode)
		require.Equal(t, "reviewer@example.com", v.Subject)
		_, err = m.VerifyOTP(ctx, subject, "424242")
		rig.Refused(t, err, onetime.ErrUsed)
		clock.Advance(time.Minute)
	}

	otp, err := m.IssueOTP(ctx, "+1")
	require.NoError(t, err)
	require.Equal(t, "111111", otp.Code)
	_, err = m.VerifyOTP(ctx, "+1", "424242")
	rig.Refused(t, err, onetime.ErrMismatch)
}

func TestFixedCodes_OfALink(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithLinkBase("https://example.com/"), fixed(map[string]string{"a": "424242"}, soon()))
	link, err := m.IssueLink(t.Context(), "a", onetime.WithCode())
	require.NoError(t, err)
	require.Equal(t, "424242", link.Code)
	v, err := m.VerifyToken(t.Context(), link.Token)
	require.NoError(t, err)
	require.False(t, v.FixedCode, "a token is never fixed")
	require.NoError(t, v.Undo(t.Context()))
	v, err = m.VerifyOTP(t.Context(), "a", link.Code)
	require.NoError(t, err)
	require.True(t, v.FixedCode)
}

func TestFixedCodes_OthersHaveRandomOnes(t *testing.T) {
	m, _ := onetimetest.New(t, fixed(map[string]string{"a": "424242424242"}, soon()), onetime.WithCodeLength(12))
	otp, err := m.IssueOTP(t.Context(), "b")
	require.NoError(t, err)
	require.NotEqual(t, "424242424242", otp.Code)
	v, err := m.VerifyOTP(t.Context(), "b", otp.Code)
	require.NoError(t, err)
	require.False(t, v.FixedCode)
}

func TestFixedCodes_NotForADecoy(t *testing.T) {
	m, _ := onetimetest.New(t, fixed(map[string]string{"a": "424242"}, soon()))
	otp, err := m.IssueOTP(t.Context(), "a", onetime.AsDecoy())
	require.NoError(t, err)
	require.Empty(t, otp.Code)
	_, err = m.VerifyOTP(t.Context(), "a", "424242")
	require.Equal(t, 4, rig.Refused(t, err, onetime.ErrMismatch).AttemptsLeft)
}

// In a bubble of synctest the local clock stands still until it is slept on.
func TestFixedCodes_RandomFromTheEndOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const code = "424242424242"
		m := rig.Offline(t, fixed(map[string]string{"a": code}, soon()), onetime.WithCodeLength(12))
		require.Equal(t, code, onetime.NewCode(m, "a", false))
		require.NotEqual(t, code, onetime.NewCode(m, "a", true), "a decoy")
		time.Sleep(time.Hour - 1)
		require.Equal(t, code, onetime.NewCode(m, "a", false))
		time.Sleep(time.Nanosecond)
		require.NotEqual(t, code, onetime.NewCode(m, "a", false))
	})
}

func TestFixedCodes_EndAtMost30DaysAhead(t *testing.T) {
	const month = 30 * 24 * time.Hour
	const want = "onetime: WithDangerouslyFixedCodes: want an end at most 720h0m0s ahead"
	synctest.Test(t, func(t *testing.T) {
		for until, want := range map[time.Time]string{
			time.Now().Add(month):          "",
			time.Now().Add(month + 1):      want,
			time.Now().AddDate(1000, 0, 0): want,
			time.Now():                     "",
			time.Now().Add(-1000 * month):  "",
			time.Now().Add(month).In(time.FixedZone("east", 14*3600)): "",
			{}: want,
		} {
			_, err := onetime.New(rig.Untouched{T: t}, onetimetest.Key, fixed(map[string]string{"a": "424242"}, until))
			if want == "" {
				require.NoError(t, err)
				continue
			}
			rig.Invalid(t, err, want)
		}
	})
}

func TestFixedCodes_OverBeforeTheyBegan(t *testing.T) {
	m, _ := onetimetest.New(t, fixed(map[string]string{"a": "424242424242"}, time.Now().Add(-time.Hour)), onetime.WithCodeLength(12))
	otp, err := m.IssueOTP(t.Context(), "a")
	require.NoError(t, err)
	require.NotEqual(t, "424242424242", otp.Code)
	_, err = m.VerifyOTP(t.Context(), "a", "424242424242")
	rig.Refused(t, err, onetime.ErrMismatch)
	v, err := m.VerifyOTP(t.Context(), "a", otp.Code)
	require.NoError(t, err)
	require.False(t, v.FixedCode)
}

func TestFixedCodes_WrongOnesAreRefusedWithoutTellingThem(t *testing.T) {
	const subject, code = "alice@example.com", "424242"
	const codes = "onetime: WithDangerouslyFixedCodes: want codes of 6 characters of the alphabet"
	const key = "onetime: WithDangerouslyFixedCodes: a key is not a subject"
	cause := errors.New(subject)
	refuse := onetime.WithNormalizer(func(string) (string, error) { return "", cause })
	for name, c := range map[string]struct {
		opts []onetime.Option
		want string
	}{
		"none":              {[]onetime.Option{fixed(nil, soon())}, ""},
		"one":               {[]onetime.Option{fixed(map[string]string{subject: code}, soon())}, ""},
		"same code twice":   {[]onetime.Option{fixed(map[string]string{subject: code, "Alice@example.com": "424-242"}, soon())}, ""},
		"too long":          {[]onetime.Option{fixed(map[string]string{subject: code + "4"}, soon())}, codes},
		"too short":         {[]onetime.Option{fixed(map[string]string{subject: code[:5]}, soon())}, codes},
		"empty":             {[]onetime.Option{fixed(map[string]string{subject: ""}, soon())}, codes},
		"letters":           {[]onetime.Option{fixed(map[string]string{subject: "42424A"}, soon())}, codes},
		"other length":      {[]onetime.Option{fixed(map[string]string{subject: code}, soon()), onetime.WithCodeLength(7)}, strings.Replace(codes, "6", "7", 1)},
		"length set before": {[]onetime.Option{onetime.WithCodeLength(7), fixed(map[string]string{subject: code}, soon())}, strings.Replace(codes, "6", "7", 1)},
		"U":                 {[]onetime.Option{onetime.WithAlphabet(onetime.Crockford32), fixed(map[string]string{subject: "42424U"}, soon())}, codes},
		"after its end":     {[]onetime.Option{fixed(map[string]string{subject: "1"}, time.Now().Add(-time.Hour))}, codes},
		"two codes for one": {[]onetime.Option{fixed(map[string]string{subject: code, "Alice@example.com": "424243"}, soon())},
			"onetime: WithDangerouslyFixedCodes: two codes for one subject"},
		"no subject":     {[]onetime.Option{fixed(map[string]string{"": code}, soon())}, key},
		"not UTF-8":      {[]onetime.Option{fixed(map[string]string{subject + "\xff": code}, soon())}, key},
		"control":        {[]onetime.Option{fixed(map[string]string{"\x00" + subject[1:] + "\x00a": code}, soon())}, key},
		"not normalised": {[]onetime.Option{fixed(map[string]string{subject: code}, soon()), refuse}, key},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := onetime.New(rig.Untouched{T: t}, onetimetest.Key, c.opts...)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			rig.Invalid(t, err, c.want)
			text := fmt.Sprintf("%v %+v %s %q", err, err, err, err)
			require.NotContains(t, text, "alice")
			require.NotContains(t, text, "4242")
			if name == "not normalised" {
				require.ErrorIs(t, err, cause)
			}
		})
	}

	t.Run("Purpose with another length", func(t *testing.T) {
		m := rig.Offline(t, fixed(map[string]string{subject: code}, soon()))
		_, err := m.Purpose("default", onetime.WithCodeLength(7))
		rig.Invalid(t, err, strings.Replace(codes, "6", "7", 1))
		login, err := m.Purpose("login", onetime.WithCodeLength(7), fixed(nil, soon()))
		require.NoError(t, err)
		require.Len(t, onetime.NewCode(login, subject, false), 7)
		require.Equal(t, code, onetime.NewCode(m, subject, false))
	})
}
