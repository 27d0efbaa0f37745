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
	// Request is that of a Sent, where Start says that a message was already sent: its answer may have been lost.
	Request string `json:"request,omitempty"`
}

// told are the refusals that may be told, each with its text in the catalogue. A refusal that is not here is told as denied,
// without its name: what is added to onetime tells nobody anything until somebody has decided that it may.
var told = []struct {
	reason error
	text   string
}{
	{onetime.ErrMalformed, "error.malformed"},
	{onetime.ErrMismatch, "error.mismatch"},
	{onetime.ErrNotFound, "error.gone"},
	{onetime.ErrUsed, "error.gone"},
	{onetime.ErrExhausted, "error.gone"},
	{onetime.ErrBinding, "error.binding"},
	{onetime.ErrSubject, "error.subject"},
	{onetime.ErrThrottled, "error.throttled"},
	{onetime.ErrLocked, "error.locked"},
	{onetime.ErrDisabled, "error.disabled"},
}

// answerTo returns the status, the reason and the name of the text that answer an error. What it does not know is undecided.
func answerTo(err error) (status int, reason, text string) {
	for _, t := range told {
		if row, ok := fault.StatusOf(t.reason); ok && errors.Is(err, t.reason) {
			return row.Page, row.Name, t.text
		}
	}
	switch {
	case errors.Is(err, onetime.ErrDenied):
		return http.StatusForbidden, "denied", "error.denied"
	case errors.Is(err, onetime.ErrInvalid):
		return http.StatusBadRequest, "address", "error.address"
	}
	return http.StatusServiceUnavailable, "undecided", "error.undecided"
}

// problem says what an error becomes in a language.
func problem(err error, texts Catalogue) Problem {
	p := Problem{Type: "about:blank"}
	var text string
	p.Status, p.Reason, text = answerTo(err)
	var request *requestError
	if errors.As(err, &request) {
		p.Status, p.Reason, text = request.status, request.text[len("error."):], request.text
	}
	if request == errTooMany {
		p.RetryAfter = retryTooMany
	}
	p.Title, p.Detail = http.StatusText(p.Status), texts[text]
	var refusal Refusal
	if errors.As(err, &refusal) {
		p.Status, p.Title, p.Reason, p.Detail = http.StatusUnprocessableEntity, http.StatusText(http.StatusUnprocessableEntity), "check", string(refusal)
	}
	var denied *onetime.DeniedError
	if errors.As(err, &denied) && denied.RetryAfter > 0 {
		p.RetryAfter = seconds(denied.RetryAfter)
	}
	return p
}

// ProblemOf returns what to tell a person of an error of onetime, in English, for pages of yours. WriteError answers with it.
func ProblemOf(err error) Problem { return problem(err, english) }

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
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body)
}

// WriteError answers a request with what an error of onetime means: the status, Retry-After where waiting helps, and what
// to tell the person. Programs, which send or ask for JSON, get a Problem (RFC 9457), others a line of text. An error that
// is neither a refusal nor bad input is undecided, 503, and its text is not shown. err must not be nil: that is answered
// as undecided, too.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	p := problem(err, english)
	if wantsJSON(r) {
		p.write(w)
		return
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	answer(w, p.Status, "text/plain; charset=utf-8", []byte(p.Detail+"\n"))
}
