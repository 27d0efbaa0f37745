package main

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// maxWeighed is up to how many records are made to weigh them alone. More are weighed where they stay.
const maxWeighed = 100_000

// fill makes the pending codes of each level, and weighs what is pending.
func (b *bench) fill(ctx context.Context) error {
	// Connections and their buffers are there before anything is weighed.
	if _, err := b.weigh(ctx, b.spare, otp, 2_000); err != nil {
		return err
	}
	for _, kind := range []string{otp, asked, token, link} {
		b.bytes[kind] = map[int]float64{}
		for _, pending := range b.pending {
			if pending > maxWeighed {
				continue
			}
			bytes, err := b.weigh(ctx, b.spare, kind, pending)
			if err != nil {
				return err
			}
			b.bytes[kind][pending] = bytes
		}
	}
	for _, l := range b.levels {
		bytes, err := b.weigh(ctx, l, otp, l.pending)
		if err != nil {
			return err
		}
		if l.pending > maxWeighed {
			b.bytes[otp][l.pending] = bytes
		}
	}
	return b.spare.client.FlushDB(ctx).Err()
}

// weigh fills an emptied database with records and returns the bytes of each.
func (b *bench) weigh(ctx context.Context, l *level, kind string, records int) (float64, error) {
	if err := l.client.FlushDB(ctx).Err(); err != nil {
		return 0, err
	}
	before, err := weight(ctx, l.client)
	if err != nil {
		return 0, err
	}
	if err := b.issue(ctx, l, kind, records); err != nil {
		return 0, err
	}
	after, err := weight(ctx, l.client)
	return float64(after-before) / float64(records), err
}

// issue makes records of new subjects, by so many callers that the pipeliner's batches are full.
func (b *bench) issue(ctx context.Context, l *level, kind string, records int) error {
	const callers = 400
	issue := l.pairs[automatic]["issue "+kind]
	last := b.next.Add(int64(records))
	var at atomic.Int64
	at.Store(last - int64(records))
	var group sync.WaitGroup
	var failed firstError
	for range min(callers, records) {
		group.Go(func() {
			for n := at.Add(1); n <= last && failed.get() == nil; n = at.Add(1) {
				failed.set(issue(ctx, subject(n)))
			}
		})
	}
	group.Wait()
	return failed.get()
}

// weight is the memory that Redis uses, but for the buffers of its clients.
func weight(ctx context.Context, client *redis.Client) (int, error) {
	text, err := client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	info := infoOf(text)
	used, err := strconv.Atoi(info["used_memory"])
	if err != nil {
		return 0, err
	}
	buffers, err := strconv.Atoi(info["mem_clients_normal"])
	return used - buffers, err
}

// A firstError keeps the first error of many callers.
type firstError struct{ err atomic.Pointer[error] }

func (f *firstError) set(err error) {
	if err != nil {
		f.err.CompareAndSwap(nil, &err)
	}
}

func (f *firstError) get() error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}
