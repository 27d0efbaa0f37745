package onetimesend_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

const month = 30 * 24 * time.Hour

// store returns a Redis whose clock stands still.
func store(t *testing.T) (*miniredis.Miniredis, *redis.Client) {
	server := miniredis.RunT(t)
	server.SetTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	// However busy the machine is: no time-out decides a test.
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr(), PoolSize: 50, MaxRetries: -1, DialTimeout: time.Minute, ReadTimeout: time.Minute, PoolTimeout: time.Minute})
	t.Cleanup(func() { rdb.Close() })
	return server, rdb
}

func budget(t *testing.T, rdb *redis.Client, change ...func(*onetimesend.BudgetConfig)) *onetimesend.Budget {
	t.Helper()
	c := onetimesend.BudgetConfig{Name: "sms", Allow: []string{"+1", "+49"}, Deny: []string{"+1876"}, Caps: []onetimesend.Cap{{Burst: 100, Per: month}}}
	for _, set := range change {
		set(&c)
	}
	b, err := onetimesend.NewBudget(rdb, c)
	require.NoError(t, err)
	return b
}

// text sends an SMS to a number.
func text(t *testing.T, send onetimesend.Sender, number, id string) error {
	_, err := send(t.Context(), onetimesend.To(onetimesend.ChannelSMS, number), message(func(m *onetimesend.Message) { m.ID = id }))
	return err
}

func TestBudget_OfParallelSendsExactlyTheCapPasses(t *testing.T) {
	_, rdb := store(t)
	var r recorder
	send := budget(t, rdb).Guard(onetimesend.ChannelSMS, r.send)
	var running sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for i := range 1000 {
		running.Go(func() {
			err := text(t, send, fmt.Sprintf("+4915550%06d", i), strconv.Itoa(i))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				require.ErrorIs(t, err, onetimesend.ErrRefused)
				refused++
			}
		})
	}
	running.Wait()
	require.Equal(t, 100, r.count())
	require.Equal(t, 900, refused)
}

func TestBudget_ARepeatIsChargedOnce(t *testing.T) {
	_, rdb := store(t)
	b := budget(t, rdb)
	r := recorder{err: errBroken}
	send := b.Guard(onetimesend.ChannelSMS, r.send)
	for range 10 {
		require.ErrorIs(t, text(t, send, number, "a"), errBroken)
	}
	require.ErrorIs(t, text(t, send, "+15550100101", "a"), errBroken, "another number is another message")
	left, err := b.Left(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int64{98}, left)
}

// Pumping sends to expensive numbers: those that nobody allowed cost nothing.
func TestBudget_OnlyAllowedPrefixesPass(t *testing.T) {
	_, rdb := store(t)
	var r recorder
	send := budget(t, rdb).Guard(onetimesend.ChannelSMS, r.send)
	for number, want := range map[string]bool{"+15550100100": true, "+4915550100100": true, "+18765550100": false, "+43155501001": false, "+881612345678": false} {
		err := text(t, send, number, number)
		require.Equal(t, want, err == nil, number)
		if err != nil {
			require.Equal(t, []error{onetimesend.ErrRefused}, classes(err))
			require.NotContains(t, err.Error(), number[1:])
		}
	}
	require.Equal(t, 2, r.count())

	none := budget(t, rdb, func(c *onetimesend.BudgetConfig) { c.Allow = nil })
	require.ErrorIs(t, text(t, none.Guard(onetimesend.ChannelSMS, r.send), number, "x"), onetimesend.ErrRefused, "none by default")
	_, err := onetimesend.SMS(none, onetimesend.GatewayConfig{URL: "https://sms.example.com"})
	require.ErrorIs(t, err, onetimesend.ErrInvalid)
	_, err = onetimesend.Voice(budget(t, rdb), onetimesend.GatewayConfig{URL: "https://voice.example.com"})
	require.NoError(t, err)
	mail := none.Guard(onetimesend.ChannelMail, r.send)
	_, err = mail(t.Context(), everyone, message())
	require.NoError(t, err, "mail has no prefix")
}

func TestBudget_CapsByPrefixAndCost(t *testing.T) {
	_, rdb := store(t)
	var r recorder
	b := budget(t, rdb, func(c *onetimesend.BudgetConfig) {
		c.Caps = []onetimesend.Cap{{Burst: 1000, Per: month}, {Prefix: "+49", Burst: 3, Per: month}, {Burst: 30, Per: month, Cost: true}}
		c.Allow, c.Prices = []string{"+"}, map[string]int64{"+49": 7, "+1": 1, "+1876": 25}
	})
	send := b.Guard(onetimesend.ChannelSMS, r.send)
	left := func() []int64 {
		numbers, err := b.Left(t.Context())
		require.NoError(t, err)
		return numbers
	}
	for i := range 3 {
		require.NoError(t, text(t, send, "+4915550100100", fmt.Sprint("de", i)))
	}
	require.Equal(t, []int64{997, 0, 9}, left())
	require.ErrorContains(t, text(t, send, "+4915550100100", "de3"), "n+49/")
	require.NoError(t, text(t, send, number, "us"))
	require.Equal(t, []int64{996, 0, 8}, left(), "what was refused is charged to none")
	require.ErrorIs(t, text(t, send, "+4315550100100", "at"), onetimesend.ErrRefused, "no price")

	// Two segments count two.
	_, err := send(t.Context(), onetimesend.To(onetimesend.ChannelSMS, number), message(func(m *onetimesend.Message) { m.ID, m.Brand.Name = "long", long("x", 100) }))
	require.NoError(t, err)
	require.Equal(t, []int64{994, 0, 6}, left())
}

