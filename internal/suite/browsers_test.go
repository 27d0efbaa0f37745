package suite_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// Known browsers have limits of their own. Rule 14: a stranger at every limit keeps no known browser out; credentials add no
// memory and no second extra budget.

// home is the binding of the person's own browser.
var home = onetime.WithBinding("the browser at home")

// knownBrowser signs a person in, and returns what makes the browser known from then on.
func knownBrowser(t *testing.T, m *onetime.Manager, subject string) onetime.CallOption {
	t.Helper()
	return onetime.WithKnownBrowser(credentials(t, m, subject))
}

func credentials(t *testing.T, m *onetime.Manager, subject string) string {
	t.Helper()
	token, err := m.IssueToken(t.Context(), subject, home)
	require.NoError(t, err)
	v, err := m.VerifyToken(t.Context(), token.Value, home)
	require.NoError(t, err)
	require.Len(t, v.BrowserCredential(), 28)
	return v.BrowserCredential()
}

// signsIn demands that the known browser gets a code and is in with it.
func signsIn(t *testing.T, m *onetime.Manager, browser onetime.CallOption) {
	t.Helper()
	otp, err := m.IssueOTP(t.Context(), rig.Alice, home, browser)
	require.NoError(t, err)
	require.NotEmpty(t, otp.Code)
	_, err = m.VerifyOTP(t.Context(), rig.Alice, otp.Code, home, browser)
	require.NoError(t, err)
}

// planted puts a field into the one record there is.
func plantedField(t *testing.T, b *rig.Backend, field string, value any) {
	t.Helper()
	require.NoError(t, b.Raw.HSet(t.Context(), b.Only(t), field, value).Err())
}

func TestRule14_AStrangerAtEverySendLimitKeepsNoKnownBrowserOut(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		browser := knownBrowser(t, m, rig.Alice)
		b.Advance(t, 30*time.Second)
		for sent := 1; ; sent++ {
			otp, err := m.IssueOTP(t.Context(), rig.Alice, onetime.WithBinding(fmt.Sprint("stranger ", sent)))
			if err != nil {
				rig.Refused(t, err, onetime.ErrThrottled)
				break
			}
			require.Less(t, sent, 40)
			if otp.ResendIn < 20*time.Minute {
				b.Advance(t, otp.ResendIn)
			}
		}
		require.Positive(t, rig.MustStatus(t, m, rig.Alice).SendIn)
		require.Zero(t, rig.MustStatus(t, m, rig.Alice).Known.SendIn)
		signsIn(t, m, browser)
		_, err := m.IssueOTP(t.Context(), rig.Alice, home, browser)
		rig.Refused(t, err, onetime.ErrThrottled) // known browsers have limits, too
		_, err = m.IssueOTP(t.Context(), rig.Alice, home)
		rig.Refused(t, err, onetime.ErrThrottled)
	})
}

func TestRule14_AStrangerAtEveryGuessLimitKeepsNoKnownBrowserOut(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		browser := knownBrowser(t, m, rig.Alice)
		locked := func() bool { return rig.MustStatus(t, m, rig.Alice).GuessIn > 0 }
		for i := 0; !locked(); i++ {
			otp := rig.MustOTP(t, m)
			for _, wrong := range rig.WrongCodes(otp.Code, 5) {
				if !locked() {
					rig.Refused(t, rig.VerifyOTP(t, m, wrong), onetime.ErrMismatch)
				}
			}
			require.Less(t, i, 20)
		}
		_, err := m.IssueOTP(t.Context(), rig.Alice)
		rig.Refused(t, err, onetime.ErrLocked)
		_, err = m.IssueOTP(t.Context(), rig.Alice, home)
		rig.Refused(t, err, onetime.ErrLocked)
		signsIn(t, m, browser)
		require.True(t, locked(), "a success of a known browser refills no guess limit")
		require.Zero(t, rig.MustStatus(t, m, rig.Alice).Failures, "it ends the row")
	})
}

