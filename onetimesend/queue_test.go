package onetimesend_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A desk is a Queue and what became of the jobs it was given.
type desk struct {
	t     *testing.T
	queue *onetimesend.Queue

	mu      sync.Mutex
	results map[string]onetimesend.Result
	ended   map[string]time.Time
	events  []onetimesend.Event
}

// open returns a desk whose Queue sends by send. Unless options say otherwise, nothing limits messages to one address.
func open(t *testing.T, send onetimesend.Sender, opts ...onetimesend.QueueOption) *desk {
	d := &desk{t: t, results: map[string]onetimesend.Result{}, ended: map[string]time.Time{}}
	opts = append([]onetimesend.QueueOption{onetimesend.WithRecipientLimits(), onetimesend.WithObserver(func(e onetimesend.Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.events = append(d.events, e)
	})}, opts...)
	var err error
	d.queue, err = onetimesend.NewQueue(send, opts...)
	require.NoError(t, err)
	return d
}

// add adds a job to an address; its name is the id of its message.
func (d *desk) add(name, address string, change ...func(*onetimesend.Job)) error {
	job := onetimesend.Job{To: onetimesend.To(onetimesend.ChannelMail, address), Message: message(func(m *onetimesend.Message) { m.ID = name })}
	job.Done = func(r onetimesend.Result) {
		d.mu.Lock()
		defer d.mu.Unlock()
		require.NotContains(d.t, d.results, name, "Done is called once")
		d.results[name], d.ended[name] = r, time.Now()
	}
	for _, set := range change {
		set(&job)
	}
	return d.queue.Add(job)
}

func decoy(j *onetimesend.Job) {
	j.Decoy, j.Message.Code, j.Message.URL = true, "", ""
}

// hangs is a Sender that a tarpit holds up until its context ends.
func hangs(ctx context.Context, _ onetimesend.Recipient, _ onetimesend.Message) (onetimesend.Delivery, error) {
	<-ctx.Done()
	return onetimesend.Delivery{}, ctx.Err()
}

func TestQueue_SendsAfterARandomDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		d := open(t, r.send, onetimesend.WithWorkers(1000))
		start := time.Now()
		for i := range 200 {
			require.NoError(t, d.add(strconv.Itoa(i), fmt.Sprintf("ann@%d.example", i)))
		}
		synctest.Wait()
		require.Less(t, r.count(), 200, "not all at once")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, 200, r.count())
		require.Len(t, d.results, 200)
		at := slices.SortedFunc(slices.Values(r.at), time.Time.Compare)
		require.Greater(t, at[100].Sub(start), 500*time.Millisecond)
		require.Less(t, at[100].Sub(start), 1500*time.Millisecond)
		require.NoError(t, d.results["0"].Err)
		require.False(t, d.results["0"].Failed())
		require.Equal(t, "0", d.results["0"].Delivery.ID)
		require.Equal(t, 1, d.results["0"].Attempts)
	})
}

func TestQueue_ATarpitForOneDomainDelaysNoOther(t *testing.T) {
	for _, tarpits := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			d := open(t, func(ctx context.Context, to onetimesend.Recipient, m onetimesend.Message) (onetimesend.Delivery, error) {
				if strings.Contains(to.Addresses[0].Value, "@tarpit") {
					return hangs(ctx, to, m)
				}
				time.Sleep(100 * time.Millisecond)
				return onetimesend.Delivery{}, nil
			}, onetimesend.WithWorkers(8))
			added := map[string]time.Time{}
			for minute := range 10 {
				for i := range 20 {
					for tarpit := range tarpits {
						err := d.add(fmt.Sprint("tarpit", tarpit, minute, "-", i), fmt.Sprintf("eve%d@tarpit%d.example", i, tarpit))
						require.NoError(t, err)
					}
					time.Sleep(3 * time.Second)
				}
				name := fmt.Sprint("ann", minute)
				added[name] = time.Now()
				require.NoError(t, d.add(name, ann))
			}
			time.Sleep(3 * time.Second)
			synctest.Wait()
			for name, at := range added {
				require.NoError(t, d.results[name].Err)
				require.LessOrEqual(t, d.ended[name].Sub(at), 2*time.Second+100*time.Millisecond, "%s, %d tarpits", name, tarpits)
			}
			require.Error(t, d.queue.Close(ended(t)))
		})
	}
}