func TestBudget_WithoutRedisNothingIsSent(t *testing.T) {
	server, rdb := store(t)
	var r recorder
	send := budget(t, rdb).Guard(onetimesend.ChannelSMS, r.send)
	server.Close()
	err := text(t, send, number, "a")
	require.Error(t, err)
	require.Empty(t, classes(err), "temporary")
	require.Zero(t, r.count())
	require.NotContains(t, err.Error(), number)
}

func TestBudget_ARefusalLeadsToTheNextChannelAndEndsNoCode(t *testing.T) {
	_, rdb := store(t)
	b := budget(t, rdb, func(c *onetimesend.BudgetConfig) { c.Allow = []string{"+49"} })
	var sms, mail recorder
	guarded := b.Guard(onetimesend.ChannelSMS, sms.send)
	to := onetimesend.Recipient{Addresses: []onetimesend.Address{everyone.Addresses[1], everyone.Addresses[0]}}
	for _, send := range []onetimesend.Sender{
		onetimesend.ByChannel(map[onetimesend.Channel]onetimesend.Sender{onetimesend.ChannelSMS: guarded, onetimesend.ChannelMail: mail.send}),
		onetimesend.Fallback(time.Second, guarded, mail.send),
	} {
		before := mail.count()
		_, err := send(t.Context(), to, message())
		require.NoError(t, err)
		require.Equal(t, before+1, mail.count())
	}
	require.Zero(t, sms.count())

	queue, err := onetimesend.NewQueue(guarded, onetimesend.WithDelay(0))
	require.NoError(t, err)
	result := make(chan onetimesend.Result, 1)
	require.NoError(t, queue.Add(onetimesend.Job{To: onetimesend.To(onetimesend.ChannelSMS, number), Message: message(), Done: func(r onetimesend.Result) { result <- r }}))
	got := <-result
	require.ErrorIs(t, got.Err, onetimesend.ErrRefused)
	require.False(t, got.Failed())
	require.Equal(t, 1, got.Attempts)
}

// The keys of a Budget tell no number, and end.
func TestBudget_KeepsNoNumberAndEveryKeyEnds(t *testing.T) {
	server, rdb := store(t)
	var r recorder
	require.NoError(t, text(t, budget(t, rdb).Guard(onetimesend.ChannelSMS, r.send), number, "a"))
	require.Equal(t, []string{"onetime:v1:budget:{sms}"}, server.Keys())
	require.Positive(t, server.TTL("onetime:v1:budget:{sms}"))
	require.NotContains(t, server.Dump(), strings.TrimPrefix(number, "+1"))
}

func TestNewBudget_ReportsWhatIsWrong(t *testing.T) {
	_, err := onetimesend.NewBudget(nil, onetimesend.BudgetConfig{
		Name: "SMS!", Prefix: "{", Allow: []string{"49"}, Deny: []string{"+0"}, Prices: map[string]int64{"+49": -1},
		Caps: []onetimesend.Cap{{Prefix: "x", Burst: 1, Per: time.Hour}, {Burst: 1, Per: 0}, {Burst: 1_000_000, Per: time.Hour}, {Burst: 1, Per: time.Minute}, {Burst: 2, Per: time.Minute}},
	})
	require.ErrorIs(t, err, onetimesend.ErrInvalid)
	for _, want := range []string{
		"NewBudget: want a client", `BudgetConfig.Name("SMS!")`, `BudgetConfig.Prefix("{")`, `BudgetConfig.Allow("49")`, `BudgetConfig.Deny("+0")`, `BudgetConfig.Prices("+49")`,
		`Cap.Prefix("x")`, "Cap.Per(0s): want 1s to 720h0m0s", "Cap.Burst(1000000) per 1h0m0s: want 1 to 360000", "two of prefix",
	} {
		require.ErrorContains(t, err, want)
	}
	_, rdb := store(t)
	_, err = onetimesend.NewBudget(rdb, onetimesend.BudgetConfig{Name: "sms"})
	require.ErrorContains(t, err, "BudgetConfig.Caps: 0 caps: want 1 to 64")
	var client *redis.Client
	_, err = onetimesend.NewBudget(client, onetimesend.BudgetConfig{Name: "sms", Caps: []onetimesend.Cap{{Burst: 1, Per: time.Minute}}})
	require.ErrorContains(t, err, "want a client")
}

// A failed mail is not the end where an SMS took the code along: what the Queue makes of both.
func TestQueue_AFailedMailDoesNotEndACodeThatAnSMSTookAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sms recorder
		d := open(t, onetimesend.Fallback(10*time.Second, answer(onetimesend.Permanent(errBroken)), func(ctx context.Context, to onetimesend.Recipient, m onetimesend.Message) (onetimesend.Delivery, error) {
			return sms.send(ctx, to, m)
		}))
		require.NoError(t, d.add("x", ann))
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.NoError(t, d.results["x"].Err)
		require.False(t, d.results["x"].Failed())
		require.Equal(t, 1, sms.count())
	})
}
