package onetimehttp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/address"
)

const (
	maxBody  = 8 << 10
	maxTyped = 254 // bytes: RFC 5321 4.5.3.1.3 lets a path have 256, two of them brackets
	maxTag   = 35  // bytes of a language tag, RFC 5646 4.4.1
)

// Errors of requests that are not about a secret. Their texts are names in the catalogue.
var (
	errCrossSite   = &requestError{status: http.StatusForbidden, text: "error.cross-site"}
	errTooLarge    = &requestError{status: http.StatusRequestEntityTooLarge, text: "error.too-large"}
	errMediaType   = &requestError{status: http.StatusUnsupportedMediaType, text: "error.media-type"}
	errForm        = &requestError{status: http.StatusBadRequest, text: "error.form"}
	errAddress     = &requestError{status: http.StatusBadRequest, text: "error.address"}
	errTooLong     = &requestError{status: http.StatusBadRequest, text: "error.too-long"}
	errTwoSessions = &requestError{status: http.StatusBadRequest, text: "error.two-sessions"}
	errNoCookie    = &requestError{status: http.StatusForbidden, text: "error.no-cookie"}
	errTooMany     = &requestError{status: http.StatusTooManyRequests, text: "error.too-many"}
	errMethod      = &requestError{status: http.StatusMethodNotAllowed, text: "error.method"}
	// Errors of an OnVerified that failed: the secret works again, or nobody knows whether it does.
	errNotDone = &requestError{status: http.StatusServiceUnavailable, text: "error.not-done"}
	errLost    = &requestError{status: http.StatusServiceUnavailable, text: "error.lost"}
)

var requestErrors = []*requestError{
	errCrossSite, errTooLarge, errMediaType, errForm, errAddress, errTooLong, errTwoSessions, errNoCookie, errTooMany, errMethod, errNotDone, errLost,
}

// limited asks a limiter of the Config, if there is one.
func limited(limit func(*http.Request) (time.Duration, error), r *http.Request) error {
	if limit == nil {
		return nil
	}
	wait, err := limit(r)
	if err != nil {
		return fmt.Errorf("onetimehttp: limiter: %w", err)
	}
	if wait > 0 {
		return &requestError{errTooMany.status, errTooMany.text, wait}
	}
	return nil
}

type requestError struct {
	status int
	text   string
	wait   time.Duration
}

func (e *requestError) Error() string { return "onetimehttp: " + strings.TrimPrefix(e.text, "error.") }

// input is what a form or a JSON object can say. A code is a string: a number would lose its leading zeros.
type input struct {
	Address string `json:"address"`
	Code    string `json:"code"`
	Token   string `json:"token"`
	Nonce   string `json:"nonce"` // of the form: a second sending brings the same
	Here    bool   `json:"here"`  // go on in this browser, though another one asked
}

// read returns what a POST says, as a form or as JSON.
func read(w http.ResponseWriter, r *http.Request) (in input, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return in, errMediaType
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		if err = r.ParseForm(); err == nil {
			get := r.PostForm.Get
			in = input{get("address"), get("code"), get("token"), get("nonce"), get("here") == "yes"}
		}
	case "application/json":
		var body bytes.Buffer
		decoder := json.NewDecoder(io.TeeReader(r.Body, &body))
		if err = decoder.Decode(&in); err == nil {
			if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
				err = cmp.Or(more, error(errForm))
			}
		}
		r.Body = io.NopCloser(&body) // for functions of the caller
	default:
		return in, errMediaType
	}
	in.Token = tokenAlone(in.Token)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return input{}, errTooLarge
	case err != nil:
		return input{}, errForm
	}
	return in, nil
}

// wantsJSON tells a program from a browser: it sends JSON, or asks for it before HTML.
func wantsJSON(r *http.Request) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "application/json" {
		return true
	}
	accept := r.Header.Get("Accept")
	html, json := strings.Index(accept, "text/html"), strings.Index(accept, "json")
	return json >= 0 && (html < 0 || json < html)
}

