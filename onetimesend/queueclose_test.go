package onetimesend_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func TestQueue_CloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := recorder{}
		d := open(t, func(ctx context.Context, to onetimesend.Recipient, m onetimesend.Message) (onetimesend.Delivery, error) {
			time.Sleep(time.Second)
			return r.send(ctx, to, m)
		}, onetimesend.WithDelay(30*time.Second), onetimesend.WithWorkers(4))
		for i := range 20 {
			require.NoError(t, d.add(strconv.Itoa(i), fmt.Sprintf("ann@%d.example", i)))
		}
		require.NoError(t, d.queue.Close(t.Context()))
		require.Equal(t, 5*time.Second, time.Since(start), "without delay")
		require.Len(t, d.results, 20)
		require.Equal(t, 20, r.count())
		require.ErrorIs(t, d.add("late", ann), onetimesend.ErrQueueClosed)
		require.NoError(t, d.queue.Close(t.Context()), "again")

		d = open(t, answer(errBroken))
		require.NoError(t, d.add("x", ann))
		require.NoError(t, d.queue.Close(t.Context()))
		require.Equal(t, 1, d.results["x"].Attempts, "without further attempts")
		require.NoError(t, open(t, answer(nil)).queue.Close(t.Context()), "nothing was added")
	})
}

func TestQueue_CloseSaysWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, hangs, onetimesend.WithDelay(0), onetimesend.WithWorkers(2), onetimesend.WithTimeout(time.Minute))
		for i := range 10 {
			require.NoError(t, d.add(strconv.Itoa(i), fmt.Sprintf("ann@%d.example", i)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := d.queue.Close(ctx)
		var lost *onetimesend.LostError
		require.ErrorAs(t, err, &lost)
		require.Equal(t, onetimesend.LostError{Waiting: 8, UnderWay: 2, Err: context.DeadlineExceeded}, *lost)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		require.Len(t, d.results, 10, "each is told")
		unknown := 0
		for _, r := range d.results {
			if r.Failed() {
				require.ErrorIs(t, r.Err, onetimesend.ErrQueueClosed)
			} else {
				require.ErrorIs(t, r.Err, onetimesend.ErrUnknown, "it may have arrived")
				unknown++
			}
		}
		require.Equal(t, 2, unknown)
		require.NoError(t, d.queue.Close(t.Context()))
	})
}

// The queue is asked by many goroutines at a time; what it does not refuse is done, once.
func TestQueue_ManyAddWhileItCloses(t *testing.T) {
	var r recorder
	d := open(t, r.send, onetimesend.WithDelay(time.Millisecond))
	var adding sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for i := range 8 {
		adding.Go(func() {
			for j := range 200 {
				if d.add(fmt.Sprint(i, "-", j), fmt.Sprintf("ann@%d.example", j%7)) == nil {
					mu.Lock()
					taken++
					mu.Unlock()
				}
			}
		})
	}
	require.NoError(t, d.queue.Close(t.Context()))
	adding.Wait()
	require.NoError(t, d.queue.Close(t.Context()))
	require.Len(t, d.results, taken)
	require.Equal(t, taken, r.count())
}
