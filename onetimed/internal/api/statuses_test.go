package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A walker makes each answer that a call can give.
type walker struct {
	*fixture
	people int
	shut   [3]string // what disabled returns
}

// someone returns a subject that nobody had before.
func (w *walker) someone() string {
	w.people++
	return fmt.Sprintf("person-%d@example.com", w.people)
}

// valid returns a request that is answered by yes.
func (w *walker) valid(id string) request {
	switch id {
	case "start":
		return request{"app", "POST", "/v1/services/login/verifications", map[string]any{"subject": w.someone()}, nil}
	case "resend":
		v, _ := w.started("login", w.someone())
		return request{"app", "POST", "/v1/verifications/" + v + "/resend", map[string]any{}, nil}
	case "check":
		v, code := w.started("login", w.someone())
		return w.checking(v, code)
	case "check-service":
		return request{"app", "POST", "/v1/services/login/check", map[string]any{"token": w.token(w.someone())}, nil}
	case "inspect":
		return request{"app", "POST", "/v1/tokens/inspect", map[string]any{"service": "login", "token": w.token(w.someone())}, nil}
	case "undo":
		v, code := w.started("login", w.someone())
		return request{"app", "POST", "/v1/undo", map[string]any{"undo": w.check(v, code).is(200).text("undo")}, nil}
	case "status", "cancel":
		v, _ := w.started("login", w.someone())
		return request{"app", map[string]string{"status": "GET", "cancel": "DELETE"}[id], "/v1/verifications/" + v, nil, nil}
	case "introspect":
		return request{"app", "POST", "/v1/access-tokens/introspect", "token=" + w.accessToken("orders"), []string{"Content-Type", "application/x-www-form-urlencoded"}}
	case "verify":
		return request{"", "GET", "/v1/access-tokens/verify?service=orders", nil, []string{"Authorization", "Bearer " + w.accessToken("orders")}}
	case "key-set":
		return request{"", "GET", "/.well-known/jwks.json", nil, nil}
	case "configuration":
		return request{"", "GET", "/.well-known/openid-configuration", nil, nil}
	case "openapi":
		return request{"", "GET", "/openapi.json", nil, nil}
	case "docs":
		return request{"", "GET", "/docs", nil, nil}
	}
	name, ok := strings.CutPrefix(id, "admin-")
	require.True(w, ok, "no valid request of %s", id)
	return request{"support", "POST", "/v1/admin/login/" + name, map[string]any{"subject": w.someone()}, nil}
}

func (w *walker) checking(id, code string) request {
	return request{"app", "POST", "/v1/verifications/" + id + "/check", map[string]any{"code": code}, nil}
}

func (w *walker) token(subject string, more ...any) string {
	_, sent := w.start("login", body(append([]any{"subject", subject, "kind", "link"}, more...)...))
	_, token, _ := strings.Cut(sent.URL, "token=")
	return token
}

// accessToken returns one of a service of two callers.
func (w *walker) accessToken(service string) string {
	caller := "vault"
	if service == "reset" {
		caller = "other"
	}
	a := w.call(caller, "POST", "/v1/services/"+service+"/verifications", body("subject", w.someone(), "channel", "none")).is(201)
	return w.call(caller, "POST", "/v1/verifications/"+a.text("id")+"/check", body("code", a.text("code"))).is(200).text("access_token")
}

func (w *walker) later(d time.Duration, f func() answer) answer {
	w.shift.Add(int64(d))
	defer w.shift.Add(-int64(d))
	return f()
}

// locked returns an id of the service tight, and its code, of somebody whose guesses are used up.
func (w *walker) locked() (id, code, subject string) {
	subject = w.someone()
	id, code = w.started("tight", subject)
	for n := range 2 {
		w.check(id, wrong(code, n))
	}
	return id, code, subject
}

// disabled returns an id and its code of somebody who has 100 wrong codes, always the same.
func (w *walker) disabled() (id, code, subject string) {
	if w.shut[0] != "" {
		return w.shut[0], w.shut[1], w.shut[2]
	}
	subject = w.someone()
	for n := range 50 {
		id, code = w.started("login", subject)
		w.check(id, wrong(code, n)).is(422)
		w.check(id, wrong(code, n+50))
	}
	w.shut = [3]string{id, code, subject}
	return id, code, subject
}

