package onetime_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

var reasons = []error{
	onetime.ErrMalformed, onetime.ErrMismatch, onetime.ErrNotFound, onetime.ErrUsed, onetime.ErrExhausted,
	onetime.ErrBinding, onetime.ErrSubject, onetime.ErrThrottled, onetime.ErrLocked, onetime.ErrDisabled,
}

func TestDeniedError_IsDeniedAndItsReasonAndNothingElse(t *testing.T) {
	for _, reason := range reasons {
		var err error = &onetime.DeniedError{Reason: reason}
		for _, err := range []error{err, fmt.Errorf("login: %w", err), errors.Join(errors.New("other"), err)} {
			require.ErrorIs(t, err, onetime.ErrDenied)
			for _, other := range reasons {
				require.Equal(t, other == reason, errors.Is(err, other))
			}
			require.NotErrorIs(t, err, onetime.ErrInvalid)
			var denied *onetime.DeniedError
			require.ErrorAs(t, err, &denied)
			require.Equal(t, reason, denied.Reason)
		}
		require.Equal(t, reason, errors.Unwrap(err))
		require.NotErrorIs(t, reason, onetime.ErrDenied, "a bare reason is no refusal")
	}

	var empty error = &onetime.DeniedError{}
	require.ErrorIs(t, empty, onetime.ErrDenied)
	require.NoError(t, errors.Unwrap(empty))
	for _, reason := range reasons {
		require.NotErrorIs(t, empty, reason)
	}
}

func TestDeniedError_Text(t *testing.T) {
	for _, c := range []struct {
		err  onetime.DeniedError
		want string
	}{
		{onetime.DeniedError{}, "onetime: denied"},
		{onetime.DeniedError{Reason: onetime.ErrUsed}, "onetime: already used"},
		{onetime.DeniedError{Reason: onetime.ErrMismatch}, "onetime: wrong code or token"},
		{onetime.DeniedError{Reason: onetime.ErrMismatch, AttemptsLeft: 1}, "onetime: wrong code or token, 1 attempt left"},
		{onetime.DeniedError{Reason: onetime.ErrMismatch, AttemptsLeft: 3}, "onetime: wrong code or token, 3 attempts left"},
		{onetime.DeniedError{Reason: onetime.ErrMismatch, RetryAfter: time.Hour}, "onetime: wrong code or token, retry after 1h0m0s"},
		{onetime.DeniedError{Reason: onetime.ErrMismatch, AttemptsLeft: 3, RetryAfter: time.Hour},
			"onetime: wrong code or token, 3 attempts left, retry after 1h0m0s"},
		{onetime.DeniedError{Reason: onetime.ErrThrottled, RetryAfter: 30 * time.Second}, "onetime: too many sends, retry after 30s"},
		{onetime.DeniedError{Reason: onetime.ErrLocked, RetryAfter: 1500 * time.Millisecond}, "onetime: too many wrong codes, retry after 1.5s"},
	} {
		require.EqualError(t, &c.err, c.want)
	}
}

func TestErrors_ReasonsAreDistinctAndCarryThePackagesName(t *testing.T) {
	seen := map[string]bool{}
	for _, err := range append([]error{onetime.ErrDenied, onetime.ErrInvalid}, reasons...) {
		require.True(t, strings.HasPrefix(err.Error(), "onetime: "), err)
		require.False(t, seen[err.Error()], err)
		seen[err.Error()] = true
	}
}

// The person, the secrets and the keys of the tests below. None may show up anywhere, in no notation.
const (
	theSubject = "alice.liddell@example.com"
	thePayload = "the payload of the white rabbit"
	theCookie  = "the cookie that says eat me"
	theFixed   = "WH1TERABB1TS"
	theKey     = "the key of the garden behind the door"
	theNaming  = "the key of the names of all the cards"
	theOldKey  = "the key of the pool of tears, retired"
)