// The rows end at 85 and 15: together the 100 of NIST SP 800-63B-4 3.2.2.
func TestRule14_TheRowOfStrangersEndsCodesForStrangersOnly(t *testing.T) {
	for _, row := range []struct {
		strangers, known                   int
		strangersDisabled, browserDisabled bool
	}{
		{84, 14, false, false}, {85, 14, true, false}, {84, 15, false, true}, {85, 15, true, true}, {1000, 0, true, false}, {0, 15, false, true},
	} {
		rig.Backends(t, func(t *testing.T, b *rig.Backend) {
			m := b.Manager(t, onetime.WithSendLimits())
			browser := knownBrowser(t, m, rig.Alice)
			plantedField(t, b, "f", row.strangers)
			plantedField(t, b, "F", row.known)
			status := rig.MustStatus(t, m, rig.Alice)
			require.Equal(t, []any{row.strangers, row.strangersDisabled, row.known, row.browserDisabled},
				[]any{status.Failures, status.Disabled, status.Known.Failures, status.Known.Disabled})

			_, err := m.IssueOTP(t.Context(), rig.Alice)
			if row.strangersDisabled {
				rig.Refused(t, err, onetime.ErrDisabled)
			} else {
				require.NoError(t, err)
			}
			otp, err := m.IssueOTP(t.Context(), rig.Alice, home, browser)
			if row.browserDisabled {
				rig.Refused(t, err, onetime.ErrDisabled)
				return
			}
			require.NoError(t, err)
			for i, wrong := range rig.WrongCodes(otp.Code, 2) {
				_, err = m.VerifyOTP(t.Context(), rig.Alice, wrong, home, browser)
				if row.known+i < 15 {
					rig.Refused(t, err, onetime.ErrMismatch)
				} else {
					rig.Refused(t, err, onetime.ErrDisabled)
				}
			}
			plantedField(t, b, "F", row.known)
			_, err = m.VerifyOTP(t.Context(), rig.Alice, otp.Code, home, browser)
			require.NoError(t, err)
			status = rig.MustStatus(t, m, rig.Alice)
			require.Zero(t, status.Failures+status.Known.Failures, "a success ends both rows")
		})
	}
}

func TestRule14_ASuccessOfAStrangerEndsBothRowsAndRefillsNoGuessLimit(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		browser := knownBrowser(t, m, rig.Alice)
		fail := func(opts ...onetime.CallOption) string {
			issue, verify := []onetime.IssueOption{}, []onetime.VerifyOption{}
			for _, o := range opts {
				issue, verify = append(issue, o), append(verify, o)
			}
			otp, err := m.IssueOTP(t.Context(), rig.Alice, issue...)
			require.NoError(t, err)
			_, err = m.VerifyOTP(t.Context(), rig.Alice, rig.WrongCodes(otp.Code, 1)[0], verify...)
			rig.Refused(t, err, onetime.ErrMismatch)
			return otp.Code
		}
		fail(home, browser)
		code := fail()
		before := b.Record(t, b.Only(t))
		require.NoError(t, rig.VerifyOTP(t, m, code))
		status := rig.MustStatus(t, m, rig.Alice)
		require.Zero(t, status.Failures+status.Known.Failures)
		after := b.Record(t, b.Only(t))
		for _, field := range []string{"g3600000", "g2592000000", "G3600000", "G2592000000"} {
			require.NotEmpty(t, before[field], field)
			require.Equal(t, before[field], after[field], field)
		}
		require.NoError(t, m.Unlock(t.Context(), rig.Alice))
		for field := range b.Record(t, b.Only(t)) {
			require.NotRegexp(t, `^[fFsSgG]`, field, "Unlock forgets both sets")
		}
	})
}