// ended is a context that has ended.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// A domain that takes nothing must not fill the places of all others.
func TestQueue_OneDomainCannotFillTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, hangs, onetimesend.WithWaiting(100), onetimesend.WithWorkers(1), onetimesend.WithDelay(0))
		full := 0
		for i := range 200 {
			if err := d.add(strconv.Itoa(i), "eve@tarpit.example"); err != nil {
				require.ErrorIs(t, err, onetimesend.ErrQueueFull)
				require.ErrorContains(t, err, "of at most 100")
				full++
			}
		}
		require.Equal(t, 200-51, full, "half of the places, and the worker")
		for i := range 50 {
			require.NoError(t, d.add(fmt.Sprint("other", i), fmt.Sprintf("ann@%d.example", i)))
		}
		require.ErrorIs(t, d.add("last", "ann@last.example"), onetimesend.ErrQueueFull)
		require.Error(t, d.queue.Close(ended(t)))
		synctest.Wait()
		require.Len(t, d.results, 51+50, "what was refused has no Done")
	})
}

func TestQueue_DecoysWaitLikeDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		d := open(t, func(context.Context, onetimesend.Recipient, onetimesend.Message) (onetimesend.Delivery, error) {
			sent++
			time.Sleep(700 * time.Millisecond)
			return onetimesend.Delivery{Channel: onetimesend.ChannelMail, ID: "x"}, nil
		}, onetimesend.WithDelay(0))
		for _, channel := range []onetimesend.Channel{onetimesend.ChannelMail, onetimesend.ChannelSMS, onetimesend.ChannelVoice} {
			require.NoError(t, d.add("before "+string(channel), ann, decoy, func(j *onetimesend.Job) { j.To.Addresses[0].Channel = channel }))
		}
		require.NoError(t, d.add("known", ann))
		time.Sleep(time.Second)
		require.NoError(t, d.add("decoy", "mallory@example.com", decoy))
		start := time.Now()
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 1, sent)
		require.Equal(t, 700*time.Millisecond, d.ended["decoy"].Sub(start))
		require.NoError(t, d.results["decoy"].Err)
		require.False(t, d.results["decoy"].Failed())
		require.Len(t, d.events, 1, "nothing of who is not known")
		require.Len(t, d.results, 5)
	})
}

func TestQueue_ALateMessageIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		d := open(t, r.send, onetimesend.WithDelay(0))
		require.NoError(t, d.add("late", ann, func(j *onetimesend.Job) { j.Message.IssuedAt = time.Now().Add(-5 * time.Minute) }))
		synctest.Wait()
		require.Zero(t, r.count())
		require.ErrorIs(t, d.results["late"].Err, onetimesend.ErrExpired)
		require.True(t, d.results["late"].Failed())
		require.Zero(t, d.events[0].Attempt)
	})
}

func TestQueue_AttemptsEndWithTheSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := recorder{err: onetimesend.Temporary(2*time.Minute, errBroken)}
		d := open(t, r.send, onetimesend.WithDelay(0), onetimesend.WithAttempts(20))
		require.NoError(t, d.add("x", ann))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Len(t, r.at, 3, "at 0, 2 and 4 minutes: the code is good for 5")
		require.Equal(t, 4*time.Minute, d.ended["x"].Sub(start), "known as soon as no attempt can follow")
		require.True(t, d.results["x"].Failed())
		require.Equal(t, 3, d.results["x"].Attempts)
		require.Equal(t, 2*time.Minute, d.events[0].RetryIn)
		require.Zero(t, d.events[2].RetryIn)

		// An attempt that is under way when the secret ends is cancelled then.
		d = open(t, hangs, onetimesend.WithDelay(0), onetimesend.WithTimeout(10*time.Minute))
		start = time.Now()
		require.NoError(t, d.add("y", ann))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Equal(t, 5*time.Minute, d.ended["y"].Sub(start))
		require.ErrorIs(t, d.results["y"].Err, onetimesend.ErrUnknown)
	})
}