// needles are the ways in which fmt prints the person, these secrets and the keys, or their bytes.
func needles(secrets ...string) []string {
	var list []string
	for _, secret := range append(secrets, theSubject, thePayload, theCookie, theFixed, theKey, theNaming, theOldKey) {
		inHex := hex.EncodeToString([]byte(secret))
		list = append(list, secret, inHex, strings.ToUpper(inHex), fmt.Sprintf("% x", secret),
			strings.Trim(fmt.Sprint([]byte(secret)), "[]"))
	}
	return list
}

// tellsNothing requires that no needle stands in the text.
func tellsNothing(t testing.TB, text string, needles []string) {
	t.Helper()
	for _, needle := range needles {
		if strings.Contains(text, needle) {
			t.Fatalf("%q tells %q", text, needle)
		}
	}
}

// issueAll returns one of each that redacts itself, by how it should print, and what must not stand in the print.
func issueAll(t testing.TB) (values map[string]any, hidden []string) {
	t.Helper()
	client, _ := onetimetest.NewRedis(t)
	m, err := onetime.New(client, []byte(theKey), onetime.WithAlphabet(onetime.Crockford32), onetime.WithCodeLength(12), onetime.WithSendLimits(), onetime.WithLinkBase("https://example.com/in"),
		onetime.WithNamingKey([]byte(theNaming)), onetime.WithPreviousKeys([]byte(theOldKey)),
		onetime.WithDangerouslyFixedCodes(map[string]string{theSubject: theFixed}, time.Now().Add(time.Hour)))
	require.NoError(t, err)
	ctx, options := t.Context(), []onetime.IssueOption{onetime.WithPayload([]byte(thePayload)), onetime.WithBinding(theCookie)}
	otp, err := m.IssueOTP(ctx, theSubject, options...)
	require.NoError(t, err)
	require.Equal(t, theFixed, otp.Code)
	token, err := m.IssueToken(ctx, theSubject, options...)
	require.NoError(t, err)
	link, err := m.IssueLink(ctx, theSubject, append(options, onetime.WithCode())...)
	require.NoError(t, err)
	v, err := m.VerifyToken(ctx, link.Token, onetime.WithBinding(theCookie))
	require.NoError(t, err)
	require.Equal(t, theSubject, v.Subject)
	require.Equal(t, thePayload, string(v.Payload))
	return map[string]any{
		"onetime.OTP(" + otp.ID + ")":        otp,
		"onetime.Token(" + token.ID + ")":    token,
		"onetime.Link(" + link.ID + ")":      link,
		"onetime.Verification(" + v.ID + ")": v,
		"onetime.Manager(default)":           *m,
	}, needles(token.Value, link.Token, link.URL)
}

// shapes returns a value as it is, behind a pointer, as an element and as an exported field.
func shapes(value any) map[string]any {
	switch v := value.(type) {
	case onetime.OTP:
		return shapesOf(v)
	case onetime.Token:
		return shapesOf(v)
	case onetime.Link:
		return shapesOf(v)
	case onetime.Verification:
		return shapesOf(v)
	case onetime.Manager:
		return shapesOf(v)
	}
	panic("a type without shapes")
}

func shapesOf[T any](v T) map[string]any {
	type nested struct{ Inner struct{ Value T } }
	inner := nested{}
	inner.Inner.Value = v
	return map[string]any{
		"value":             v,
		"pointer":           &v,
		"slice":             []T{v},
		"slice of pointers": []*T{&v},
		"array":             [1]T{v},
		"slice of any":      []any{v},
		"map":               map[string]T{"k": v},
		"map of any":        map[string]any{"k": &v},
		"field":             struct{ Value T }{v},
		"pointer field":     struct{ Value *T }{&v},
		"field of any":      &struct{ Value any }{v},
		"embedded":          struct{ Values []T }{[]T{v}},
		"nested":            inner,
	}
}

