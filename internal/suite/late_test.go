package suite_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// A tape keeps the last command that its client sent, so that a copy of it can run late.
type tape struct {
	redis.Scripter
	last func(ctx context.Context) *redis.Cmd
}

func (r *tape) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	r.last = func(ctx context.Context) *redis.Cmd { return r.Scripter.EvalSha(ctx, sha, keys, args...) }
	return r.Scripter.EvalSha(ctx, sha, keys, args...)
}

// taped returns a Manager and the tape of its commands.
func taped(t *testing.T, b *rig.Backend, opts ...onetime.Option) (*onetime.Manager, *tape) {
	t.Helper()
	r := &tape{Scripter: b.Client}
	m, err := onetime.New(r, onetimetest.Key, append([]onetime.Option{onetime.WithSendLimits(), rig.ManyGuesses, onetime.WithLinkBase("https://example.com/in")}, opts...)...)
	require.NoError(t, err)
	return m, r
}

// ranLate runs a copy of a command and returns the status that it is answered with.
func ranLate(t *testing.T, command func(ctx context.Context) *redis.Cmd) int64 {
	t.Helper()
	values, err := command(t.Context()).Slice()
	require.NoError(t, err)
	return values[1].(int64)
}

// A late copy of an issue finds that it ended, whatever ended it, and changes nothing.
func TestRule12_ALateCopyOfAnIssueRevivesNothing(t *testing.T) {
	bound := onetime.WithBinding("another browser")
	for name, end := range map[string]func(t *testing.T, b *rig.Backend, m *onetime.Manager, link onetime.Link){
		"another issue": func(t *testing.T, _ *rig.Backend, m *onetime.Manager, _ onetime.Link) { rig.MustOTP(t, m) },
		"eight more issues": func(t *testing.T, _ *rig.Backend, m *onetime.Manager, _ onetime.Link) {
			for range 8 {
				rig.MustOTP(t, m)
			}
		},
		"its use": func(t *testing.T, _ *rig.Backend, m *onetime.Manager, link onetime.Link) {
			require.NoError(t, rig.VerifyToken(t, m, link.Token))
		},
		"its use, and another issue": func(t *testing.T, _ *rig.Backend, m *onetime.Manager, link onetime.Link) {
			require.NoError(t, rig.VerifyOTP(t, m, link.Code))
			rig.MustOTP(t, m)
		},
		"Cancel": func(t *testing.T, _ *rig.Backend, m *onetime.Manager, link onetime.Link) {
			require.NoError(t, m.Cancel(t.Context(), rig.Alice, link.ID))
		},
		"Cancel, and another issue": func(t *testing.T, _ *rig.Backend, m *onetime.Manager, link onetime.Link) {
			require.NoError(t, m.Cancel(t.Context(), rig.Alice, link.ID))
			rig.MustOTP(t, m)
		},
		"Revoke": func(t *testing.T, _ *rig.Backend, m *onetime.Manager, _ onetime.Link) {
			require.NoError(t, m.Revoke(t.Context(), rig.Alice))
		},
		"Erase": func(t *testing.T, _ *rig.Backend, m *onetime.Manager, _ onetime.Link) {
			require.NoError(t, m.Erase(t.Context(), rig.Alice))
		},
		"Revoke, and a stranger's issue under another binding": func(t *testing.T, b *rig.Backend, m *onetime.Manager, _ onetime.Link) {
			require.NoError(t, m.Revoke(t.Context(), rig.Alice))
			rig.MustOTP(t, m, bound)
			b.Advance(t, 5*time.Minute)
			rig.MustOTP(t, m, bound)
		},
		"its end": func(t *testing.T, b *rig.Backend, m *onetime.Manager, _ onetime.Link) {
			margin := 100 * time.Millisecond
			if b.Mini == nil { // where time passes while the test runs
				margin = 30 * time.Second
			}
			b.Advance(t, 10*time.Minute-margin)
			rig.MustOTP(t, m, bound)
			b.Advance(t, margin/2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			rig.Backends(t, func(t *testing.T, b *rig.Backend) {
				m, r := taped(t, b, onetime.WithTokenTTL(9*time.Minute))
				link := rig.MustLink(t, m)
				copied := r.last
				end(t, b, m, link)
				before := b.Record(t, b.Only(t))
				require.Equal(t, rig.Statuses["NOT_FOUND"], ranLate(t, copied))
				require.Equal(t, before, b.Record(t, b.Only(t)), "a late copy changes nothing")
				require.ErrorIs(t, rig.VerifyToken(t, m, link.Token), onetime.ErrDenied)
				require.ErrorIs(t, rig.VerifyOTP(t, m, link.Code), onetime.ErrDenied)
			})
		})
	}
}

// An issue that is live answers its repeat as at first.
func TestRule12_ACopyOfALiveIssueIsAnsweredAsAtFirst(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m, r := taped(t, b, onetime.WithKeep(2))
		otp := rig.MustOTP(t, m)
		first := r.last
		require.Equal(t, rig.Statuses["OK"], ranLate(t, first))
		rig.MustOTP(t, m) // keeps it
		require.Equal(t, rig.Statuses["OK"], ranLate(t, first))
		v, err := m.VerifyOTP(t.Context(), rig.Alice, otp.Code)
		require.NoError(t, err)
		require.Equal(t, rig.Statuses["NOT_FOUND"], ranLate(t, first))
		require.NoError(t, v.Undo(t.Context()))
		require.Equal(t, rig.Statuses["OK"], ranLate(t, first))
	})
}

