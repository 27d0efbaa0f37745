package onetimehttp

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
)

// A Sent is what Start answers to programs.
type Sent struct {
	// CodeExpiresIn and ExpiresIn are how long the code and the link are good for, ResendIn is when the next one can be
	// sent, in seconds. Zero: no code, no link, at once.
	CodeExpiresIn int `json:"code_expires_in,omitempty"`
	ExpiresIn     int `json:"expires_in,omitempty"`
	ResendIn      int `json:"resend_in"`
	// Request is to be brought back with the code, and to Start when another message is asked for.
	Request string `json:"request"`
}

// Start returns the handler that takes an address. GET shows a form. POST takes the field "address" of a form or of JSON,
// issues what Config.Secrets says, bound to a cookie of this browser and to the field "request" of the answer, and shows the form for the code, or answers with a
// Sent. People who are not known are answered alike in all that can be seen: body, status, headers, limits and time. Nothing
// of the delivery shows either. While a send limit is empty the answer is 429 with Retry-After, and the page says that a
// message was already sent.
func (f *Flow) Start() http.Handler { return f.Protect(http.HandlerFunc(f.start)) }

func (f *Flow) start(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		// Before the first POST: of two that a double click sends, the browser keeps the answer to the second only.
		f.bind(w, cmp.Or(f.binding(r), newBinding()))
		f.show(w, http.StatusOK, "start", f.page(r))
		return
	case http.MethodPost:
	default:
		f.notAllowed(w, r)
		return
	}
	if f.config.Limiter != nil && !f.config.Limiter(r) {
		f.fail(w, r, errTooMany)
		return
	}
	in, err := read(w, r)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	to, err := f.person(r, in.Address)
	if err != nil {
		f.failStart(w, r, cmp.Or(to.typed, in.Address), "", err)
		return
	}
	binding := cmp.Or(f.binding(r), newBinding())
	issues := knownTo(to, binding, in.Request)
	made, err := f.issue(r, to, binding)
	if errors.Is(err, onetime.ErrThrottled) {
		f.failStart(w, r, to.typed, issues.pending(r.Context(), to).form(), err)
		return
	}
	if err != nil {
		f.failStart(w, r, to.typed, "", f.judged(r.Context(), err))
		return
	}
	made.Request = issues.with(made.id).form()

	f.bind(w, binding) // not before: a refusal must not replace the cookie of what was sent
	page := f.page(r)
	if wantsJSON(r) {
		body, _ := json.Marshal(made.Sent) // numbers
		answer(w, http.StatusOK, "application/json", append(body, '\n'))
	} else {
		page.Address, page.Request, page.Note = to.typed, made.Request, page.T("code.sent")
		name := "code"
		if made.CodeExpiresIn == 0 {
			name, page.Note = "sent", page.T("sent.link")
		}
		f.show(w, http.StatusOK, name, page)
	}
	// Whoever asked has the answer before anything of the delivery can be felt.
	http.NewResponseController(w).Flush()
	f.deliver(r.Context(), to, made)
}

// failStart shows an error on the form that was filled in. Where a send limit is empty, that is the form for the code, with its
// field "request".
func (f *Flow) failStart(w http.ResponseWriter, r *http.Request, address, request string, err error) {
	page := f.page(r)
	page.Address, page.Request = strings.ToValidUTF8(address, ""), request
	problem := problem(err, page.texts)
	problem.Request = request
	throttled := errors.Is(err, onetime.ErrThrottled)
	if throttled {
		problem.Detail = page.T("already", page.texts.wait(problem.RetryAfter))
	}
	if wantsJSON(r) {
		problem.write(w)
		return
	}
	if !throttled {
		f.failOn(w, "start", page, problem)
		return
	}
	name := "code"
	if f.config.Secrets == LinkOnly {
		name = "sent"
	}
	w.Header().Set("Retry-After", strconv.Itoa(problem.RetryAfter))
	page.Note = problem.Detail
	f.show(w, problem.Status, name, page)
}

// An issued is what was issued, as a message and as an answer. A decoy's message has no secrets.
type issued struct {
	Sent
	kind, id string
	message  Message
}

func (f *Flow) issue(r *http.Request, to person, binding string) (issued, error) {
	ctx := r.Context()
	opts := []onetime.IssueOption{onetime.WithBinding(binding), core.RequestOfIssue.(onetime.IssueOption)}
	if !to.found {
		opts = append(opts, onetime.AsDecoy())
	}
	made := issued{kind: "link", message: f.message(r, time.Now())}
	var resendIn time.Duration
	if f.config.Secrets == CodeOnly {
		otp, err := to.manager.IssueOTP(ctx, to.subject, opts...)
		if err != nil {
			return issued{}, err
		}
		made.kind, made.id, resendIn = "otp", otp.ID, otp.ResendIn
		made.message.Code, made.message.CodeExpiresIn = otp.Code, otp.ExpiresIn
	} else {
		opts = append(opts, onetime.WithPayload(to.payload()))
		if f.config.Secrets == LinkAndCode {
			opts = append(opts, onetime.WithCode())
		}
		link, err := to.manager.IssueLink(ctx, to.subject, opts...)
		if err != nil {
			return issued{}, err
		}
		made.id, resendIn = link.ID, link.ResendIn
		made.message.URL, made.message.ExpiresIn = link.URL, link.ExpiresIn
		made.message.Code, made.message.CodeExpiresIn = link.Code, link.CodeExpiresIn
	}
	made.message.ID = made.id
	made.Sent = Sent{seconds(made.message.CodeExpiresIn), seconds(made.message.ExpiresIn), seconds(resendIn), ""}
	return made, nil
}

func (f *Flow) notAllowed(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", "GET, HEAD, POST")
	f.fail(w, r, errMethod)
}