func TestQueue_WhatEachErrorDoes(t *testing.T) {
	for _, c := range []struct {
		err      error
		attempts int
		failed   bool
	}{
		{errBroken, 4, true}, {onetimesend.Permanent(errBroken), 1, true}, {onetimesend.Unknown(errBroken), 1, false},
		{onetimesend.Refused(errBroken), 1, false}, {context.DeadlineExceeded, 1, false}, {nil, 1, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := recorder{err: c.err}
			d := open(t, r.send)
			require.NoError(t, d.add("x", ann))
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			require.ErrorIs(t, d.results["x"].Err, c.err)
			require.Equal(t, c.attempts, r.count())
			require.Equal(t, c.failed, d.results["x"].Failed(), "%v", c.err)
			require.Len(t, d.events, c.attempts)
			for i, e := range d.events {
				require.Equal(t, onetimesend.Event{ID: "x", Purpose: "sign-in", Channel: onetimesend.ChannelMail, Attempt: i + 1, Err: e.Err, RetryIn: e.RetryIn, Waited: e.Waited}, e)
				require.ErrorIs(t, e.Err, c.err)
			}
		})
	}
}

func TestQueue_APanicOrGoexitEndsNoWorker(t *testing.T) {
	for name, broken := range map[string]func(){
		"panic": func() { panic("code " + code) }, "runtime error": func() { _ = []int{}[len(code)] }, "nil": func() { panic(nil) }, "Goexit": runtime.Goexit,
	} {
		synctest.Test(t, func(t *testing.T) {
			d := open(t, func(_ context.Context, to onetimesend.Recipient, _ onetimesend.Message) (onetimesend.Delivery, error) {
				if to.Addresses[0].Value != ann {
					broken()
				}
				return onetimesend.Delivery{}, nil
			}, onetimesend.WithWorkers(1), onetimesend.WithDelay(0))
			for i := range 10 {
				require.NoError(t, d.add(strconv.Itoa(i), fmt.Sprintf("eve@%d.example", i)))
			}
			require.NoError(t, d.add("ann", ann))
			synctest.Wait()
			require.Len(t, d.results, 11)
			require.NoError(t, d.results["ann"].Err)
			for i := range 10 {
				err := d.results[strconv.Itoa(i)].Err
				require.ErrorIs(t, err, onetimesend.ErrUnknown, "it may have come after all was sent")
				require.NotContains(t, err.Error(), code, name)
			}
			require.NoError(t, d.queue.Close(t.Context()))
		})
	}
}

// What the caller gave along cannot harm either.
func TestQueue_APanicOrGoexitOfAnObserverOrDoneEndsNothing(t *testing.T) {
	for _, broken := range []func(){func() { panic("broken") }, runtime.Goexit} {
		synctest.Test(t, func(t *testing.T) {
			var r recorder
			d := open(t, r.send, onetimesend.WithWorkers(1), onetimesend.WithDelay(0), onetimesend.WithObserver(func(onetimesend.Event) { broken() }))
			var done atomic.Int32
			for i := range 5 {
				require.NoError(t, d.add(strconv.Itoa(i), ann, func(j *onetimesend.Job) { j.Done = func(onetimesend.Result) { done.Add(1); broken() } }))
			}
			synctest.Wait()
			require.Equal(t, 5, r.count())
			require.EqualValues(t, 5, done.Load())
			require.NoError(t, d.queue.Close(t.Context()))
		})
	}
}