// scenarios makes the refusals that are of single calls, by call and reason.
func (w *walker) scenarios() map[string]map[string]func() answer {
	resend := func(id string, more ...any) request {
		return request{"app", "POST", "/v1/verifications/" + id + "/resend", body(more...), nil}
	}
	byService := func(more ...any) request {
		return request{"app", "POST", "/v1/services/login/check", body(more...), nil}
	}
	inspect := func(token string, more ...any) request {
		return request{"app", "POST", "/v1/tokens/inspect", body(append([]any{"service", "login", "token", token}, more...)...), nil}
	}
	undo := func(right string) request {
		return request{"app", "POST", "/v1/undo", body("undo", right), nil}
	}
	secret := "a secret of the person's session"
	all := map[string]map[string]func() answer{
		"start": {
			"sends_throttled": func() answer {
				q := request{"app", "POST", "/v1/services/slow/verifications", body("subject", w.someone()), nil}
				w.do(q).is(201)
				return w.do(q)
			},
			"codes_locked": func() answer {
				_, _, subject := w.locked()
				return w.do(request{"app", "POST", "/v1/services/tight/verifications", body("subject", subject), nil})
			},
			"codes_disabled": func() answer {
				_, _, subject := w.disabled()
				return w.do(request{"app", "POST", "/v1/services/login/verifications", body("subject", subject), nil})
			},
		},
		"resend": {
			"not_found":       func() answer { return w.do(resend("none")) },
			"sends_throttled": func() answer { id, _ := w.started("slow", w.someone()); return w.do(resend(id)) },
			"codes_locked":    func() answer { id, _, _ := w.locked(); return w.do(resend(id)) },
			"codes_disabled":  func() answer { id, _, _ := w.disabled(); return w.do(resend(id)) },
			"expired": func() answer {
				id, _ := w.started("login", w.someone())
				return w.later(2*time.Hour, func() answer { return w.do(resend(id)) })
			},
			"binding_mismatch": func() answer {
				id, _ := w.started("login", w.someone())
				return w.do(resend(id, "binding", secret))
			},
		},
		"check": {
			"malformed":     func() answer { id, _ := w.started("login", w.someone()); return w.check(id, "none") },
			"code_mismatch": func() answer { id, code := w.started("login", w.someone()); return w.check(id, wrong(code, 0)) },
			"binding_mismatch": func() answer {
				id, code := w.started("login", w.someone())
				return w.call("app", "POST", "/v1/verifications/"+id+"/check", body("code", code, "binding", secret))
			},
			"not_found": func() answer {
				id, code := w.started("login", w.someone())
				w.do(resend(id)).is(201)
				w.outbox.Next()
				return w.check(id, code) // replaced
			},
			"used": func() answer { q := w.valid("check"); w.do(q).is(200); return w.do(q) },
			"attempts_exhausted": func() answer {
				id, code := w.started("login", w.someone())
				w.check(id, wrong(code, 0)).is(422)
				w.check(id, wrong(code, 1))
				return w.check(id, code)
			},
			"expired": func() answer {
				q := w.valid("check")
				return w.later(time.Hour, func() answer { return w.do(q) })
			},
			"codes_locked":   func() answer { id, code, _ := w.locked(); return w.check(id, code) },
			"codes_disabled": func() answer { id, code, _ := w.disabled(); return w.check(id, code) },
		},
		"check-service": {
			"malformed":     func() answer { return w.do(byService("token", "none")) },
			"code_mismatch": func() answer { return w.do(byService("token", flip(w.token(w.someone())))) },
			"binding_mismatch": func() answer {
				return w.do(byService("token", w.token(w.someone(), "binding", secret)))
			},
			"subject_mismatch": func() answer {
				return w.do(byService("token", w.token(w.someone()), "subject", w.someone()))
			},
			"not_found": func() answer { return w.do(byService("subject", w.someone(), "code", "123456")) },
			"used":      func() answer { q := w.valid("check-service"); w.do(q).is(200); return w.do(q) },
			"attempts_exhausted": func() answer {
				subject := w.someone()
				_, sent := w.start("login", body("subject", subject, "request", secret))
				for n := range 2 {
					w.do(byService("subject", subject, "code", wrong(sent.Code, n), "request", secret)).is(422)
				}
				return w.do(byService("subject", subject, "code", sent.Code, "request", secret))
			},
			"codes_locked": func() answer {
				_, _, subject := w.locked()
				return w.do(request{"app", "POST", "/v1/services/tight/check", body("subject", subject, "code", "123456"), nil})
			},
			"codes_disabled": func() answer {
				_, _, subject := w.disabled()
				return w.do(byService("subject", subject, "code", "123456"))
			},
		},
		"inspect": {
			"malformed":        func() answer { return w.do(inspect("none")) },
			"code_mismatch":    func() answer { return w.do(inspect(flip(w.token(w.someone())))) },
			"binding_mismatch": func() answer { return w.do(inspect(w.token(w.someone()), "binding", secret)) },
			"not_found": func() answer {
				subject := w.someone()
				token := w.token(subject)
				require.NoError(w, w.manager["login"].Revoke(context.Background(), subject))
				return w.do(inspect(token))
			},
			"used": func() answer {
				token := w.token(w.someone())
				w.do(byService("token", token)).is(200)
				return w.do(inspect(token))
			},
		},
		"undo": {
			"not_found": func() answer { return w.do(undo("none")) },
			"used": func() answer {
				id, code := w.started("login", w.someone())
				right := w.check(id, code).is(200).text("undo")
				w.do(undo(right)).is(204)
				w.check(id, code).is(200)
				return w.do(undo(right)) // another call has used it since
			},
			"expired": func() answer {
				q := w.valid("undo")
				return w.later(61*time.Second, func() answer { return w.do(q) })
			},
		},
		"status": {
			"not_found": func() answer {
				id, _ := w.started("login", w.someone())
				w.do(resend(id)).is(201)
				w.outbox.Next()
				return w.call("app", "GET", "/v1/verifications/"+id, nil)
			},
			"expired": func() answer {
				q := w.valid("status")
				return w.later(time.Hour, func() answer { return w.do(q) })
			},
		},
		"cancel": {"not_found": func() answer { return w.call("app", "DELETE", "/v1/verifications/none", nil) }},
		"introspect": {
			"bad_request": func() answer {
				return w.call("app", "POST", "/v1/access-tokens/introspect", "token=a&token=b", "Content-Type", "application/x-www-form-urlencoded")
			},
		},
		"verify": {
			"bad_request": func() answer { return w.call("", "GET", "/v1/access-tokens/verify", nil) },
			"unauthorized": func() answer {
				return w.call("", "GET", "/v1/access-tokens/verify?service=orders", nil, "Authorization", "Bearer "+flip(w.accessToken("orders")))
			},
			"not_found": func() answer { return w.call("", "GET", "/v1/access-tokens/verify?service=login", nil) },
			"forbidden": func() answer {
				// A service with the same audience and another purpose takes no token of this one.
				c := w.config
				c.Services = slices.Clone(c.Services)
				c.Services[0].AccessTokens = &AccessTokens{Audience: "orders"}
				require.NoError(w, w.api.Replace(c))
				defer w.api.Replace(w.config)
				return w.call("", "GET", "/v1/access-tokens/verify?service=login", nil, "Authorization", "Bearer "+w.accessToken("orders"))
			},
		},
	}
	return all
}

