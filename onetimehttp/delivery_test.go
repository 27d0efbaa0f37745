package onetimehttp_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func TestDelivery_IsObserved(t *testing.T) {
	for secrets, kind := range map[onetimehttp.Secrets]string{onetimehttp.LinkAndCode: "link", onetimehttp.CodeOnly: "otp", onetimehttp.LinkOnly: "link"} {
		s := newSite(t, func(with *setup) { with.config.Secrets = secrets })
		require.Equal(t, http.StatusOK, s.visitor().post(start, "address", mallory).status)
		require.Equal(t, http.StatusOK, s.visitor().post(start, "address", alice).status)
		e := s.deliver()
		require.NoError(t, e.Err)
		require.Equal(t, kind, e.Kind)
		require.Equal(t, "default", e.Purpose)
		who, err := s.manager.Pseudonym("user-17")
		require.NoError(t, err)
		require.Equal(t, who, e.Who)
		status, err := s.manager.Status(t.Context(), "user-17")
		require.NoError(t, err)
		require.Equal(t, status.Pending[0].ID, e.ID)
		require.GreaterOrEqual(t, e.Took, time.Duration(0))
		require.Empty(t, s.delivered, "nothing of who is not known")
	}
}

var errMailbox = errors.New("no such mailbox")

// Where it is certain that nobody has a message, what was issued is cancelled, and the code page answers as for a decoy.
func TestDelivery_DefiniteFailureIsCancelledAndObserved(t *testing.T) {
	for name, failed := range map[string]error{
		"permanent":                         onetimesend.Permanent(errMailbox),
		"temporary, after the last attempt": errMailbox,
		"nobody took it, by two ways":       errors.Join(onetimesend.Permanent(errMailbox), onetimesend.Permanent(errors.New("no such number"))),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(with *setup) { with.send = func(context.Context, onetimehttp.Message) error { return failed } })
			v, decoy := s.visitor(), s.visitor()
			require.Equal(t, http.StatusOK, v.post(start, "address", alice).status)
			require.Equal(t, http.StatusOK, decoy.post(start, "address", mallory).status)
			m := next(t, s.mail)
			require.ErrorIs(t, s.deliver().Err, errMailbox)
			require.False(t, s.pending("user-17"))
			require.Equal(t, http.StatusForbidden, v.submit("code", m.Code).status)
			require.Equal(t, http.StatusForbidden, decoy.submit("code", m.Code).status)
			alike(t, v.seen.seenBy(alice), decoy.seen.seenBy(mallory), "the code page")
			require.Equal(t, http.StatusGone, v.get(path(t, m.URL)).status)
		})
	}
}

// A message that may have been taken is not ended, whatever else went wrong: the person may be typing its code.
func TestRule18_UnknownOutcomeAndRefusalKeepTheCodeAlive(t *testing.T) {
	for name, send := range map[string]func(context.Context, onetimehttp.Message) error{
		"unknown":              func(context.Context, onetimehttp.Message) error { return onetimesend.Unknown(errMailbox) },
		"a broken connection":  func(context.Context, onetimehttp.Message) error { return context.Canceled },
		"panic":                func(context.Context, onetimehttp.Message) error { panic("no such mailbox") },
		"panic of an error":    func(context.Context, onetimehttp.Message) error { panic(errMailbox) },
		"end of its goroutine": func(context.Context, onetimehttp.Message) error { runtime.Goexit(); return nil },
		"nil pointer": func(context.Context, onetimehttp.Message) error {
			var m *onetimehttp.Message
			return errors.New(m.Code)
		},
		"a budget": func(context.Context, onetimehttp.Message) error { return onetimesend.Refused(errMailbox) },
		"one way failed, one not": func(context.Context, onetimehttp.Message) error {
			return errors.Join(onetimesend.Permanent(errMailbox), onetimesend.Unknown(errMailbox))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(with *setup) {
				with.send, with.options = send, append(with.options, delivery(1, 10, time.Minute))
			})
			v := s.visitor()
			require.Equal(t, http.StatusOK, v.post(start, "address", alice).status)
			m := next(t, s.mail)
			require.Error(t, s.deliver().Err)
			require.True(t, s.pending("user-17"))

			require.Equal(t, http.StatusSeeOther, v.submit("code", m.Code).status)

			// The one worker goes on, and the next message is as good as any.
			s.clock.Advance(time.Minute)
			m = v.asks(alice)
			require.Equal(t, http.StatusSeeOther, v.submit("code", m.Code).status)
		})
	}
}

