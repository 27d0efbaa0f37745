package api

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

// yesOrNo are the calls of which 2xx means yes.
var yesOrNo = []string{"check", "check-service", "undo"}

func TestRule20_ALostReplyIs503AndUsesUpWhatItUsedUp(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, f *fixture) {
		w := &walker{fixture: f}
		for _, id := range yesOrNo {
			require.Equal(t, 2, w.do(w.valid(id)).status/100) // so that the script is loaded
			q := w.valid(id)
			lost := func(redis.Cmder) error { return errGone } // it ran; the reply is lost
			f.fault.after.Store(&lost)
			a := w.do(q).is(503, "undecided")
			require.Equal(t, "1", a.header.Get("Retry-After"))
			f.fault.after.Store(nil)
			if id != "undo" {
				w.do(q).is(409, "used")
			}
		}
	})
}

func TestRule20_NoReplyThatNobodyCanBelieveIsAYes(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, f *fixture) {
		w := &walker{fixture: f}
		for _, id := range yesOrNo {
			require.Equal(t, 2, w.do(w.valid(id)).status/100) // so that the script is loaded
			for _, reply := range []any{nil, "OK", int64(1), []any{}, []any{int64(0)}, []any{int64(1)}, []any{"1"}, []any{int64(10)}, []any{int64(1), int64(1), int64(1)}, []any{nil}} {
				q := w.valid(id)
				damaged := func(cmd redis.Cmder) error {
					if c, ok := cmd.(*redis.Cmd); ok {
						c.SetVal(reply)
					}
					return nil
				}
				f.fault.after.Store(&damaged)
				a := w.do(q)
				f.fault.after.Store(nil)
				// {1} is what undo is answered for a yes.
				if id != "undo" || !isOK(reply) {
					require.Equal(t, 503, a.status, "%s: %v: %s", id, reply, a.body)
				}
			}
		}
	})
}

func isOK(reply any) bool {
	values, ok := reply.([]any)
	return ok && len(values) > 0 && values[0] == int64(1)
}

func TestRule20_RedisThatHangsIs503WithinTheTimeout(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections and answers nobody
	require.NoError(t, err)
	defer listener.Close()
	f := newFixture(t)
	w := &walker{fixture: f}
	q := w.valid("check")
	hanging := redis.NewClient(&redis.Options{Addr: listener.Addr().String(), ContextTimeoutEnabled: true, ReadTimeout: time.Hour, MaxRetries: -1})
	defer hanging.Close()
	m, err := onetime.New(hanging, testKey)
	require.NoError(t, err)
	m, err = m.Purpose("p-login")
	require.NoError(t, err)
	c := f.config
	c.Timeout = minTimeout
	c.Services = append([]Service(nil), c.Services...)
	c.Services[0].Manager = m
	require.NoError(t, f.api.Replace(c))
	w.do(q).is(503, "undecided") // or the test would last as long as the ReadTimeout
}

func TestRule20_AKeyThatDoesNotSignUsesNothingUp(t *testing.T) {
	t.Parallel()
	signer := &failing{}
	f := newFixture(t, func(c *Config) { signer.Signer = signingKey(); c.SigningKeys[0] = signer })
	id, code := f.started("orders", "alice@example.com")
	signer.fails.Store(true)
	f.check(id, code).is(503, "undecided")
	signer.fails.Store(false)
	require.NotEmpty(t, f.check(id, code).is(200).text("access_token"))
}

func TestRule20_APanicIs503(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.started("login", "alice@example.com")
	broken := func(redis.Cmder) error { panic("alice@example.com") }
	f.fault.before.Store(&broken)
	f.check(id, code).is(503, "undecided")
	f.fault.before.Store(nil)
	require.NotContains(t, f.log.String(), "alice@example.com\"")
	f.check(id, code).is(200)
}

func TestRule20_TwoHundredParallelChecksAreOneYes(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, f *fixture) {
		server := httptest.NewServer(f.api)
		defer server.Close()
		client := server.Client()
		client.Transport.(*http.Transport).MaxIdleConnsPerHost = 200
		id, code := f.started("login", "alice@example.com")
		var yes, used, other atomic.Int64
		done, begin := make(chan struct{}), make(chan struct{})
		for range 200 {
			go func() {
				defer func() { done <- struct{}{} }()
				<-begin
				r, err := http.NewRequest("POST", server.URL+"/v1/verifications/"+id+"/check", strings.NewReader(`{"code":"`+code+`"}`))
				if err != nil {
					return
				}
				r.Header.Set("Authorization", "Bearer "+keys["app"])
				r.Header.Set("Content-Type", "application/json")
				response, err := client.Do(r)
				if err != nil {
					other.Add(1)
					return
				}
				response.Body.Close()
				switch response.StatusCode {
				case 200:
					yes.Add(1)
				case 409:
					used.Add(1)
				default:
					other.Add(1)
				}
			}()
		}
		close(begin)
		for range 200 {
			<-done
		}
		require.Equal(t, []int64{1, 199, 0}, []int64{yes.Load(), used.Load(), other.Load()})
	})
}

func TestStart_ALateCopyIsNotFound(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		again := func(cmd redis.Cmder) error {
			if name := cmd.Name(); name != "evalsha" && name != "eval" || cmd.Err() != nil {
				return cmd.Err()
			}
			f.fault.after.Store(nil) // once
			if err := f.manager["login"].Revoke(ctx, "alice@example.com"); err != nil {
				return err
			}
			copied := redis.NewCmd(ctx, cmd.Args()...)
			err := f.rdb.Process(ctx, copied)
			cmd.(*redis.Cmd).SetVal(copied.Val())
			return err
		}
		f.started("login", "bob@example.com") // so that the script is loaded
		f.fault.after.Store(&again)
		f.call("app", "POST", "/v1/services/login/verifications", body("subject", "alice@example.com")).is(404, "not_found")
	})
}