func TestRedaction_UnderEveryVerb(t *testing.T) {
	values, hidden := issueAll(t)
	for want, value := range values {
		for shape, shaped := range shapes(value) {
			for _, verb := range "vsqdxXtbcoOUeEfFgG" {
				for _, flags := range []string{"", "+", "#", " ", "-", "0", "+#", "# ", "20", "-20", ".2", "+40.1"} {
					text := fmt.Sprintf("%"+flags+string(verb), shaped)
					switch shape {
					case "value", "pointer":
						require.Equal(t, want, text, "%%%s%c", flags, verb)
					default:
						require.Equal(t, 1, strings.Count(text, want), "%s %%%s%c: %s", shape, flags, verb, text)
						tellsNothing(t, text, hidden)
					}
				}
			}
			for name, text := range map[string]string{
				"Sprint": fmt.Sprint(shaped), "Sprintln": fmt.Sprintln(shaped), "Errorf": fmt.Errorf("%v", shaped).Error(),
				"%T": fmt.Sprintf("%T", shaped), "too many": fmt.Sprintf(strings.Repeat("no verb ", 1), shaped),
			} {
				tellsNothing(t, text, hidden)
				if name != "%T" {
					require.Contains(t, text, want, "%s %s", shape, name)
				}
			}
		}
	}
}

// fmt does not ask a value about %p and a misplaced %w: what it then finds in a Manager tells nothing either.
func TestRedaction_ManagerUnderMisplacedVerbs(t *testing.T) {
	values, hidden := issueAll(t)
	m := values["onetime.Manager(default)"].(onetime.Manager)
	for _, verb := range []string{"p", "w", "+p", "#w", "+w"} {
		for _, shaped := range shapes(m) {
			tellsNothing(t, fmt.Sprintf("%"+verb, shaped), hidden)
		}
	}
}

func TestRedaction_InLogsAndJSON(t *testing.T) {
	values, hidden := issueAll(t)
	for want, value := range values {
		for shape, shaped := range shapes(value) {
			var out bytes.Buffer
			options := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a }}
			for _, handler := range []slog.Handler{
				slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil),
				slog.NewTextHandler(&out, options), slog.NewJSONHandler(&out, options),
			} {
				log := slog.New(handler)
				for _, write := range []func(){
					func() { log.Info("m", "key", shaped) },
					func() { log.Info("m", slog.Group("group", slog.Any("key", shaped))) },
					func() { log.With("key", shaped).Info("m") },
				} {
					out.Reset()
					write()
					require.Equal(t, 1, strings.Count(out.String(), want), "%s %T: %s", shape, handler, out.String())
					tellsNothing(t, out.String(), hidden)
				}
			}

			text, err := json.Marshal(shaped)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(text), `"`+want+`"`), "%s: %s", shape, text)
			tellsNothing(t, string(text), hidden)
			if shape == "value" || shape == "pointer" {
				require.Equal(t, `"`+want+`"`, string(text))
			}
			text, err = json.MarshalIndent(shaped, "", "\t")
			require.NoError(t, err)
			tellsNothing(t, string(text), hidden)
		}
	}
}

func TestRedaction_OfNothing(t *testing.T) {
	for want, value := range map[string]any{
		"onetime.OTP()": onetime.OTP{}, "onetime.Token()": onetime.Token{}, "onetime.Link()": onetime.Link{},
		"onetime.Verification()": onetime.Verification{}, "onetime.Manager()": onetime.Manager{},
	} {
		require.Equal(t, want, fmt.Sprint(value))
	}
	var m *onetime.Manager
	require.Equal(t, "<nil>", fmt.Sprint(m))
	text, err := json.Marshal([]any{m, (*onetime.OTP)(nil)})
	require.NoError(t, err)
	require.Equal(t, "[null,null]", string(text))
}

// flipped is another token than this one.
func flipped(token string) string {
	last := "A"
	if strings.HasSuffix(token, last) {
		last = "B"
	}
	return token[:len(token)-1] + last
}

