package onetimehttp

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// A Problem is what programs are told of an error: the members of RFC 9457, and three more.
type Problem struct {
	// Type is "about:blank": the Title says what the Status says.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail is what to tell the person, in English, or in the language of the request where a Flow answers.
	Detail string `json:"detail,omitempty"`
	// Reason names the refusal for programs, as [onetime.DeniedError.Name] does where it is one of onetime's, such as
	// "code_mismatch"; it is "undecided" where there is no answer.
	Reason string `json:"reason,omitempty"`
	// RetryAfter is in seconds, rounded up; 0 if waiting does not help.
	RetryAfter int `json:"retry_after,omitempty"`
	// AttemptsLeft is how many wrong codes can still be tried; nil unless a code was wrong.
	AttemptsLeft *int `json:"attempts_left,omitempty"`
}

// A told is what may be told of an error.
type told struct {
	status int
	reason string // for programs
	text   string // its name in the catalogue
	left   int    // attempts, of a wrong code
	wait   time.Duration
	words  string // of a Refusal
}

// reasons are the refusals that may be told, each with its text in the catalogue. A refusal that is not here is told as denied,
// without its name: what is added to onetime tells nobody anything until somebody has decided that it may.
var reasons = []struct {
	reason error
	text   string
}{
	{onetime.ErrMalformed, "error.malformed"},
	{onetime.ErrMismatch, "error.mismatch"},
	{onetime.ErrNotFound, "error.gone"},
	{onetime.ErrUsed, "error.used"},
	{onetime.ErrExhausted, "error.exhausted"},
	{onetime.ErrBinding, "error.binding"},
	{onetime.ErrSubject, "error.subject"},
	{onetime.ErrThrottled, "error.throttled"},
	{onetime.ErrLocked, "error.locked"},
	{onetime.ErrDisabled, "error.disabled"},
}

// What is told of a wrong code, with the attempts that are left, and where an older message may have brought it.
const (
	wrongCode       = "error.wrong"
	wrongCodeNewest = "error.wrong-newest"
)

// others are what is told of all else, and of refusals of which more is known than Redis does.
var others = []told{
	{status: http.StatusForbidden, reason: "denied", text: "error.denied"},
	{status: http.StatusServiceUnavailable, reason: "undecided", text: "error.undecided"},
	{status: http.StatusBadRequest, reason: "address", text: "error.address"},
	{status: http.StatusUnprocessableEntity, reason: "check", text: "error.check"},
	{status: http.StatusForbidden, reason: "code_mismatch", text: wrongCode},
	{status: http.StatusForbidden, reason: "code_mismatch", text: wrongCodeNewest},
	{status: http.StatusGone, reason: "expired", text: "error.expired"},
	{status: http.StatusGone, reason: "replaced", text: "error.replaced"},
	{status: http.StatusTooManyRequests, reason: "sends_throttled", text: "already"},
}

// tellText returns what a text of the catalogue stands for, of those that notes name.
func tellText(text string) told {
	for _, t := range reasons {
		if t.text == text {
			row, _ := fault.StatusOf(t.reason)
			return told{status: row.Page, reason: row.Name, text: text}
		}
	}
	for _, t := range others {
		if t.text == text {
			return t
		}
	}
	for _, e := range requestErrors {
		if e.text == text {
			return told{status: e.status, reason: e.text[len("error."):], text: text}
		}
	}
	return told{status: http.StatusOK, text: text}
}

// tell returns what may be told of an error. What it does not know is undecided.
func tell(err error) told {
	t := tellText(textOf(err))
	var request *requestError
	if errors.As(err, &request) {
		t.wait = request.wait
	}
	var refusal Refusal
	if errors.As(err, &refusal) {
		t.words = string(refusal)
	}
	var denied *onetime.DeniedError
	if errors.As(err, &denied) {
		t.wait, t.left = denied.RetryAfter, denied.AttemptsLeft
	}
	return t
}

func textOf(err error) string {
	var request *requestError
	var refusal Refusal
	var stated *statedError
	switch {
	case errors.As(err, &stated):
		return stated.text
	case errors.As(err, &request):
		return request.text
	case errors.As(err, &refusal):
		return "error.check"
	}
	for _, t := range reasons {
		if _, ok := fault.StatusOf(t.reason); ok && errors.Is(err, t.reason) {
			return t.text
		}
	}
	switch {
	case errors.Is(err, onetime.ErrDenied):
		return "error.denied"
	case errors.Is(err, onetime.ErrInvalid):
		return "error.address"
	}
	return "error.undecided"
}

// A statedError is a refusal of which more is known: that it expired, or was replaced.
type statedError struct {
	error
	text string
}

func (e *statedError) Unwrap() error { return e.error }

// problem says in a language what may be told.
func (t told) problem(texts texts) Problem {
	p := Problem{Type: "about:blank", Title: http.StatusText(t.status), Status: t.status, Detail: t.words, Reason: t.reason, RetryAfter: seconds(t.wait)}
	if p.Detail == "" {
		p.Detail = texts.say(t.text, "wait", texts.wait(p.RetryAfter))
	}
	if t.wait <= 0 {
		p.RetryAfter = 0
	}
	if t.text == wrongCode || t.text == wrongCodeNewest {
		p.AttemptsLeft = &t.left
		p.Detail += " " + texts.count("left", t.left)
	}
	return p
}

// ProblemOf returns what to tell a person of an error of onetime, in English, for pages of yours. WriteError answers with it.
func ProblemOf(err error) Problem { return tell(err).problem(inEnglish) }

// seconds rounds up: who waits as long as told must not be too early.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func (p Problem) write(w http.ResponseWriter) {
	h := w.Header()
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	body, _ := json.Marshal(p) // strings and numbers
	answer(w, p.Status, "application/problem+json", append(body, '\n'))
}

// answer sends a whole body with its length.
func answer(w http.ResponseWriter, status int, kind string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body)
}

// WriteError answers a request with what an error of onetime means: the status, Retry-After where waiting helps, and what
// to tell the person. Programs, which send or ask for JSON, get a Problem (RFC 9457), others a line of text. An error that
// is neither a refusal nor bad input is undecided, 503, and its text is not shown. err must not be nil: that is answered
// as undecided, too.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	p := ProblemOf(err)
	if wantsJSON(r) {
		p.write(w)
		return
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	answer(w, p.Status, "text/plain; charset=utf-8", []byte(p.Detail+"\n"))
}
