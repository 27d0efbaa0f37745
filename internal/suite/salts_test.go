package suite_test

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// fixed returns a Manager whose codes for Alice are always the same, so that an attack that needs luck needs none.
func fixed(t *testing.T, b *rig.Backend, code string, opts ...onetime.Option) *onetime.Manager {
	t.Helper()
	return b.Manager(t, append(opts, onetime.WithSendLimits(), rig.ManyGuesses,
		onetime.WithDangerouslyFixedCodes(map[string]string{rig.Alice: code}, time.Now().Add(time.Hour)))...)
}

// storedCode returns the digest that a dump shows of the newest code, and the marks of wrong codes.
func storedCode(t *testing.T, b *rig.Backend) (digest string, marks []string) {
	t.Helper()
	record := b.Record(t, b.Only(t))
	for w := record["w"]; w != ""; w = w[4:] {
		marks = append(marks, w[:4])
	}
	return record["1"][26:42], marks
}

// Whoever sees dumps and types codes learns which mark belongs to which code. Of the next issue it must tell nothing.
func TestRule11_MarksOfOneIssueTellNothingOfAnother(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		const typed = "111111"
		first := fixed(t, b, "123456")
		rig.MustOTP(t, first)
		rig.Refused(t, rig.VerifyOTP(t, first, typed), onetime.ErrMismatch)
		_, known := storedCode(t, b)
		require.Len(t, known, 1)

		later := fixed(t, b, typed) // by chance the next code is the one that was typed
		rig.MustOTP(t, later)
		digest, marks := storedCode(t, b)
		require.Empty(t, marks)
		require.NotContains(t, digest, known[0])
		require.NotEqual(t, fmt.Sprintf("%x", known[0]), digest[:8])
		require.NotContains(t, digest, fmt.Sprintf("%x", known[0]))
		require.NoError(t, rig.VerifyOTP(t, later, typed))
	})
}

// A mark has all of its 32 bits: of two wrong codes with one mark the second would not be charged.
func TestRule11_AMarkIsFourBytesOfTheSaltedDigest(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithMaxAttempts(16), rig.ManyGuesses)
		code := rig.MustOTP(t, m).Code
		id := b.Record(t, b.Only(t))["1"][:12]
		salted := func(code string) []byte {
			sum := sha1.Sum([]byte(id + rig.Digest(m, 0, rig.Challenge(m, rig.Alice, ""), "c", "", code)))
			return sum[:]
		}
		var want []string
		for _, code := range rig.WrongCodes(code, 8) {
			rig.Refused(t, rig.VerifyOTP(t, m, code), onetime.ErrMismatch)
			want = append(want, string(salted(code)[8:12]))
		}
		digest, marks := storedCode(t, b)
		require.Equal(t, hex.EncodeToString(salted(code)[:8]), digest)
		require.Equal(t, want, marks)
	})
}

// A year of daily sign-ins with the same code, and the same wrong codes each day: nothing that is stored comes again.
func TestRule11_DumpsOfAYearHaveNothingInCommon(t *testing.T) {
	b := rig.NewMini(t, time.Now().Truncate(time.Millisecond))
	m := fixed(t, b, "123456")
	digests, marksOf := map[string]bool{}, map[string]map[string]bool{}
	const days = 365
	for range days {
		rig.MustOTP(t, m)
		wrong := rig.WrongCodes("123456", 4)
		for _, code := range wrong {
			rig.Refused(t, rig.VerifyOTP(t, m, code), onetime.ErrMismatch)
		}
		digest, marks := storedCode(t, b)
		require.Len(t, marks, len(wrong))
		digests[digest] = true
		for i, code := range wrong {
			if marksOf[code] == nil {
				marksOf[code] = map[string]bool{}
			}
			marksOf[code][marks[i]] = true
		}
		require.NoError(t, rig.VerifyOTP(t, m, "123456"))
		b.Advance(t, 24*time.Hour)
	}
	require.Len(t, digests, days)
	for code, marks := range marksOf {
		require.Greater(t, len(marks), days-5, "4 bytes may be the same now and then, not a code's: %s", code)
	}
}

// heard is what Redis was told of each code that somebody typed.
func heard(t *testing.T, rec *rig.Recorder, m *onetime.Manager, codes []string, opts ...onetime.VerifyOption) map[string]string {
	t.Helper()
	digests := map[string]string{}
	for _, code := range codes {
		rig.Refused(t, rig.VerifyOTP(t, m, code, opts...), onetime.ErrNotFound) // free: nothing is pending
		digests[code] = rec.Args[3].(string)
	}
	return digests
}

// tells reports which of the codes that were heard the newest slot is of, for somebody who knows the salting.
func tells(t *testing.T, b *rig.Backend, scope string, heard map[string]string) (code string) {
	t.Helper()
	slot := b.Record(t, b.Only(t))[scope+"1"]
	for tried, digests := range heard {
		for ; digests != ""; digests = digests[16:] {
			sum := sha1.Sum([]byte(slot[:12] + digests[:16]))
			if hex.EncodeToString(sum[:8]) == slot[26:42] || digests[:16] == slot[26:42] {
				code = tried
			}
		}
	}
	return code
}