// A mail server that takes the mail and answers later than anyone waits has delivered it all the same.
func TestRule18_ServerThatTakesTheMailAndAnswersLateKeepsTheCodeAlive(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(with *setup) {
		with.options = append(with.options, delivery(1, 10, time.Second))
		with.send = func(ctx context.Context, _ onetimehttp.Message) error {
			<-ctx.Done() // the answer never comes
			return ctx.Err()
		}
	})
	v := s.visitor()
	m := v.asks(alice)
	require.Equal(t, http.StatusSeeOther, v.submit("code", m.Code).status)
}

// Limits of the queue itself end no code either.
func TestRule18_RecipientLimitEndsNoCode(t *testing.T) {
	s := newSite(t, func(with *setup) {
		with.options = append(with.options, onetimehttp.WithQueue(onetimesend.WithRecipientLimits(onetime.Limit{Burst: 1, Per: time.Hour})))
		with.config.Lookup = func(_ context.Context, typed string) (string, string, bool, error) {
			return "user-" + typed, stored, true, nil
		}
	})
	s.visitor().asks(known(1))
	require.Equal(t, http.StatusOK, s.visitor().post(start, "address", known(2)).status)
	require.ErrorIs(t, s.deliver().Err, onetimesend.ErrRefused)
	require.Empty(t, s.mail, "accounts of one inbox share what it is sent")
	require.True(t, s.pending("user-"+known(2)))
}

// A delivery that fails for now is tried again, and the secret lives on.
func TestDelivery_IsTriedAgain(t *testing.T) {
	t.Parallel()
	n := atomic.Int64{}
	s := newSite(t, func(with *setup) {
		with.options = append(with.options, onetimehttp.WithQueue(onetimesend.WithAttempts(2)))
		with.send = func(context.Context, onetimehttp.Message) error {
			if n.Add(1) == 1 {
				return errMailbox
			}
			return nil
		}
	})
	v := s.visitor()
	v.post(start, "address", alice)
	first := next(t, s.mail)
	require.NoError(t, s.deliver().Err)
	require.Equal(t, first, next(t, s.mail))
	require.Equal(t, http.StatusSeeOther, v.submit("code", first.Code).status)
}

// An observer that panics, or ends its goroutine, ends neither the program nor the worker, and no answer turns into none.
func TestDelivery_ObserverThatPanics(t *testing.T) {
	for name, fails := range map[string]func(){"panic": func() { panic("the observer") }, "end of its goroutine": runtime.Goexit} {
		told := make(chan onetime.Event, 10)
		s := newSite(t, func(with *setup) {
			with.options = append(with.options, delivery(1, 10, time.Minute),
				onetimehttp.WithObserver(func(_ context.Context, e onetime.Event) { told <- e; fails() }))
		})
		for n := range 3 {
			require.Equal(t, http.StatusOK, s.visitor().post(start, "address", known(n)).status, name)
			next(t, s.mail)
			require.NoError(t, next(t, told).Err, name)
		}
		require.NoError(t, s.shutdown(patient), name)
	}

	s := newSite(t, func(with *setup) {
		with.options = append(with.options, onetimehttp.WithObserver(func(context.Context, onetime.Event) { panic("the observer") }))
		with.config.Lookup = func(context.Context, string) (string, string, bool, error) {
			return "", "", false, errors.New("no database")
		}
	})
	require.Equal(t, http.StatusServiceUnavailable, s.visitor().post(start, "address", alice).status)
	s = newSite(t, func(with *setup) {
		with.options = append(with.options, onetimehttp.WithObserver(func(_ context.Context, e onetime.Event) {
			if e.Op == "OnVerified" {
				panic("the observer")
			}
		}))
		with.config.OnVerified = func(http.ResponseWriter, *http.Request, onetime.Verification) error { return errors.New("no session") }
	})
	v := s.visitor()
	v.get(start)
	v.submit("address", alice)
	require.Equal(t, http.StatusServiceUnavailable, v.submit("code", next(t, s.mail).Code).status)
	require.True(t, s.pending("user-17"), "given back")
}

// A late failure does not take away what was issued since.
func TestDelivery_LateFailureCancelsItsOwnIssueOnly(t *testing.T) {
	release, n := make(chan struct{}), atomic.Int64{}
	s := newSite(t, func(with *setup) {
		with.send = func(context.Context, onetimehttp.Message) error {
			if n.Add(1) == 1 {
				<-release
				return errors.New("too late")
			}
			return nil
		}
	})
	v := s.visitor()
	v.post(start, "address", alice)
	next(t, s.mail)
	s.clock.Advance(time.Minute)
	m := v.asks(alice)
	close(release)
	require.Error(t, s.deliver().Err)
	require.Equal(t, http.StatusSeeOther, v.submit("code", m.Code).status)
}

