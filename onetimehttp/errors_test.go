package onetimehttp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// writeError lets WriteError answer a request with the given headers.
func writeError(t testing.TB, err error, headers ...string) *answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/anywhere", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	onetimehttp.WriteError(w, r, err)
	return &answer{t, w.Code, w.Header(), w.Body.String(), nil}
}

// row is one of README's table of errors: name, status, what to tell the person.
var row = regexp.MustCompile("(?m)^\\| (?:`(Err\\w+)`|any other)[^|]* \\| (\\d{3}) \\| (.+) \\|$")

func TestWriteError_IsTheTableOfTheReadme(t *testing.T) {
	values := map[string]error{
		"ErrInvalid": onetime.ErrInvalid, "ErrMalformed": onetime.ErrMalformed, "ErrMismatch": onetime.ErrMismatch, "ErrNotFound": onetime.ErrNotFound,
		"ErrUsed": onetime.ErrUsed, "ErrExhausted": onetime.ErrExhausted, "ErrBinding": onetime.ErrBinding, "ErrSubject": onetime.ErrSubject,
		"ErrThrottled": onetime.ErrThrottled, "ErrLocked": onetime.ErrLocked, "ErrDisabled": onetime.ErrDisabled,
		"ErrDenied": onetime.ErrDenied, "": errors.New("undecided"),
	}
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	rows := row.FindAllStringSubmatch(string(readme), -1)
	require.Len(t, rows, len(values))
	for _, found := range rows {
		name, status, text := found[1], found[2], found[3]
		err, known := values[name]
		require.True(t, known, name)
		delete(values, name)
		for _, err := range []error{
			err, fmt.Errorf("while signing in: %w", err), errors.Join(errors.New("more"), err),
			&onetime.DeniedError{Reason: err}, fmt.Errorf("wrapped: %w", &onetime.DeniedError{Reason: err}),
		} {
			var denied *onetime.DeniedError
			if errors.As(err, &denied) && (name == "ErrInvalid" || name == "") {
				continue // are no refusals
			}
			a := writeError(t, err)
			require.Equal(t, status, strconv.Itoa(a.status), "%s: %v", name, err)
			require.Equal(t, text+"\n", a.body, name)
			require.Equal(t, "text/plain; charset=utf-8", a.header.Get("Content-Type"))
			require.Equal(t, strconv.Itoa(len(a.body)), a.header.Get("Content-Length"))

			p := writeError(t, err, "Accept", "application/problem+json")
			require.Equal(t, status, strconv.Itoa(p.status), name)
			require.Equal(t, text, p.problem().Detail, name)
			require.Equal(t, p.problem(), onetimehttp.ProblemOf(err), "for pages of the caller's")
		}
	}
	require.Empty(t, values, "errors that the table of README.md does not have")
	other := writeError(t, &onetime.DeniedError{Reason: errors.New("of a version to come")})
	require.Equal(t, http.StatusForbidden, other.status)
}

func TestWriteError_AnswersEachStatusOfTheTable(t *testing.T) {
	unknown := onetimehttp.ProblemOf(&onetime.DeniedError{Reason: errors.New("of a version to come")})
	for _, s := range fault.Statuses {
		denied := &onetime.DeniedError{Reason: s.Err}
		a := writeError(t, denied, "Accept", "application/json")
		require.Equal(t, s.Page, a.status, s.Name)
		require.NotEmpty(t, a.problem().Detail, s.Name)
		require.NotEqual(t, unknown.Reason, a.problem().Reason, "%s has an answer of its own", s.Name)
	}
}