// What a known browser waits for gives way to no number of strangers' challenges.
func TestRule14_AStrangerWith16BindingsTakesNoPlaceOfAKnownBrowser(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		browser := knownBrowser(t, m, rig.Alice)
		otp, err := m.IssueOTP(t.Context(), rig.Alice, home, browser)
		require.NoError(t, err)
		unknown := rig.MustOTP(t, m, onetime.WithBinding("somebody else's browser"))
		for i := range 20 {
			b.Advance(t, time.Millisecond)
			rig.MustOTP(t, m, onetime.WithBinding(fmt.Sprint("stranger ", i)))
		}
		_, err = m.VerifyOTP(t.Context(), rig.Alice, unknown.Code, onetime.WithBinding("somebody else's browser"))
		rig.Refused(t, err, onetime.ErrNotFound) // the oldest of strangers' gave way
		_, err = m.VerifyOTP(t.Context(), rig.Alice, otp.Code, home, browser)
		require.NoError(t, err)
	})
}

// Whose last issue showed a known browser, not the first; and a link and a token count like a code.
func TestRule14_TheLastIssueOfAChallengeSaysWhetherItGivesWay(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		browser := knownBrowser(t, m, rig.Alice)
		bound := func(i int) onetime.CallOption { return onetime.WithBinding(fmt.Sprint("browser ", i)) }
		link := rig.MustLink(t, m, bound(0), browser)
		token := rig.MustToken(t, m, bound(1), browser)
		rig.MustOTP(t, m, bound(2), browser)
		lost := rig.MustOTP(t, m, bound(2)) // without the cookie
		rig.MustOTP(t, m, bound(3))
		found := rig.MustOTP(t, m, bound(3), browser)
		for i := range 20 {
			b.Advance(t, time.Millisecond)
			rig.MustOTP(t, m, bound(10+i))
		}
		require.NoError(t, rig.VerifyToken(t, m, link.Token, bound(0)))
		require.NoError(t, rig.VerifyToken(t, m, token.Value, bound(1)))
		rig.Refused(t, rig.VerifyOTP(t, m, lost.Code, bound(2)), onetime.ErrNotFound)
		require.NoError(t, rig.VerifyOTP(t, m, found.Code, bound(3)))
	})
}

// A call with anything but a credential of the subject is, to the byte, one without.
func TestRule14_WhatIsNoCredentialOfThePersonCountsAsNone(t *testing.T) {
	client, clock := onetimetest.NewRedis(t)
	day := 24 * time.Hour
	server, err := onetime.New(client, onetimetest.Key, clock.Option())
	require.NoError(t, err)
	mine := credentials(t, server, rig.Alice)
	raw, err := base64.RawURLEncoding.DecodeString(mine)
	require.NoError(t, err)
	altered := base64.RawURLEncoding.EncodeToString(append([]byte{raw[0] ^ 2}, raw[1:]...))
	elsewhere, err := onetime.New(client, onetimetest.Key, clock.Option(), onetime.WithNamingKey(rig.Key('x', 32)))
	require.NoError(t, err)
	theirs := credentials(t, elsewhere, rig.Alice)
	another := credentials(t, server, "bob@example.com")
	clock.Advance(6 * time.Minute)
	ahead := credentials(t, server, rig.Alice)
	clock.Advance(-6 * time.Minute)

	recorder := &rig.Recorder{}
	m, err := onetime.New(recorder, onetimetest.Key, clock.Option(), onetime.WithKnownBrowsers(30*day, nil, nil))
	require.NoError(t, err)
	// said is what Redis is told, but for ids and digests, which are random.
	said := func(opts ...onetime.CallOption) (all []any) {
		issue, verify := []onetime.IssueOption{home}, []onetime.VerifyOption{home}
		for _, o := range opts {
			issue, verify = append(issue, o), append(verify, o)
		}
		m.IssueOTP(t.Context(), rig.Alice, issue...)
		all = append(append(all, len(recorder.Args)), recorder.Args[1:3]...)
		all = append(all, recorder.Args[6:]...)
		m.VerifyOTP(t.Context(), rig.Alice, "123456", verify...)
		return append(append(all, len(recorder.Args)), recorder.Args[1:]...)
	}
	none := said()
	require.NotEqual(t, none, said(onetime.WithKnownBrowser(mine)), "a credential is told from none")
	require.Equal(t, said(onetime.WithKnownBrowser(mine)), said(onetime.WithKnownBrowser(another+".x."+mine)))
	for name, shown := range map[string]string{
		"nothing": "", "another person's": another, "altered": altered, "of another naming key": theirs,
		"from 6 min ahead": ahead, "garbage": strings.Repeat("x.", 5000), "fifth": strings.Repeat(another+".", 4) + mine,
	} {
		require.Equal(t, none, said(onetime.WithKnownBrowser(shown)), name)
	}
	require.Equal(t, none, said(onetime.WithKnownBrowser(mine), onetime.KnownSince(clock.Now().Add(time.Second))), "ended by its person")
	require.NotEqual(t, none, said(onetime.WithKnownBrowser(mine), onetime.KnownSince(clock.Now().Truncate(time.Second))))
	require.NotEqual(t, none, said(onetime.WithKnownBrowser(mine), onetime.KnownSince(time.Time{})))
	clock.Advance(30*day - time.Second)
	require.NotEqual(t, none, said(onetime.WithKnownBrowser(mine)))
	clock.Advance(2 * time.Second)
	require.Equal(t, none, said(onetime.WithKnownBrowser(mine)), "expired")
}