// normalizeTyped is the default of WithNormalizer.
func normalizeTyped(typed string) (string, error) {
	found, err := address.Parse(typed)
	return found.Value, err
}

// typed returns the one spelling of what was typed.
func (f *Flow) typed(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", errAddress
	}
	if len(text) > maxTyped {
		return "", errTooLong
	}
	typed, err := f.normalize(text)
	if err != nil || typed == "" || hasControl(typed) {
		return "", errAddress
	}
	if len(typed) > maxTyped {
		return "", errTooLong
	}
	return typed, nil
}

// hasControl tells what is not one line of text.
func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) })
}

// A person is whom an address belongs to. Unknown people have subjects of their own, which no account can have by
// accident, and no normaliser touches: a name that is typed must not lead to the record of the account whose subject it is.
type person struct {
	found                     bool
	typed, subject, deliverTo string
	manager                   *onetime.Manager

	browser, since onetime.CallOption // what calls are told of the browser, see recognized
	known          bool               // it is known to the person
}

func (f *Flow) person(r *http.Request, s *session, text string) (person, error) {
	typed, err := f.typed(text)
	if err != nil {
		return person{}, err
	}
	return f.recognized(r, s, typed)
}

// personOf returns whom an address in its one spelling belongs to.
func (f *Flow) personOf(r *http.Request, typed string) (p person, err error) {
	p.typed, p.manager = typed, f.manager
	p.subject, p.deliverTo, p.found, err = f.config.Lookup(r.Context(), p.typed)
	if err == nil && p.found && (p.deliverTo == "" || len(p.deliverTo) > maxTyped || hasControl(p.deliverTo)) {
		err = fmt.Errorf("onetimehttp: Config.Lookup: found, and deliverTo has %d bytes: want 1 to %d on one line", len(p.deliverTo), maxTyped)
	}
	if err != nil {
		f.mistake(r.Context(), err)
		return p, err
	}
	if !p.found {
		p.manager, p.subject, p.deliverTo = f.strangers, nobody(p.typed), ""
	}
	return p, nil
}

// judged returns what is to be answered. A subject that the Manager does not take is a mistake of Lookup: told to the
// observer, and not to whoever asked, who would learn that there is an account.
func (f *Flow) judged(ctx context.Context, err error) error {
	if !errors.Is(err, onetime.ErrInvalid) {
		return err
	}
	f.mistake(ctx, err)
	return errors.New("onetimehttp: Config.Lookup: not a subject")
}

func (f *Flow) mistake(ctx context.Context, err error) {
	f.tell(ctx, onetime.Event{Op: "Lookup", Purpose: f.manager.Policy().Purpose, Err: err})
}

// preferred returns the language that the browser likes best among those that are known; "en" if it likes none of them.
func preferred(r *http.Request, known func(language string) bool) string {
	best, weight := "en", 0.0
	for _, choice := range strings.Split(r.Header.Get("Accept-Language"), ",") {
		tag, q, weighted := strings.Cut(strings.TrimSpace(choice), ";")
		w := 1.0
		if weighted {
			var err error
			if w, err = strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(q), "q="), 64); err != nil {
				continue
			}
		}
		tag = strings.ToLower(strings.TrimSpace(tag))
		if len(tag) > maxTag {
			continue
		}
		for cut := len(tag); cut > 0; cut = strings.LastIndexByte(tag, '-') { // RFC 4647 3.4
			tag = tag[:cut]
			if w > weight && known(tag) {
				best, weight = tag, w
			}
		}
	}
	return best
}

// mask shows enough of a subject for its owner to know it.
func mask(subject string) string {
	const hidden = "•••"
	if name, domain, found := strings.Cut(subject, "@"); found && name != "" {
		_, size := utf8.DecodeRuneInString(name)
		return name[:size] + hidden + "@" + domain
	}
	if runes := []rune(subject); len(runes) > 4 {
		return hidden + string(runes[len(runes)-2:])
	}
	return hidden
}
