package onetime_test

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime"
)

// In a program the key comes from its secrets, and holds at least 32 random bytes.
var exampleKey = []byte("an example's key: do not use this")

var exampleServer = sync.OnceValue(func() *miniredis.Miniredis {
	server, err := miniredis.Run()
	if err != nil {
		log.Fatal(err)
	}
	server.SetTime(time.Date(2026, time.January, 2, 15, 4, 5, 0, time.UTC))
	return server
})

// exampleClient returns a client of an empty embedded Redis whose clock stands still.
func exampleClient() *redis.Client {
	exampleServer().FlushAll()
	return redis.NewClient(&redis.Options{Addr: exampleServer().Addr(), ContextTimeoutEnabled: true})
}

// exampleManager returns a Manager on it.
func exampleManager(opts ...onetime.Option) *onetime.Manager {
	m, err := onetime.New(exampleClient(), exampleKey, opts...)
	if err != nil {
		log.Fatal(err)
	}
	return m
}

// wrongCode is a code like the right one, but for its last digit.
func wrongCode(right string) string {
	last := len(right) - 1
	return right[:last] + string('0'+(right[last]-'0'+1)%10)
}

func ExampleNew() {
	rdb := exampleClient() // redis.NewClient(&redis.Options{Addr: "localhost:6379", ContextTimeoutEnabled: true})

	m, err := onetime.New(rdb, exampleKey, onetime.WithCodeLength(8), onetime.WithOTPTTL(2*time.Minute))
	fmt.Println(err)
	fmt.Println(m.Policy().CodeLength, m.Policy().OTPTTL)

	_, err = onetime.New(rdb, exampleKey[:16], onetime.WithCodeLength(4), onetime.WithKeep(9))
	fmt.Println(err)
	fmt.Println(errors.Is(err, onetime.ErrInvalid))
	// Output:
	// <nil>
	// 8 2m0s
	// onetime: the key has 16 bytes: want at least 32
	// onetime: WithCodeLength(4): want 6 to 12
	// onetime: WithKeep(9): want 1 to 5
	// true
}