func TestRule14_OptionsThatWantAnother(t *testing.T) {
	m := rig.Offline(t, onetime.WithLinkBase("https://example.com/in"))
	ctx, browser := t.Context(), onetime.WithKnownBrowser("")
	since := onetime.KnownSince(time.Now())
	for want, call := range map[string]func() error{
		"onetime: WithKnownBrowser on IssueOTP: want WithBinding, too": func() error {
			_, err := m.IssueOTP(ctx, rig.Alice, browser)
			return err
		},
		"onetime: WithKnownBrowser on IssueToken: want WithBinding, too": func() error {
			_, err := m.IssueToken(ctx, rig.Alice, browser, since)
			return err
		},
		"onetime: WithKnownBrowser on IssueLink: want WithBinding, too": func() error {
			_, err := m.IssueLink(ctx, rig.Alice, browser)
			return err
		},
		"onetime: WithKnownBrowser on VerifyOTP: want WithBinding, too": func() error {
			_, err := m.VerifyOTP(ctx, rig.Alice, "123456", browser)
			return err
		},
		"onetime: KnownSince on VerifyOTP: want WithKnownBrowser, too": func() error {
			_, err := m.VerifyOTP(ctx, rig.Alice, "123456", home, since)
			return err
		},
		"onetime: WithKnownBrowser on VerifyToken: want it on IssueOTP or IssueToken or IssueLink or VerifyOTP": func() error {
			_, err := m.VerifyToken(ctx, "", home, browser)
			return err
		},
		"onetime: KnownSince on InspectToken: want it on IssueOTP or IssueToken or IssueLink or VerifyOTP": func() error {
			_, err := m.InspectToken(ctx, "", home, since)
			return err
		},
	} {
		rig.Invalid(t, call(), want)
	}
}

func TestRule14_OnlyAUsedProofMakesABrowserKnown(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		token := rig.MustToken(t, m, home)
		v, err := m.InspectToken(t.Context(), token.Value, home)
		require.NoError(t, err)
		require.Empty(t, v.BrowserCredential())
		require.Empty(t, v.BrowserCredentials("others"))
		require.Empty(t, onetime.Verification{Subject: rig.Alice}.BrowserCredential())
		v, err = m.VerifyToken(t.Context(), token.Value, home)
		require.NoError(t, err)
		v.Subject = "bob@example.com"
		b.Advance(t, time.Minute)
		plantedField(t, b, "f", 85)
		signsIn(t, m, onetime.WithKnownBrowser(v.BrowserCredential())) // it is of the person of the proof
	})
}