// general makes the refusals that many calls have.
func (w *walker) general(o operation, reason string) (answer, bool) {
	q := w.valid(o.id)
	switch reason {
	case "unauthorized":
		q.caller = ""
	case "forbidden":
		q.caller = "other"
		if o.id == "introspect" || o.id == "undo" {
			q.caller = "starter"
		}
	case "bad_request":
		q.body = `{"subject":`
	case "body_too_large":
		q.body = `"` + strings.Repeat("x", maxBody) + `"`
	case "unsupported_media_type":
		q.header = append(q.header, "Content-Type", "text/plain")
	case "invalid":
		q.body = invalidBody(o.id)
	case "undecided":
		defer w.gone()()
		return w.do(q), true
	case "no_signing_keys":
		c := w.config
		c.SigningKeys = nil
		c.Services = slices.Clone(c.Services)
		for i := range c.Services {
			c.Services[i].AccessTokens = nil
		}
		require.NoError(w, w.api.Replace(c))
		defer w.api.Replace(w.config)
	default:
		return answer{}, false
	}
	return w.do(q), true
}

func invalidBody(id string) map[string]any {
	switch id {
	case "start":
		return body("subject", strings.Repeat("x", 513))
	case "resend":
		return body("channel", "pigeon")
	case "check", "check-service":
		return body("code", strings.Repeat("1", 513))
	case "inspect":
		return body("service", "login", "token", "")
	case "undo":
		return body("undo", "")
	}
	return body("subject", "")
}

// withoutRedis are the calls that ask nobody: they are never undecided for its sake.
var withoutRedis = []string{"introspect", "verify", "key-set", "configuration"}

// unreachable are refusals that no caller can bring about by calls alone; each has a test of its own.
var unreachable = map[string]string{"start not_found": "TestStart_ALateCopyIsNotFound"}

func TestRule20_EveryStatusOfEveryCallAndTwoHundredsForAYesOnly(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, f *fixture) {
		w := &walker{fixture: f}
		scenarios := w.scenarios()
		for _, o := range operations() {
			if yes := w.do(w.valid(o.id)); yes.status != o.success {
				require.Equal(t, o.success, yes.status, "%s: %s", o.id, yes.body)
			}
			for status, reasons := range o.problems() {
				for _, reason := range reasons {
					if slices.Contains(withoutRedis, o.id) && reason == "undecided" || unreachable[o.id+" "+reason] != "" {
						continue
					}
					make, ok := scenarios[o.id][reason]
					var got answer
					if ok {
						got = make()
					} else if got, ok = w.general(o, reason); !ok {
						require.Fail(t, "no scenario", "%s %s", o.id, reason)
					}
					require.Equal(t, status, got.status, "%s %s: %s", o.id, reason, got.body)
					require.Equal(t, reason, got.text("reason"), o.id)
					require.NotEqual(t, 2, got.status/100)
				}
			}
			for reason := range maps.Keys(scenarios[o.id]) {
				require.Contains(t, o.problems()[reasonOf(reason).status], reason, "%s answers what is not documented", o.id)
			}
		}
	})
}

func TestRule20_EveryReasonHasAStatusOfItsKind(t *testing.T) {
	for _, r := range reasons {
		require.GreaterOrEqual(t, r.status, 400, r.name)
		require.NotEmpty(t, http.StatusText(r.status), r.name)
	}
}