// An attacker sees every command and every slot, types codes of a person under a binding of its own while nothing is
// pending, free of charge, and then asks for a code under that binding.
func TestRule11_WhatWasTypedBeforeARequestTellsNothingOfItsCode(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		rec := &rig.Recorder{Scripter: b.Client}
		m, err := onetime.New(rec, onetimetest.Key, onetime.WithSendLimits(),
			onetime.WithDangerouslyFixedCodes(map[string]string{rig.Alice: "000321"}, time.Now().Add(time.Hour)))
		require.NoError(t, err)
		own := onetime.WithBinding("the attacker's own binding")
		scope := rig.Challenge(m, rig.Alice, "the attacker's own binding").Scope()
		codes := make([]string, 500) // among them the right one, as it would be among 20,000 in one of fifty tries
		for i := range codes {
			codes[i] = fmt.Sprintf("%06d", i)
		}
		typed := heard(t, rec, m, codes, own)
		for code, digests := range heard(t, rec, m, codes[300:350], own, onetime.WithRequest("a request of before", "another of before")) {
			typed[code] += digests
		}

		request := onetime.WithRequest("drawn for this issue")
		otp := rig.MustOTP(t, m, own, request)
		require.Empty(t, tells(t, b, scope, typed))
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code, own, request))

		// Without a request it does: that is said in the documentation, and shows that this test can fail.
		rig.MustOTP(t, m, own)
		require.Equal(t, "000321", tells(t, b, scope, typed))
	})
}

func TestRule11_ACodeVerifiesUnderItsOwnRequestOnly(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), rig.ManyGuesses)
		mine, other := "the request of this issue", "the request of another one"
		otp := rig.MustOTP(t, m, onetime.WithRequest(mine))
		left := 5
		for _, opts := range [][]onetime.VerifyOption{nil, {onetime.WithRequest(other)}} {
			left--
			require.Equal(t, left, rig.Refused(t, rig.VerifyOTP(t, m, otp.Code, opts...), onetime.ErrMismatch).AttemptsLeft)
		}
		requests := make([]string, 5)
		for i := range requests {
			requests[i] = strings.Repeat(string(rune('a'+i)), 16)
		}
		requests[4] = mine
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code, onetime.WithRequest(requests...)), "any of up to 5")

		unasked := rig.MustOTP(t, m)
		rig.Refused(t, rig.VerifyOTP(t, m, unasked.Code, onetime.WithRequest(mine)), onetime.ErrMismatch)
		require.NoError(t, rig.VerifyOTP(t, m, unasked.Code))

		// With several keys and requests the key that matched opens what was sealed.
		ring := b.Manager(t, onetime.WithSendLimits(), onetime.WithNamingKey(onetimetest.Key), onetime.WithPreviousKeys(rig.Key('p', 32), rig.Key('q', 32)))
		rotated, err := onetime.New(b.Client, rig.Key('q', 32), onetime.WithSendLimits(), onetime.WithNamingKey(onetimetest.Key),
			onetime.WithPreviousKeys(onetimetest.Key, rig.Key('p', 32)))
		require.NoError(t, err)
		otp, err = rotated.IssueOTP(t.Context(), rig.Alice, onetime.WithRequest(mine), onetime.WithPayload([]byte("payload")))
		require.NoError(t, err)
		v, err := ring.VerifyOTP(t.Context(), rig.Alice, otp.Code, onetime.WithRequest(requests...))
		require.NoError(t, err)
		require.Equal(t, "payload", string(v.Payload))
	})
}

func TestWithRequest_BothEdges(t *testing.T) {
	m := rig.Offline(t, onetime.WithLinkBase("https://example.com/in"))
	ask := func(ids ...string) error { return rig.VerifyOTP(t, m, "1", onetime.WithRequest(ids...)) }
	long := strings.Repeat("r", 512)
	rig.Invalid(t, ask(), "onetime: WithRequest: 0 requests on VerifyOTP: want 1 to 5")
	rig.Invalid(t, ask(long, long, long, long, long, long), "onetime: WithRequest: 6 requests on VerifyOTP: want 1 to 5")
	rig.Invalid(t, ask(long[:15]), "onetime: WithRequest: 15 bytes: want 16 to 512")
	rig.Invalid(t, ask(long+"r"), "onetime: WithRequest: 513 bytes: want 16 to 512")
	rig.Refused(t, ask(long, long[:16], long, long, long), onetime.ErrMalformed)
	_, err := m.IssueOTP(t.Context(), rig.Alice, onetime.WithRequest(long, long))
	rig.Invalid(t, err, "onetime: WithRequest: 2 requests on IssueOTP: want 1")
	_, err = m.IssueToken(t.Context(), rig.Alice, onetime.WithRequest(long))
	rig.Invalid(t, err, "onetime: WithRequest on IssueToken: want it on IssueOTP or IssueLink or VerifyOTP")
	_, err = m.VerifyToken(t.Context(), "x", onetime.WithRequest(long))
	rig.Invalid(t, err, "onetime: WithRequest on VerifyToken: want it on IssueOTP or IssueLink or VerifyOTP")
}