// Before the first resend nothing is remembered, and never more than fits what Redis keeps compact.
func TestRule12_TheIdsOfEightReplacedIssuesAreRemembered(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m, r := taped(t, b)
		var copies []func(context.Context) *redis.Cmd
		for i := range 12 {
			rig.MustOTP(t, m)
			copies = append(copies, r.last)
			require.Len(t, b.Record(t, b.Only(t))["e"], 8*min(i, 8))
		}
		for _, copied := range copies[12-9 : 11] {
			require.Equal(t, rig.Statuses["NOT_FOUND"], ranLate(t, copied))
		}
	})
}

// A challenge stays for 10 minutes after its last issue, so that a late copy finds what it must; of more than 16 those give
// way first that ended, then the oldest.
func TestRule12_WhoGivesWayWhenChallengesAreMany(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m, _ := taped(t, b)
		binding := func(i int) onetime.CallOption { return onetime.WithBinding(fmt.Sprint("browser ", i)) }
		known := func(i int) bool {
			_, ok := b.Record(t, b.Only(t))[rig.Challenge(m, rig.Alice, fmt.Sprint("browser ", i)).Scope()+"1"]
			return ok
		}
		var codes []string
		for i := range 16 {
			codes = append(codes, rig.MustOTP(t, m, binding(i)).Code)
			b.Advance(t, time.Second)
		}
		require.NoError(t, rig.VerifyOTP(t, m, codes[7], binding(7)))
		rig.MustOTP(t, m, binding(16))
		require.False(t, known(7), "one that was used gives way to those that live")
		require.True(t, known(0))
		rig.MustOTP(t, m, binding(17))
		require.False(t, known(0), "then the oldest")
		require.True(t, known(1))
	})
}

// What is swept takes no place of one that stays, so that a used link is known as used for as long as it lives.
func TestRule12_WhatIsSweptMakesNothingGiveWay(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m, _ := taped(t, b, onetime.WithTokenTTL(time.Hour))
		link := rig.MustToken(t, m, onetime.WithBinding("link"))
		require.NoError(t, rig.VerifyToken(t, m, link.Value, onetime.WithBinding("link")))
		for i := range 15 {
			b.Advance(t, time.Millisecond)
			rig.MustOTP(t, m, onetime.WithBinding(fmt.Sprint("browser ", i)))
		}
		b.Advance(t, 10*time.Minute+time.Second)
		rig.MustOTP(t, m, onetime.WithBinding("another"))
		require.ErrorIs(t, rig.VerifyToken(t, m, link.Value, onetime.WithBinding("link")), onetime.ErrUsed)
	})
}

// After an Undo another sending may use the secret. A late copy of the call that was undone must find nothing.
func TestRule12_ALateCopyOfAnUndoneCallFindsNothing(t *testing.T) {
	form := onetime.Idempotent("the nonce of a form")
	for name, after := range map[string]func(t *testing.T, m *onetime.Manager, code string){
		"nothing":     func(*testing.T, *onetime.Manager, string) {},
		"another use": func(t *testing.T, m *onetime.Manager, code string) { require.NoError(t, rig.VerifyOTP(t, m, code)) },
		"another sending": func(t *testing.T, m *onetime.Manager, code string) {
			require.NoError(t, rig.VerifyOTP(t, m, code, form))
		},
		"another issue": func(t *testing.T, m *onetime.Manager, _ string) { rig.MustOTP(t, m) },
		"another use and another issue": func(t *testing.T, m *onetime.Manager, code string) {
			require.NoError(t, rig.VerifyOTP(t, m, code))
			rig.MustOTP(t, m)
		},
	} {
		t.Run(name, func(t *testing.T) {
			rig.Backends(t, func(t *testing.T, b *rig.Backend) {
				m, r := taped(t, b)
				otp := rig.MustOTP(t, m)
				v, err := m.VerifyOTP(t.Context(), rig.Alice, otp.Code, form)
				require.NoError(t, err)
				copied := r.last
				require.NoError(t, v.Undo(t.Context()))
				after(t, m, otp.Code)
				before := b.Record(t, b.Only(t))
				require.Equal(t, rig.Statuses["NOT_FOUND"], ranLate(t, copied))
				require.Equal(t, before, b.Record(t, b.Only(t)))
			})
		})
	}
}

// What an issue leaves of a use is what an Undo leaves: which call was undone, and nothing of the use.
func TestRule12_AnIssueKeepsOfAUseWhichCallWasUndone(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m, _ := taped(t, b)
		otp := rig.MustOTP(t, m)
		v, err := m.VerifyOTP(t.Context(), rig.Alice, otp.Code)
		require.NoError(t, err)
		require.NoError(t, v.Undo(t.Context()))
		undone := b.Record(t, b.Only(t))["u"]
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code))
		require.NotEqual(t, undone, b.Record(t, b.Only(t))["u"])
		rig.MustOTP(t, m)
		require.Equal(t, undone, b.Record(t, b.Only(t))["u"])
	})
}

func TestRule12_ChallengesOfOneMillisecond(t *testing.T) {
	onBoth(t, func(t *testing.T, b *rig.Backend) {
		m, _ := taped(t, b)
		for i := range 17 {
			rig.MustOTP(t, m, onetime.WithBinding(fmt.Sprint("browser ", i)))
		}
		key, when := b.Only(t), ""
		for field, value := range b.Record(t, key) {
			if rig.IsSlot(field) {
				if when == "" {
					when = value[12:18]
				}
				require.NoError(t, b.Raw.HSet(t.Context(), key, field, value[:12]+when+value[18:]).Err())
			}
		}
		otp := rig.MustOTP(t, m)
		require.NoError(t, rig.VerifyOTP(t, m, otp.Code))
		require.Len(t, rig.MustStatus(t, m, rig.Alice).Pending, 16)
	})
}