func ExampleManager_Purpose() {
	ctx := context.Background()
	m := exampleManager()
	login, err := m.Purpose("login")
	if err != nil {
		log.Fatal(err)
	}
	reset, err := m.Purpose("password-reset", onetime.WithTokenTTL(time.Hour))
	if err != nil {
		log.Fatal(err)
	}

	token, err := login.IssueToken(ctx, "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}
	_, err = reset.VerifyToken(ctx, token.Value)
	fmt.Println(err)
	_, err = login.VerifyToken(ctx, token.Value)
	fmt.Println(err)
	// Output:
	// onetime: wrong code or token
	// <nil>
}

func ExampleManager_IssueOTP() {
	ctx := context.Background()
	m := exampleManager()

	otp, err := m.IssueOTP(ctx, "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}
	// Deliver otp.Code to the address that you have stored. What prints is the ID, never the code.
	fmt.Println(len(otp.Code), "digits, good for", otp.ExpiresIn)
	fmt.Println("another one in", otp.ResendIn)
	fmt.Println(strings.Contains(fmt.Sprintf("%+v", otp), otp.Code))

	_, err = m.IssueOTP(ctx, "ann@example.com")
	fmt.Println(err)
	// Output:
	// 6 digits, good for 5m0s
	// another one in 30s
	// false
	// onetime: too many sends, retry after 30s
}

func ExampleManager_VerifyOTP() {
	ctx := context.Background()
	m := exampleManager()
	otp, err := m.IssueOTP(ctx, "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}

	_, err = m.VerifyOTP(ctx, "ann@example.com", "12345") // cannot be a code: takes no attempt
	fmt.Println(err)
	_, err = m.VerifyOTP(ctx, "ann@example.com", wrongCode(otp.Code))
	fmt.Println(err)
	typed := " " + otp.Code[:3] + "-" + otp.Code[3:] // as people type
	v, err := m.VerifyOTP(ctx, " Ann@Example.com", typed)
	fmt.Println(v.Subject, err)
	_, err = m.VerifyOTP(ctx, "ann@example.com", otp.Code)
	fmt.Println(err)
	// Output:
	// onetime: not a code or token
	// onetime: wrong code or token, 4 attempts left
	// ann@example.com <nil>
	// onetime: already used
}

func ExampleManager_IssueToken() {
	ctx := context.Background()
	m := exampleManager(onetime.WithTokenTTL(time.Hour))

	token, err := m.IssueToken(ctx, "user-17", onetime.WithPayload([]byte(`{"new":"ann@example.org"}`)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(token.Value), "characters, good for", token.ExpiresIn)

	v, err := m.VerifyToken(ctx, token.Value) // the token knows whose it is
	fmt.Println(v.Subject, string(v.Payload), err)
	// Output:
	// 76 characters, good for 1h0m0s
	// user-17 {"new":"ann@example.org"} <nil>
}

func ExampleManager_InspectToken() {
	ctx := context.Background()
	m := exampleManager()
	token, err := m.IssueToken(ctx, "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}

	v, err := m.InspectToken(ctx, token.Value) // proves nothing yet: the page asks "Sign in as ann@example.com?"
	fmt.Println(v.Subject, err)
	_, err = m.VerifyToken(ctx, token.Value)
	fmt.Println(err)
	_, err = m.InspectToken(ctx, token.Value)
	fmt.Println(err)
	// Output:
	// ann@example.com <nil>
	// <nil>
	// onetime: already used
}

func ExampleManager_VerifyToken() {
	ctx := context.Background()
	m := exampleManager()
	token, err := m.IssueToken(ctx, "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}

	_, err = m.VerifyToken(ctx, token.Value, onetime.WithSubject("bob@example.com")) // bob is signed in here
	fmt.Println(err)
	v, err := m.VerifyToken(ctx, token.Value) // the refusal used nothing up
	fmt.Println(v.Subject, err)
	// Output:
	// onetime: token of another subject
	// ann@example.com <nil>
}

func ExampleManager_IssueLink() {
	ctx := context.Background()
	m := exampleManager(onetime.WithLinkBase("https://example.com/sign-in?lang=en"))

	link, err := m.IssueLink(ctx, "ann@example.com", onetime.WithCode())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Replace(link.URL, link.Token, "TOKEN", 1))
	fmt.Println("link:", link.ExpiresIn, "code:", link.CodeExpiresIn)

	_, err = m.VerifyOTP(ctx, "ann@example.com", link.Code) // read on the phone, typed on the desktop
	fmt.Println(err)
	_, err = m.VerifyToken(ctx, link.Token)
	fmt.Println(err)
	// Output:
	// https://example.com/sign-in?lang=en&token=TOKEN
	// link: 10m0s code: 5m0s
	// <nil>
	// onetime: already used
}

func ExampleVerification_Undo() {
	ctx := context.Background()
	m := exampleManager()
	token, err := m.IssueToken(ctx, "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}

	storePassword := func() error { return errors.New("the database is down") }
	v, err := m.VerifyToken(ctx, token.Value)
	if err != nil {
		log.Fatal(err)
	}
	if err := storePassword(); err != nil {
		fmt.Println("undone:", v.Undo(ctx)) // v proves nothing any more
	}
	_, err = m.VerifyToken(ctx, token.Value)
	fmt.Println("the same link again:", err)
	// Output:
	// undone: <nil>
	// the same link again: <nil>
}

func ExampleManager_Cancel() {
	ctx := context.Background()
	m := exampleManager()
	otp, err := m.IssueOTP(ctx, "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}

	send := func(code string) error { return errors.New("mailbox full") }
	if err := send(otp.Code); err != nil {
		fmt.Println("cancelled:", m.Cancel(ctx, "ann@example.com", otp.ID))
	}
	_, err = m.VerifyOTP(ctx, "ann@example.com", otp.Code)
	fmt.Println(err)
	// Output:
	// cancelled: <nil>
	// onetime: nothing outstanding
}

func ExampleManager_Revoke() {
	ctx := context.Background()
	m := exampleManager()
	token, err := m.IssueToken(ctx, "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println("revoked:", m.Revoke(ctx, "ann@example.com")) // the password was changed by other means
	_, err = m.VerifyToken(ctx, token.Value)
	fmt.Println(err)
	// Output:
	// revoked: <nil>
	// onetime: nothing outstanding
}

func ExampleManager_Unlock() {
	ctx := context.Background()
	m := exampleManager(onetime.WithGuessLimits(onetime.Limit{Burst: 2, Per: time.Hour}))
	otp, err := m.IssueOTP(ctx, "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}
	first := wrongCode(otp.Code)
	for _, code := range []string{first, wrongCode(first), otp.Code} {
		_, err = m.VerifyOTP(ctx, "ann@example.com", code)
		fmt.Println(err)
	}

	// A person at the help desk has proved in another way to be ann.
	fmt.Println("unlocked:", m.Unlock(ctx, "ann@example.com"))
	_, err = m.VerifyOTP(ctx, "ann@example.com", otp.Code)
	fmt.Println(err)
	// Output:
	// onetime: wrong code or token, 4 attempts left
	// onetime: wrong code or token, 3 attempts left, retry after 30m0s
	// onetime: too many wrong codes, retry after 30m0s
	// unlocked: <nil>
	// <nil>
}

func ExampleManager_Status() {
	ctx := context.Background()
	m := exampleManager()
	otp, err := m.IssueOTP(ctx, "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}
	m.VerifyOTP(ctx, "ann@example.com", wrongCode(otp.Code))

	status, err := m.Status(ctx, "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("wrong codes:", status.Failures, "disabled:", status.Disabled, "next send in:", status.SendIn)
	for _, p := range status.Pending {
		fmt.Println("code:", p.Code, "token:", p.Token, "used:", p.Used, "attempts left:", p.AttemptsLeft)
		fmt.Println("issued:", p.IssuedAt.UTC().Format(time.TimeOnly), "expires in:", p.ExpiresIn)
	}
	// Output:
	// wrong codes: 1 disabled: false next send in: 30s
	// code: true token: false used: false attempts left: 4
	// issued: 15:04:05 expires in: 5m0s
}

func ExampleManager_Check() {
	m := exampleManager()
	fmt.Println(m.Check(context.Background()))

	hasty, err := onetime.New(redis.NewClient(&redis.Options{Addr: exampleServer().Addr()}), exampleKey)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hasty.Check(context.Background()))
	// Output:
	// <nil>
	// onetime: Check: the client ignores deadlines of contexts: want ContextTimeoutEnabled in its options
}

func ExamplePolicy_GuessingOdds() {
	for _, opts := range [][]onetime.Option{
		{},
		{onetime.WithCodeLength(8)},
		{onetime.WithAlphabet(onetime.Crockford32)},
	} {
		p := exampleManager(opts...).Policy()
		fmt.Printf("%.7f %% in a day, %.7f %% in a year\n",
			100*p.GuessingOdds(24*time.Hour), 100*p.GuessingOdds(365*24*time.Hour))
	}
	// Output:
	// 0.0051000 % in a day, 0.0658000 % in a year
	// 0.0000510 % in a day, 0.0006580 % in a year
	// 0.0000047 % in a day, 0.0000613 % in a year
}

func ExampleWithBinding() {
	ctx := context.Background()
	m := exampleManager()
	cookie := "k7v2ujsoqkx4bqk3n5j2h6u3ya" // at least 128 random bits, set in the browser that asks for the token

	token, err := m.IssueToken(ctx, "ann@example.com", onetime.WithBinding(cookie))
	if err != nil {
		log.Fatal(err)
	}
	_, err = m.VerifyToken(ctx, token.Value) // another browser, or a thief
	fmt.Println(err)
	_, err = m.VerifyToken(ctx, token.Value, onetime.WithBinding(cookie))
	fmt.Println(err)
	// Output:
	// onetime: token of another requester
	// <nil>
}

func ExampleAsDecoy() {
	ctx := context.Background()
	m := exampleManager()

	// Nobody has an account with this address. What the page says next is the same as for one who has.
	otp, err := m.IssueOTP(ctx, "nobody@example.com", onetime.AsDecoy())
	fmt.Printf("%q %v %v\n", otp.Code, otp.ExpiresIn, err)
	_, err = m.VerifyOTP(ctx, "nobody@example.com", "123456")
	fmt.Println(err)
	// Output:
	// "" 5m0s <nil>
	// onetime: wrong code or token, 4 attempts left
}

// response is what an error becomes: an HTTP status, and what to tell the person.
func response(err error) (status int, text string) {
	switch {
	case err == nil:
		return http.StatusOK, "Welcome."
	case errors.Is(err, onetime.ErrInvalid):
		return http.StatusBadRequest, "Check the address."
	case errors.Is(err, onetime.ErrMalformed):
		return http.StatusBadRequest, "This is not a whole code or link. Check it and try again."
	case errors.Is(err, onetime.ErrMismatch):
		return http.StatusForbidden, "This is not right. Check it and try again."
	case errors.Is(err, onetime.ErrNotFound):
		return http.StatusGone, "This code or link no longer works. Send a new one."
	case errors.Is(err, onetime.ErrUsed):
		return http.StatusGone, "This code or link was already used. Send a new one."
	case errors.Is(err, onetime.ErrExhausted):
		return http.StatusGone, "Too many wrong codes were tried. Send a new code."
	case errors.Is(err, onetime.ErrBinding):
		return http.StatusForbidden, "Open the link in the browser you asked from, type the code there, or send a new one."
	case errors.Is(err, onetime.ErrSubject):
		return http.StatusForbidden, "This is for another account. Send a new one."
	case errors.Is(err, onetime.ErrThrottled):
		return http.StatusTooManyRequests, "You have asked too often. Wait a while."
	case errors.Is(err, onetime.ErrLocked):
		return http.StatusTooManyRequests, "Too many wrong codes. Wait a while, or use a link."
	case errors.Is(err, onetime.ErrDisabled):
		return http.StatusForbidden, "Codes are disabled for this account. Use a link, or ask us for help."
	case errors.Is(err, onetime.ErrDenied): // a reason that a later version may bring
		return http.StatusForbidden, "This does not work. Send a new one."
	}
	// Undecided: Redis did not answer. Log err and never let the person in.
	return http.StatusServiceUnavailable, "We cannot tell right now. Try again; if that fails, send a new one."
}

// What an error becomes in a handler: a status, a Retry-After where there is one, and what to tell the person.
func Example_errors() {
	m := exampleManager()
	if _, err := m.IssueOTP(context.Background(), "ann@example.com"); err != nil {
		log.Fatal(err)
	}

	handler := func(w http.ResponseWriter, r *http.Request) {
		_, err := m.IssueOTP(r.Context(), r.FormValue("email"))
		status, text := response(err) // see the table of the README
		var denied *onetime.DeniedError
		if errors.As(err, &denied) && denied.RetryAfter > 0 {
			seconds := (denied.RetryAfter + time.Second - 1) / time.Second
			w.Header().Set("Retry-After", fmt.Sprintf("%d", seconds))
		}
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}

	for _, email := range []string{"ann@example.com", ""} {
		w := httptest.NewRecorder()
		handler(w, httptest.NewRequest("POST", "/code?email="+url.QueryEscape(email), nil))
		fmt.Printf("%d %q %s\n", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := m.VerifyOTP(cancelled, "ann@example.com", "123456")
	fmt.Println(response(err))
	// Output:
	// 429 "30" You have asked too often. Wait a while.
	// 400 "" Check the address.
	// 503 We cannot tell right now. Try again; if that fails, send a new one.
}

// Incorrect: the handler of the link verifies on GET. Mail scanners, link previews and browsers that load pages ahead
// send that GET before the person does. It uses the token up, and the person is told that the link was used.
//
// Correct: GET only inspects and shows a button. The POST of that button verifies, and no scanner presses buttons.
func Example_incorrect() {
	m := exampleManager(onetime.WithLinkBase("https://example.com/sign-in"), onetime.WithSendLimits())
	incorrect := func(w http.ResponseWriter, r *http.Request) {
		_, err := m.VerifyToken(r.Context(), r.FormValue("token")) // incorrect on GET
		fmt.Fprint(w, err)
	}
	correct := func(w http.ResponseWriter, r *http.Request) {
		use := m.InspectToken
		if r.Method == http.MethodPost {
			use = m.VerifyToken
		}
		_, err := use(r.Context(), r.FormValue("token"))
		fmt.Fprint(w, err)
	}

	for _, handler := range []http.HandlerFunc{incorrect, correct} {
		link, err := m.IssueLink(context.Background(), "ann@example.com")
		if err != nil {
			log.Fatal(err)
		}
		for _, method := range []string{"GET", "GET", "POST"} { // a scanner; then the person looks, and presses the button
			w := httptest.NewRecorder()
			handler(w, httptest.NewRequest(method, link.URL, nil))
			fmt.Println(method, w.Body)
		}
	}
	// Output:
	// GET <nil>
	// GET onetime: already used
	// POST onetime: already used
	// GET <nil>
	// GET <nil>
	// POST <nil>
}

// outcome names how a call ended: for a counter, since it takes few values and none of them tells of a person.
func outcome(err error) string {
	var denied *onetime.DeniedError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &denied):
		return denied.Reason.Error()
	case errors.Is(err, onetime.ErrInvalid):
		return "invalid argument"
	}
	return "undecided"
}

// countCalls counts calls by method, purpose and outcome.
func countCalls(counts *expvar.Map) onetime.Option {
	return onetime.WithObserver(func(_ context.Context, e onetime.Event) {
		counts.Add(e.Op+" "+e.Purpose+": "+outcome(e.Err), 1)
	})
}

func ExampleWithObserver() {
	ctx := context.Background()
	counts := new(expvar.Map).Init() // expvar.NewMap("onetime") publishes it
	m := exampleManager(countCalls(counts))
	otp, err := m.IssueOTP(ctx, "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}
	m.VerifyOTP(ctx, "ann@example.com", wrongCode(otp.Code))
	m.VerifyOTP(ctx, "ann@example.com", otp.Code)
	m.IssueOTP(ctx, "ann@example.com")
	exampleServer().SetError("LOADING")
	m.Check(ctx)
	exampleServer().SetError("")
	counts.Do(func(kv expvar.KeyValue) { fmt.Println(kv.Key, kv.Value) })
	// Output:
	// Check default: undecided 1
	// IssueOTP default: ok 1
	// IssueOTP default: onetime: too many sends 1
	// VerifyOTP default: ok 1
	// VerifyOTP default: onetime: wrong code or token 1
}
