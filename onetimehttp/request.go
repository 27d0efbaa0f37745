package onetimehttp

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
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
	errCrossSite = &requestError{http.StatusForbidden, "error.cross-site"}
	errTooLarge  = &requestError{http.StatusRequestEntityTooLarge, "error.too-large"}
	errMediaType = &requestError{http.StatusUnsupportedMediaType, "error.media-type"}
	errForm      = &requestError{http.StatusBadRequest, "error.form"}
	errAddress   = &requestError{http.StatusBadRequest, "error.address"}
	errTooLong   = &requestError{http.StatusBadRequest, "error.too-long"}
	errNoCookie  = &requestError{http.StatusForbidden, "error.no-cookie"}
	errTooMany   = &requestError{http.StatusTooManyRequests, "error.too-many"}
	errMethod    = &requestError{http.StatusMethodNotAllowed, "error.method"}
)

// retryTooMany is how long whoever a Limiter refuses is told to wait, in seconds: Limiters do not tell.
const retryTooMany = 60

type requestError struct {
	status int
	text   string
}

func (e *requestError) Error() string { return "onetimehttp: " + strings.TrimPrefix(e.text, "error.") }

// input is what a form or a JSON object can say. A code is a string: a number would lose its leading zeros.
type input struct {
	Address string `json:"address"`
	Code    string `json:"code"`
	Token   string `json:"token"`
	Request string `json:"request"` // what the page of the code, or Sent, brought
	Here    bool   `json:"here"`    // go on in this browser, though another one asked
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
			in = input{get("address"), get("code"), get("token"), get("request"), get("here") == "yes"}
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
}

func (f *Flow) person(r *http.Request, text string) (p person, err error) {
	if p.typed, err = f.typed(text); err != nil {
		return p, err
	}
	p.manager = f.manager
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

// bindingSize is that of the cookie: 256 random bits.
const bindingSize = 32

// bindingCookie is the cookie of the browser that asks. Safari drops Secure cookies on http://localhost.
func bindingCookie(https bool) http.Cookie {
	c := http.Cookie{Name: "onetime", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if https {
		c.Name, c.Secure = "__Host-onetime", true
	}
	return c
}

// binding returns the value of the browser's cookie, empty if it has none that this package made.
func (f *Flow) binding(r *http.Request) string {
	c, err := r.Cookie(f.cookie.Name)
	if err != nil {
		return ""
	}
	if raw, err := base64.RawURLEncoding.DecodeString(c.Value); err != nil || len(raw) != bindingSize {
		return ""
	}
	return c.Value
}

// newBinding returns the binding of a browser that has none.
func newBinding() string {
	raw := make([]byte, bindingSize)
	rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// bind sets the browser's cookie, which lives as long as what it belongs to. A success does not take it back: after an Undo
// the same browser must be able to show the same secret again.
func (f *Flow) bind(w http.ResponseWriter, binding string) {
	c, policy := f.cookie, f.manager.Policy()
	c.Value, c.MaxAge = binding, int(max(policy.OTPTTL, policy.TokenTTL).Seconds())
	http.SetCookie(w, &c)
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