func TestQueue_EightAccountsCannotPutEightMailsIntoOneInboxAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		q, err := onetimesend.NewQueue(r.send)
		require.NoError(t, err)
		var refused atomic.Int32
		for account := range 8 {
			spelling := []string{"ann@example.com", "ann@EXAMPLE.com"}[account%2]
			require.NoError(t, q.Add(onetimesend.Job{
				To: onetimesend.To(onetimesend.ChannelMail, spelling), Message: message(func(m *onetimesend.Message) { m.ID = strconv.Itoa(account) }),
				Done: func(result onetimesend.Result) {
					if result.Err != nil {
						require.ErrorIs(t, result.Err, onetimesend.ErrRefused)
						require.False(t, result.Failed(), "a limit is no word about the address")
						refused.Add(1)
					}
				},
			}))
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.Equal(t, 2, r.count())
		require.EqualValues(t, 6, refused.Load())

		// Over a day one inbox gets no more than twice what one day allows, and nobody else is held up.
		for range 24 * 60 * 4 {
			require.NoError(t, q.Add(onetimesend.Job{To: onetimesend.To(onetimesend.ChannelMail, ann), Message: message()}))
			time.Sleep(15 * time.Second)
		}
		synctest.Wait()
		require.LessOrEqual(t, r.count(), 60)
		require.Greater(t, r.count(), 30)
		before := r.count()
		require.NoError(t, q.Add(onetimesend.Job{To: onetimesend.To(onetimesend.ChannelMail, "bob@example.com"), Message: message()}))
		require.NoError(t, q.Close(t.Context()))
		require.Equal(t, before+1, r.count())
	})
}

// Attempts of one message are charged once.
func TestQueue_RecipientLimitsCountMessagesNotAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{err: errBroken}
		d := open(t, r.send, onetimesend.WithRecipientLimits(onetime.Limit{Burst: 1, Per: time.Hour}))
		require.NoError(t, d.add("x", ann))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		require.Equal(t, 4, r.count())
	})
}

// All attempts have one id, so that the receiver can drop one that comes twice.
func TestQueue_AttemptsHaveOneID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		ids := map[string]int{}
		d := open(t, func(_ context.Context, to onetimesend.Recipient, m onetimesend.Message) (onetimesend.Delivery, error) {
			mu.Lock()
			defer mu.Unlock()
			ids[m.DeliveryID(to.Addresses[0])]++
			return onetimesend.Delivery{}, errBroken
		})
		require.NoError(t, d.add("", ann))
		require.NoError(t, d.add("", "bob@example.com", func(j *onetimesend.Job) { j.Done = nil }))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		require.Len(t, ids, 2)
		for id, n := range ids {
			require.NotEmpty(t, id)
			require.Equal(t, 4, n)
		}
	})
}

func TestNewQueue_ReportsEveryWrongOption(t *testing.T) {
	_, err := onetimesend.NewQueue(nil, onetimesend.WithWorkers(0), onetimesend.WithWaiting(0), onetimesend.WithTimeout(0), onetimesend.WithAttempts(21),
		onetimesend.WithDelay(-1), onetimesend.WithObserver(nil), onetimesend.WithRecipientLimits(onetime.Limit{}), onetimesend.QueueOption{})
	require.ErrorIs(t, err, onetimesend.ErrInvalid)
	for _, want := range []string{
		"NewQueue: want a Sender", "WithWorkers(0): want 1 to 1000", "WithWaiting(0)", "WithTimeout(0s): want 1s to 10m0s", "WithAttempts(21): want 1 to 20",
		"WithDelay(-1ns): want 0s to 30s", "WithObserver", "WithRecipientLimits(0 per 0s)",
	} {
		require.ErrorContains(t, err, "onetimesend: "+want)
	}
}

// A Sender finds the values of the Job's context, and its end ends nothing.
func TestQueue_SenderHasTheValuesOfTheJob(t *testing.T) {
	type key struct{}
	type seen struct {
		value any
		err   error
	}
	found := make(chan seen, 2)
	q, err := onetimesend.NewQueue(func(ctx context.Context, _ onetimesend.Recipient, _ onetimesend.Message) (onetimesend.Delivery, error) {
		found <- seen{ctx.Value(key{}), ctx.Err()}
		return onetimesend.Delivery{}, nil
	}, onetimesend.WithDelay(0))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "of the request"))
	cancel()
	require.NoError(t, q.Add(onetimesend.Job{To: onetimesend.To(onetimesend.ChannelMail, ann), Message: message(), Context: ctx}))
	require.Equal(t, seen{"of the request", nil}, <-found)
	require.NoError(t, q.Add(onetimesend.Job{To: onetimesend.To(onetimesend.ChannelMail, ann), Message: message()}))
	require.Equal(t, seen{}, <-found)
	require.NoError(t, q.Close(t.Context()))
}