// Sender has a context of its own: with the values of the request, without its end, with a deadline.
func TestDelivery_Context(t *testing.T) {
	t.Parallel()
	type key struct{}
	seen := make(chan context.Context, 1)
	s := newSite(t, func(with *setup) {
		with.options = append(with.options, delivery(1, 1, time.Second))
		with.send = func(ctx context.Context, _ onetimehttp.Message) error {
			seen <- ctx
			<-ctx.Done()
			return ctx.Err()
		}
	})
	v := s.visitor()
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "of the request"))
	began := time.Now()
	v.send(s.handler, v.request(http.MethodPost, start, form, "address="+alice).WithContext(ctx))
	cancel() // as net/http does when the handler returns
	own := next(t, seen)
	require.Equal(t, "of the request", own.Value(key{}))
	deadline, ok := own.Deadline()
	require.True(t, ok)
	require.WithinRange(t, deadline, began.Add(time.Second), time.Now().Add(time.Second))
	e := s.deliver()
	require.ErrorIs(t, e.Err, context.DeadlineExceeded, "and not Canceled")
	require.False(t, time.Now().Before(deadline), "not before its own time was over")
	require.True(t, s.pending("user-17"), "it may have been taken before")
}

// fillUp lets one worker be busy and one message wait, and returns what sets them free.
func fillUp(t *testing.T) (s *site, release func()) {
	t.Helper()
	free := make(chan struct{})
	s = newSite(t, func(with *setup) {
		with.options = append(with.options, delivery(1, 1, time.Minute))
		with.send = func(ctx context.Context, _ onetimehttp.Message) error {
			select {
			case <-free:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	require.Equal(t, http.StatusOK, s.visitor().post(start, "address", "known-1@example.com").status)
	require.Equal(t, "known-1@example.com", next(t, s.mail).to)
	require.Equal(t, http.StatusOK, s.visitor().post(start, "address", "known-2@example.com").status)
	return s, func() { close(free) }
}

func TestDelivery_QueueIsBounded(t *testing.T) {
	s, release := fillUp(t)
	for _, address := range []string{"known-3@example.com", mallory, "known-4@example.com"} {
		require.Equal(t, http.StatusOK, s.visitor().post(start, "address", address).status)
		if address != mallory {
			require.ErrorContains(t, s.deliver().Err, "the queue is full")
			require.False(t, s.pending("user-"+address))
		}
	}
	require.True(t, s.pending("user-known-1@example.com"))
	require.True(t, s.pending("user-known-2@example.com"))
	release()
	require.NoError(t, s.deliver().Err)
	require.NoError(t, s.deliver().Err)
	require.Equal(t, "known-2@example.com", next(t, s.mail).to)
	require.Equal(t, "known-5@example.com", s.visitor().asks("known-5@example.com").to, "there is room again")
	require.Empty(t, s.mail)
}

// People who are not known take places in the queue, too: where it is full, it is full for all.
func TestDelivery_UnknownPeopleTakePlacesToo(t *testing.T) {
	free := make(chan struct{})
	s := newSite(t, func(with *setup) {
		with.options = append(with.options, delivery(1, 1, time.Minute))
		with.send = func(context.Context, onetimehttp.Message) error { <-free; return nil }
	})
	defer close(free)
	s.visitor().post(start, "address", alice)
	next(t, s.mail)
	s.visitor().post(start, "address", mallory)
	s.visitor().post(start, "address", phone)
	require.ErrorContains(t, s.deliver().Err, "the queue is full")
}

func TestDelivery_SoManyAtATime(t *testing.T) {
	const workers, messages = 3, 12
	var now, most atomic.Int64
	free := make(chan struct{})
	s := newSite(t, func(with *setup) {
		with.options = append(with.options, delivery(workers, messages, time.Minute))
		with.send = func(ctx context.Context, _ onetimehttp.Message) error {
			n := now.Add(1)
			defer now.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			select {
			case <-free:
			case <-ctx.Done():
			}
			return nil
		}
	})
	for i := range messages {
		s.visitor().post(start, "address", known(i))
	}
	for i := range messages {
		if i >= workers { // all workers are busy: the next message comes when one is free
			free <- struct{}{}
			require.NoError(t, s.deliver().Err)
		}
		next(t, s.mail)
	}
	for range workers {
		free <- struct{}{}
		s.deliver()
	}
	require.Equal(t, int64(workers), most.Load())
}

func TestShutdown_Drains(t *testing.T) {
	s, release := fillUp(t)
	ended := make(chan error, 1)
	go func() { ended <- s.flow.Shutdown(context.Background()) }()
	// While the queue is full, what is issued is dropped for that; once Shutdown has begun, for this.
	for n, deadline := 3, time.Now().Add(patient); ; n++ {
		address := known(n)
		require.Equal(t, http.StatusOK, s.visitor().post(start, "address", address).status)
		err := s.deliver().Err
		require.Error(t, err)
		require.False(t, s.pending("user-"+address))
		if errors.Is(err, onetimesend.ErrQueueClosed) {
			break
		}
		require.True(t, time.Now().Before(deadline), "Shutdown has not begun")
	}
	require.Empty(t, ended, "it waits for what is under way")
	release()
	require.NoError(t, next(t, ended))
	require.Equal(t, "known-2@example.com", next(t, s.mail).to, "what waited was sent")
	for range 2 {
		require.NoError(t, s.deliver().Err)
	}
	require.True(t, s.pending("user-known-1@example.com"))
	require.True(t, s.pending("user-known-2@example.com"))
	require.NoError(t, s.shutdown(patient), "again")
	require.Empty(t, s.mail)
}

func TestShutdown_DoesNotWaitForASenderThatIgnoresItsContext(t *testing.T) {
	free, seen := make(chan struct{}), make(chan context.Context, 10)
	s := newSite(t, func(with *setup) {
		with.options = append(with.options, delivery(1, 10, time.Minute))
		with.send = func(ctx context.Context, _ onetimehttp.Message) error { seen <- ctx; <-free; return nil }
	})
	for _, address := range []string{known(1), known(2), known(3)} {
		s.visitor().post(start, "address", address)
	}
	own := next(t, seen)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.flow.Shutdown(ctx) }()
	require.ErrorIs(t, next(t, ended), context.DeadlineExceeded)
	next(t, own.Done())
	for range 2 {
		require.ErrorIs(t, s.deliver().Err, onetimesend.ErrQueueClosed)
	}
	close(free)
	require.NoError(t, s.deliver().Err, "the Sender says that it was sent")
	require.Empty(t, seen, "what still waited was dropped")
	require.False(t, s.pending("user-"+known(2)))
	require.False(t, s.pending("user-"+known(3)))
	require.NoError(t, s.shutdown(patient), "all has ended since")
}

// To cancel what finds no place may take as long as Redis takes. That must not hold up Shutdown, nor other requests.
func TestShutdown_DoesNotWaitForACancel(t *testing.T) {
	cancels, free := make(chan struct{}, 10), make(chan struct{})
	s := newSite(t, func(with *setup) {
		with.options = append(with.options, delivery(1, 1, time.Minute))
		with.manager = append(with.manager, onetime.WithObserver(func(_ context.Context, e onetime.Event) {
			if e.Op == "CancelQuietly" {
				cancels <- struct{}{}
				<-free
			}
		}))
		with.send = func(ctx context.Context, _ onetimehttp.Message) error { <-ctx.Done(); return ctx.Err() }
	})
	defer close(free)
	s.visitor().post(start, "address", known(1))
	next(t, s.mail)
	s.visitor().post(start, "address", known(2))
	r := s.visitor().request(http.MethodPost, start, form, "address="+known(3))
	go s.handler.ServeHTTP(&statusOnly{header: http.Header{}}, r)
	next(t, cancels)
	ended := make(chan error, 1)
	go func() { ended <- s.shutdown(0) }()
	require.ErrorIs(t, next(t, ended), context.DeadlineExceeded)
}

// Whatever is issued while Shutdown begins is delivered, or cancelled and reported.
func TestShutdown_WhileRequestsCome(t *testing.T) {
	t.Parallel()
	const n = 60
	s := newSite(t)
	var ended sync.WaitGroup
	counts := parallel(n, func(i int) *http.Request {
		if i == n/2 {
			ended.Go(func() { s.flow.Shutdown(context.Background()) })
		}
		return s.visitor().request(http.MethodPost, start, form, "address="+known(i))
	}, s.handler)
	ended.Wait()
	require.Equal(t, map[int]int{http.StatusSeeOther: n}, counts)
	sent := 0
	for range n {
		if s.deliver().Err == nil {
			sent++
		}
	}
	require.Len(t, s.mail, sent)
	pending := 0
	for i := range n {
		if s.pending("user-" + known(i)) {
			pending++
		}
	}
	require.Equal(t, sent, pending)
}