// An Undo gives the secret back and no limit: the browser did hold what was sent, and stays known.
func TestRule14_UndoOfTheProofThatEarnedIt(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		otp := rig.MustOTP(t, m, home)
		v, err := m.VerifyOTP(t.Context(), rig.Alice, otp.Code, home)
		require.NoError(t, err)
		browser := onetime.WithKnownBrowser(v.BrowserCredential())
		_, err = m.IssueToken(t.Context(), rig.Alice, onetime.WithBinding("elsewhere"), browser)
		require.NoError(t, err)
		before := b.Record(t, b.Only(t))
		require.NoError(t, v.Undo(t.Context()))
		after := b.Record(t, b.Only(t))
		for field, value := range before {
			if rig.LimitField.MatchString(field) || field == "f" || field == "F" {
				require.Equal(t, value, after[field], field)
			}
		}
		again, err := m.VerifyOTP(t.Context(), rig.Alice, otp.Code, home, browser)
		require.NoError(t, err)
		plantedField(t, b, "f", 85)
		signsIn(t, m, browser)
		signsIn(t, m, onetime.WithKnownBrowser(again.BrowserCredential()))
	})
}

func TestRule14_TwoAccountsInOneBrowser(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits())
		cookie := ""
		for _, subject := range []string{rig.Alice, "bob@example.com", rig.Alice} {
			token, err := m.IssueToken(t.Context(), subject, home)
			require.NoError(t, err)
			v, err := m.VerifyToken(t.Context(), token.Value, home)
			require.NoError(t, err)
			cookie = v.BrowserCredentials(cookie)
		}
		require.Len(t, cookie, 28+1+28, "one for each person")
		for _, key := range b.Records(t) {
			require.NoError(t, b.Raw.HSet(t.Context(), key, "f", 85).Err())
		}
		for _, subject := range []string{rig.Alice, "bob@example.com"} {
			_, err := m.IssueOTP(t.Context(), subject, home)
			rig.Refused(t, err, onetime.ErrDisabled)
			otp, err := m.IssueOTP(t.Context(), subject, home, onetime.WithKnownBrowser(cookie))
			require.NoError(t, err)
			_, err = m.VerifyOTP(t.Context(), subject, otp.Code, home, onetime.WithKnownBrowser(cookie))
			require.NoError(t, err)
		}
		_, err := m.IssueOTP(t.Context(), rig.Alice, home, onetime.WithKnownBrowser(strings.Split(cookie, ".")[1]))
		require.NoError(t, err, "the success has ended the rows")
	})
}

// A browser that is known from one purpose is known to every other, and counts there by itself.
func TestRule14_ABrowserIsKnownToEveryPurpose(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		browser := knownBrowser(t, m, rig.Alice)
		reset, err := m.Purpose("password-reset")
		require.NoError(t, err)
		rig.MustOTP(t, reset)
		_, err = reset.IssueOTP(t.Context(), rig.Alice, home)
		rig.Refused(t, err, onetime.ErrThrottled)
		signsIn(t, reset, browser)
		require.Zero(t, rig.MustStatus(t, m, rig.Alice).Known.SendIn)
	})
}