func TestWriteError_ProblemHasTheMembersOfRFC9457(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{onetime.ErrMismatch, `{"type":"about:blank","title":"Forbidden","status":403,"detail":"This is not right. Check it and try again.","reason":"code_mismatch"}`},
		{&onetime.DeniedError{Reason: onetime.ErrLocked, RetryAfter: 90 * time.Second},
			`{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"Too many wrong codes. Wait a while, or use a link.","reason":"codes_locked","retry_after":90}`},
		{errors.New("x"), `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"We cannot tell right now. Try again; if that fails, send a new one.","reason":"undecided"}`},
	} {
		a := writeError(t, c.err, "Accept", "application/json")
		require.JSONEq(t, c.want, a.body)
		require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
		require.Equal(t, "no-store, no-transform", a.header.Get("Cache-Control"))
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
		require.Equal(t, strconv.Itoa(len(a.body)), a.header.Get("Content-Length"))
		p := a.problem()
		require.Equal(t, http.StatusText(p.Status), p.Title, "which is what about:blank asks for")
	}
}

// Each refusal has a name of its own, but those that are told alike.
func TestWriteError_Reasons(t *testing.T) {
	for err, want := range map[error]string{
		onetime.ErrInvalid: "address", onetime.ErrMalformed: "malformed", onetime.ErrMismatch: "code_mismatch", onetime.ErrNotFound: "not_found", onetime.ErrUsed: "used",
		onetime.ErrExhausted: "attempts_exhausted", onetime.ErrBinding: "binding_mismatch", onetime.ErrSubject: "subject_mismatch",
		onetime.ErrThrottled: "sends_throttled", onetime.ErrLocked: "codes_locked",
		onetime.ErrDisabled: "codes_disabled", onetime.ErrDenied: "denied",
	} {
		require.Equal(t, want, writeError(t, err, "Accept", "application/json").problem().Reason)
	}
}

func TestWriteError_RetryAfterIsRoundedUp(t *testing.T) {
	for after, want := range map[time.Duration]string{
		0: "", -time.Hour: "", time.Nanosecond: "1", time.Millisecond: "1", time.Second: "1", time.Second + time.Millisecond: "2", 28500 * time.Millisecond: "29",
		72 * time.Hour: "259200",
	} {
		for _, accept := range []string{"text/html", "application/json"} {
			a := writeError(t, fmt.Errorf("wrapped: %w", &onetime.DeniedError{Reason: onetime.ErrThrottled, RetryAfter: after}), "Accept", accept)
			require.Equal(t, want, a.header.Get("Retry-After"), after)
			if accept == "application/json" {
				n, _ := strconv.Atoi(want)
				require.Equal(t, n, a.problem().RetryAfter)
			}
		}
	}
}

func TestWriteError_NeverShowsTheTextOfAnError(t *testing.T) {
	for _, err := range []error{nil, errors.New("dial 10.0.0.7: secret"), fmt.Errorf("secret: %w", onetime.ErrInvalid), fmt.Errorf("secret: %w", &onetime.DeniedError{Reason: errors.New("secret")})} {
		for _, accept := range []string{"text/html", "application/json", ""} {
			a := writeError(t, err, "Accept", accept)
			require.NotContains(t, a.body, "secret")
			require.NotContains(t, strings.Join(lines(a.header), "\n"), "secret")
			if err == nil || !errors.Is(err, onetime.ErrDenied) && !errors.Is(err, onetime.ErrInvalid) {
				require.Equal(t, http.StatusServiceUnavailable, a.status, "nil is no success")
			}
		}
	}
}

// Programs send or ask for JSON; browsers ask for HTML first.
func TestWriteError_WhoGetsJSON(t *testing.T) {
	for _, c := range []struct {
		kind, accept string
		want         bool
	}{
		{"", "", false}, {"", "*/*", false}, {"", "text/html", false}, {"", "text/html,application/json", false}, {"", "application/json,text/html", true},
		{"", "application/json", true}, {"", "application/problem+json", true}, {"", "application/json; charset=utf-8, */*", true},
		{"application/json", "", true}, {"application/json", "text/html", true}, {"Application/JSON; charset=utf-8", "*/*", true},
		{form, "application/json", true}, {form, "*/*", false}, {"text/plain", "", false}, {"application/jsonp", "", false},
		{"", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", false},
	} {
		a := writeError(t, onetime.ErrUsed, "Content-Type", c.kind, "Accept", c.accept)
		require.Equal(t, c.want, json.Valid([]byte(a.body)), "%q %q", c.kind, c.accept)
	}
}