// Every call, with success and with each reason to fail that it has: what it returns and what the observer hears tell
// nothing of person, secret and payload, and the observer hears of each call once, and the truth.
func TestErrorsAndEvents_TellNothingAndTheTruth(t *testing.T) {
	type contextKey struct{}
	var events []onetime.Event
	var seenBy any
	client, clock := onetimetest.NewRedis(t)
	parent, err := onetime.New(client, []byte(theKey),
		onetime.WithObserver(func(ctx context.Context, e onetime.Event) {
			events, seenBy = append(events, e), ctx.Value(contextKey{})
		}),
		onetime.WithAlphabet(onetime.Crockford32), onetime.WithCodeLength(12), // so that no number looks like a code
		onetime.WithMaxAttempts(2), onetime.WithGuessLimits(onetime.Limit{Burst: 4, Per: time.Hour}),
		onetime.WithLinkBase("https://example.com/in"))
	require.NoError(t, err)
	m, err := parent.Purpose("login")
	require.NoError(t, err)

	// step makes one call. Of what it returns the ID is what the event should have.
	hidden := needles()
	who, err := m.Pseudonym(theSubject)
	require.NoError(t, err)
	notYes := errors.New("neither a refusal nor bad input")
	step := func(op, kind string, reason error, call func(context.Context) (id string, err error)) {
		t.Helper()
		events, seenBy = nil, nil
		start := time.Now()
		id, err := call(context.WithValue(t.Context(), contextKey{}, op))
		took := time.Since(start)
		switch reason {
		case nil:
			require.NoError(t, err)
		case notYes:
			rig.Undecided(t, err)
		case onetime.ErrInvalid:
			require.ErrorIs(t, err, onetime.ErrInvalid)
			require.NotErrorIs(t, err, onetime.ErrDenied)
		default:
			rig.Refused(t, err, reason)
		}
		require.Len(t, events, 1)
		e := events[0]
		require.True(t, e.Err == err, "the event has the error that is returned")
		require.Positive(t, e.Took)
		require.LessOrEqual(t, e.Took, took)
		require.Equal(t, op, seenBy, "the event comes with the context of the call")
		require.Contains(t, []string{"", who}, e.Who)
		require.True(t, err != nil || op == "Check" || e.Who == who, "whoever a call succeeded for is known")
		e.Err, e.Took, e.Who = nil, 0, ""
		require.Equal(t, onetime.Event{Op: op, Kind: kind, Purpose: "login", ID: id}, e)
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "onetime: "), err)
		}
		text := fmt.Sprintf("%v %+v %#v %s %q %v %+v %#v", err, err, err, err, err, events, events, events)
		tellsNothing(t, text, hidden)
	}

	var code, token, id string // of the last issue
	var v onetime.Verification // the last proof
	issued := func(err error, newID string, secrets ...string) (string, error) {
		if err == nil {
			id, code, token = newID, secrets[0], secrets[1]
			for _, secret := range secrets {
				if secret != "" {
					hidden = append(hidden, needles(secret)...)
				}
			}
		}
		return newID, err
	}
	issueOTP := func(ctx context.Context) (string, error) {
		otp, err := m.IssueOTP(ctx, theSubject, onetime.WithPayload([]byte(thePayload)))
		return issued(err, otp.ID, otp.Code, "")
	}
	issueToken := func(ctx context.Context) (string, error) {
		made, err := m.IssueToken(ctx, theSubject, onetime.WithPayload([]byte(thePayload)), onetime.WithBinding(theCookie))
		return issued(err, made.ID, "", made.Value)
	}
	issueLink := func(ctx context.Context) (string, error) {
		link, err := m.IssueLink(ctx, theSubject, onetime.WithCode())
		return issued(err, link.ID, link.Code, link.Token, link.URL)
	}
	proved := func(proof onetime.Verification, err error) (string, error) {
		if err == nil {
			v = proof
		}
		return proof.ID, err
	}
	verifyOTP := func(code string) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			proof, err := m.VerifyOTP(ctx, theSubject, code)
			return proved(proof, err)
		}
	}
	verifyToken := func(token string, opts ...onetime.VerifyOption) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			proof, err := m.VerifyToken(ctx, token, opts...)
			return proved(proof, err)
		}
	}
	inspectToken := func(token string, opts ...onetime.VerifyOption) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			v, err := m.InspectToken(ctx, token, opts...)
			return v.ID, err
		}
	}
	undo := func(v onetime.Verification) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) { return v.ID, v.Undo(ctx) }
	}
	undoTicket := func(v onetime.Verification) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) { return v.ID, m.UndoTicket(ctx, v.UndoTicket()) }
	}
	cancel := func(subject, id string) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) { return id, m.Cancel(ctx, subject, id) }
	}
	revoke := func(ctx context.Context) (string, error) { return "", m.Revoke(ctx, theSubject) }
	unlock := func(ctx context.Context) (string, error) { return "", m.Unlock(ctx, theSubject) }
	status := func(ctx context.Context) (string, error) {
		_, err := m.Status(ctx, theSubject)
		return "", err
	}
	check := func(ctx context.Context) (string, error) { return "", m.Check(ctx) }

	step("IssueOTP", "otp", nil, issueOTP)
	first := code
	cookie := onetime.WithBinding(theCookie)
	step("IssueOTP", "otp", onetime.ErrThrottled, issueOTP)
	step("IssueToken", "token", onetime.ErrThrottled, issueToken)
	step("IssueLink", "link", onetime.ErrThrottled, issueLink)
	step("VerifyOTP", "otp", onetime.ErrMalformed, verifyOTP("12"))
	step("VerifyOTP", "otp", onetime.ErrMismatch, verifyOTP(rig.WrongCodes(first, 1)[0]))
	step("VerifyOTP", "otp", nil, verifyOTP(first))
	use := v
	step("VerifyOTP", "otp", onetime.ErrUsed, verifyOTP(first))
	step("Undo", "", nil, undo(use))
	step("UndoTicket", "", nil, undoTicket(use))
	step("VerifyOTP", "otp", nil, verifyOTP(first))
	step("Undo", "", onetime.ErrUsed, undo(use))
	step("UndoTicket", "", onetime.ErrUsed, undoTicket(use))
	step("Status", "", nil, status)
	step("Cancel", "", nil, cancel(theSubject, use.ID))
	step("Undo", "", onetime.ErrNotFound, undo(v))
	step("UndoTicket", "", onetime.ErrNotFound, undoTicket(v))
	step("VerifyOTP", "otp", onetime.ErrNotFound, verifyOTP(first))

	clock.Advance(time.Minute)
	step("IssueToken", "token", nil, issueToken)
	step("InspectToken", "token", onetime.ErrBinding, inspectToken(token))
	step("VerifyToken", "token", onetime.ErrBinding, verifyToken(token))
	step("InspectToken", "token", onetime.ErrSubject, inspectToken(token, cookie, onetime.WithSubject("bob")))
	step("VerifyToken", "token", onetime.ErrSubject, verifyToken(token, cookie, onetime.WithSubject("bob")))
	step("InspectToken", "token", onetime.ErrMalformed, inspectToken(token+"="))
	step("VerifyToken", "token", onetime.ErrMalformed, verifyToken(token+"="))
	step("InspectToken", "token", onetime.ErrMismatch, inspectToken(flipped(token)))
	step("VerifyToken", "token", onetime.ErrMismatch, verifyToken(flipped(token)))
	step("InspectToken", "token", nil, inspectToken(token, cookie))
	inspected, err := m.InspectToken(t.Context(), token, cookie)
	require.NoError(t, err)
	step("Undo", "", onetime.ErrInvalid, undo(inspected))
	step("UndoTicket", "", onetime.ErrInvalid, func(ctx context.Context) (string, error) { return "", m.UndoTicket(ctx, []byte(theSubject)) })
	step("VerifyToken", "token", nil, verifyToken(token, cookie))
	step("InspectToken", "token", onetime.ErrUsed, inspectToken(token, cookie))
	step("VerifyToken", "token", onetime.ErrUsed, verifyToken(token, cookie))
	step("Undo", "", onetime.ErrNotFound, undo(use))

	clock.Advance(time.Minute)
	step("IssueLink", "link", nil, issueLink)
	last := token
	step("VerifyToken", "token", nil, verifyToken(token))
	step("Revoke", "", nil, revoke)
	step("VerifyToken", "token", onetime.ErrNotFound, verifyToken(token))
	step("InspectToken", "token", onetime.ErrNotFound, inspectToken(token))
	step("Unlock", "", nil, unlock)
	step("Check", "", nil, check)

	step("IssueOTP", "otp", nil, issueOTP)
	for _, code := range rig.WrongCodes(code, 2) {
		step("VerifyOTP", "otp", onetime.ErrMismatch, verifyOTP(code))
	}
	step("VerifyOTP", "otp", onetime.ErrExhausted, verifyOTP(code))
	clock.Advance(time.Minute)
	step("IssueOTP", "otp", nil, issueOTP)
	for _, code := range rig.WrongCodes(code, 2) {
		step("VerifyOTP", "otp", onetime.ErrMismatch, verifyOTP(code))
	}
	step("VerifyOTP", "otp", onetime.ErrLocked, verifyOTP(code))
	step("IssueOTP", "otp", onetime.ErrLocked, issueOTP)

	records, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.NoError(t, client.HSet(t.Context(), records[0], "f", 100).Err())
	step("VerifyOTP", "otp", onetime.ErrDisabled, verifyOTP(code))
	step("IssueOTP", "otp", onetime.ErrDisabled, issueOTP)

	invalid := theSubject[:5] + "\x00" + theSubject[5:]
	step("IssueOTP", "otp", onetime.ErrInvalid, func(ctx context.Context) (string, error) {
		_, err := m.IssueOTP(ctx, invalid)
		return "", err
	})
	step("IssueToken", "token", onetime.ErrInvalid, func(ctx context.Context) (string, error) {
		_, err := m.IssueToken(ctx, invalid)
		return "", err
	})
	step("IssueLink", "link", onetime.ErrInvalid, func(ctx context.Context) (string, error) {
		_, err := m.IssueLink(ctx, invalid)
		return "", err
	})
	step("VerifyOTP", "otp", onetime.ErrInvalid, func(ctx context.Context) (string, error) {
		_, err := m.VerifyOTP(ctx, invalid, code)
		return "", err
	})
	step("VerifyToken", "token", onetime.ErrInvalid, verifyToken(last, onetime.WithSubject(invalid)))
	step("InspectToken", "token", onetime.ErrInvalid, inspectToken(last, onetime.WithSubject(invalid)))
	step("Cancel", "", onetime.ErrInvalid, cancel(invalid, id))
	for _, mistaken := range []string{last, theSubject, code, ""} { // no observer hears of what is no ID
		step("Cancel", "", onetime.ErrInvalid, func(ctx context.Context) (string, error) { return "", m.Cancel(ctx, theSubject, mistaken) })
	}
	step("Revoke", "", onetime.ErrInvalid, func(ctx context.Context) (string, error) { return "", m.Revoke(ctx, invalid) })
	step("Unlock", "", onetime.ErrInvalid, func(ctx context.Context) (string, error) { return "", m.Unlock(ctx, invalid) })
	step("Status", "", onetime.ErrInvalid, func(ctx context.Context) (string, error) {
		_, err := m.Status(ctx, invalid)
		return "", err
	})

	everything := func(ctx func(context.Context) context.Context) {
		t.Helper()
		for _, c := range []struct {
			op, kind string
			call     func(context.Context) (string, error)
		}{
			{"IssueOTP", "otp", issueOTP}, {"IssueToken", "token", issueToken}, {"IssueLink", "link", issueLink},
			{"VerifyOTP", "otp", verifyOTP(code)}, {"VerifyToken", "token", verifyToken(last)},
			{"InspectToken", "token", inspectToken(last)}, {"Undo", "", undo(use)}, {"UndoTicket", "", undoTicket(use)}, {"Cancel", "", cancel(theSubject, use.ID)},
			{"Revoke", "", revoke}, {"Unlock", "", unlock}, {"Status", "", status},
		} {
			step(c.op, c.kind, notYes, func(parent context.Context) (string, error) { return c.call(ctx(parent)) })
		}
	}
	require.NoError(t, client.Set(t.Context(), records[0], "no record", 0).Err())
	everything(func(ctx context.Context) context.Context { return ctx })
	everything(func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx
	})
	require.NoError(t, client.Close())
	everything(func(ctx context.Context) context.Context { return ctx })
	step("Check", "", notYes, check)
}