// Ten thousand credentials share one set.
func TestRule14_TenThousandCredentialsAddNoMemoryAndNoBudget(t *testing.T) {
	shown := 10_000
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), onetime.WithMaxAttempts(16))
		wrong, fields := 0, 0
		defer func() { shown = 100 }() // on the other ways to the same server
		for i := range shown {
			browser := onetime.WithKnownBrowser(rig.BrowserCredential(m, rig.Alice, time.Now().Add(-time.Duration(i)*time.Second)))
			otp, err := m.IssueOTP(t.Context(), rig.Alice, home, browser)
			if err != nil {
				rig.Refused(t, err, onetime.ErrLocked)
				continue
			}
			_, err = m.VerifyOTP(t.Context(), rig.Alice, rig.WrongCodes(otp.Code, 1)[0], home, browser)
			rig.Refused(t, err, onetime.ErrMismatch)
			if wrong++; wrong == 10 {
				fields = len(b.Record(t, b.Only(t)))
			}
		}
		require.Equal(t, 10, wrong)
		require.Len(t, b.Record(t, b.Only(t)), fields)
		status := rig.MustStatus(t, m, rig.Alice)
		require.Equal(t, 10, status.Known.Failures)
		require.Zero(t, status.Failures)
	})
}

// What a record takes that has everything of both sets, and how many commands its calls take.
func TestRule14_TheRecordOfBothSetsStaysSmall(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		browser := knownBrowser(t, m, rig.Alice)
		b.Advance(t, 31*time.Second)
		link := rig.MustLink(t, m, home, browser)
		_, err := m.VerifyOTP(t.Context(), rig.Alice, rig.WrongCodes(link.Code, 1)[0], home, browser)
		rig.Refused(t, err, onetime.ErrMismatch)
		_, err = m.VerifyOTP(t.Context(), rig.Alice, rig.WrongCodes(link.Code, 2)[1], home)
		rig.Refused(t, err, onetime.ErrMismatch)
		key := b.Only(t)
		fields := b.Record(t, key)
		for _, field := range []string{"s30000", "s900000", "s86400000", "g3600000", "g2592000000", "f", "S30000", "S900000", "S86400000", "G3600000", "G2592000000", "F"} {
			require.Contains(t, fields, field)
		}
		require.Len(t, fields[rig.Challenge(m, rig.Alice, "the browser at home").Scope()+"w"], 8, "marks")
		memory, err := b.Raw.MemoryUsage(t.Context(), key, 0).Result()
		require.NoError(t, err)
		t.Logf("%d bytes, %d fields", memory, len(fields))
		require.LessOrEqual(t, memory, int64(560))
		require.Contains(t, []string{"listpack", "ziplist"}, b.Raw.ObjectEncoding(t.Context(), key).Val())
	})
}

// The second set costs no command.
func TestRule14_KnownBrowsersCostNoCommand(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 100, Per: time.Hour}))
		browser := knownBrowser(t, m, rig.Alice)
		commands := func(do func()) map[string]int { return rig.RecordCommands(t, b, do) }
		var otp onetime.OTP
		verify := func(code string, opts ...onetime.VerifyOption) func() {
			return func() { m.VerifyOTP(t.Context(), rig.Alice, code, append(opts, home)...) }
		}
		for name, both := range map[string][]onetime.CallOption{"stranger": nil, "known": {browser}} {
			issue := []onetime.IssueOption{home}
			var show []onetime.VerifyOption
			for _, o := range both {
				issue, show = append(issue, o), append(show, o)
			}
			var err error
			seen := commands(func() { otp, err = m.IssueOTP(t.Context(), rig.Alice, issue...) })
			require.NoError(t, err)
			require.Zero(t, seen["hkeys"], "%s: the fields of the other set are known", name)
			require.LessOrEqual(t, seen["hmget"], 2, name)
			require.Equal(t, 1, seen["hset"], name)
			require.Equal(t, map[string]int{"hmget": 1, "hset": 1}, without(commands(verify(rig.WrongCodes(otp.Code, 1)[0], show...)), "pexpireat"), name)
			require.Equal(t, map[string]int{"hmget": 1, "hset": 1}, without(commands(verify(otp.Code, show...)), "pexpireat"), name)
		}
	})
}

func without(counts map[string]int, name string) map[string]int {
	delete(counts, name)
	return counts
}
