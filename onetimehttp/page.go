package onetimehttp

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-3f7b73d1/onetime"
)

//go:embed pages
var files embed.FS

// pageNames are the pages that WithTemplates can replace.
var pageNames = []string{"start", "code", "sent", "link", "done", "error"}

// A Page is what templates are executed with. Fields that a page has no use for are zero.
type Page struct {
	// Name is that of the service, Language the one of the texts, and Direction how it is written: "ltr" or "rtl".
	Name, Language, Direction string
	// Style is the style sheet, for a style element. The Content-Security-Policy allows no other.
	Style template.CSS
	// Script is the script, for a script element of type "module", unless it is empty. The Content-Security-Policy allows no other.
	Script template.JS
	// Logo is the image of the brand, for an img element, and Footer its last lines; either may be empty: WithBrand.
	Logo   template.URL
	Footer []string
	// Paths are where forms lead.
	Paths Paths

	// Address is what was typed, for the hidden field "address" of "code" and the input of "start".
	Address string
	// Nonce is for the hidden field "nonce" of forms that lead to Paths.Start: a form that is sent twice sends one message.
	Nonce string
	// Entry is the number of the address among those that this browser asked for, for the query "entry" of Paths.Start, where the
	// address is changed. Others are those that it has asked for, too.
	Entry  int
	Others []Other
	// Sent is how long the code and the link are good for, and when the next message can be sent, counted from now. State is
	// that of a Waiting.
	Sent
	State string
	// CodeLength is how long a code is. Digits says whether it has digits only.
	CodeLength int
	Digits     bool
	// Secrets says what messages carry, and Link that they carry a link.
	Secrets Secrets
	Link    bool
	// SignedIn says that somebody is signed in: Config.SignedIn.
	SignedIn bool
	// Note is what there is to say, Error what went wrong; one line each, or empty.
	Note, Error string

	// Account is whom a link is for, masked, and Token its token, for the hidden field "token" of "link". OtherBrowser
	// says that another browser asked for it: the form then needs a field "here" of value "yes".
	Account, Token string
	OtherBrowser   bool

	texts texts
}

// An Other is another address that the browser asked for, and the number of its entry, for the query of Paths.Verify.
type Other struct {
	Address string
	Entry   int
}

// LinkOnly says that messages carry no code.
func (p Page) LinkOnly() bool { return p.Secrets == LinkOnly }

// CodeOnly says that messages carry no link.
func (p Page) CodeOnly() bool { return p.Secrets == CodeOnly }

// T returns a text of the catalogue by name, with pairs of a name in braces and what replaces it.
func (p Page) T(name string, pairs ...string) string { return p.texts.say(name, pairs...) }

// Count returns the form of a text for a number, which replaces {n}.
func (p Page) Count(name string, n int) string { return p.texts.count(name, n) }

// Wait returns how long so many seconds are.
func (p Page) Wait(seconds int) string { return p.texts.wait(seconds) }

// CodeSent is the name of the text that says what was sent.
func (p Page) CodeSent() string {
	if p.Digits {
		return "code.digits"
	}
	return "code.letters"
}

// Around returns what stands before and behind {address} in a text, so that the address can be an element of its own.
func (p Page) Around(text string) []string {
	before, behind, _ := strings.Cut(text, "{address}")
	return []string{before, behind}
}

// parsePages makes the templates and the Content-Security-Policy, and tries each page once.
func (f *Flow) parsePages() error {
	if err := errors.Join(f.useBrand(), f.readStyle()); err != nil {
		return err
	}
	f.readScript()
	f.policy = f.contentPolicy()
	f.pages = template.Must(template.ParseFS(files, "pages/*.html"))
	var errs []error
	if f.templates != nil {
		if !slices.ContainsFunc(pageNames, func(name string) bool { return f.templates.Lookup(name) != nil }) {
			return fmt.Errorf("onetimehttp: WithTemplates: want one of %s", strings.Join(pageNames, ", "))
		}
		own, err := f.templates.Clone()
		if err != nil {
			return fmt.Errorf("onetimehttp: WithTemplates: %w", err)
		}
		f.pages = own
		defaults := template.Must(template.ParseFS(files, "pages/*.html"))
		for _, t := range defaults.Templates() {
			if own.Lookup(t.Name()) == nil {
				if _, err := own.AddParseTree(t.Name(), t.Tree); err != nil {
					errs = append(errs, fmt.Errorf("onetimehttp: WithTemplates: %w", err))
				}
			}
		}
	}
	full := Page{Script: f.script, Logo: "data:a", Footer: []string{"a"}, Name: "a", Language: "en", Address: "a", Nonce: "a", CodeLength: 6, Digits: true, Link: true, Note: "a", Error: "a", Account: "a",
		Token: "a", OtherBrowser: true, Entry: 1, Others: []Other{{"a", 2}}, Sent: Sent{1, 1, 1}, State: stateWaiting, SignedIn: true}
	for _, name := range pageNames {
		for _, page := range []Page{{}, full} {
			page.texts = inEnglish
			if _, err := f.render(name, page); err != nil {
				errs = append(errs, fmt.Errorf("onetimehttp: WithTemplates: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

func (f *Flow) render(name string, p Page) ([]byte, error) {
	var body bytes.Buffer
	err := f.pages.ExecuteTemplate(&body, name, p)
	return body.Bytes(), err
}

// says reports whether there are texts for pages in a language.
func (f *Flow) says(language string) bool { return f.texts[language] != nil }

// page returns what all pages of a request have in common.
func (f *Flow) page(r *http.Request, s *session) Page {
	language, policy := preferred(r, f.says), f.manager.Policy()
	return Page{
		Name: f.config.Name, Language: language, Direction: direction(language), Style: f.style, Script: f.script, Logo: f.logo, Footer: f.footer, Paths: f.config.Paths, Nonce: newNonce(),
		CodeLength: policy.CodeLength, Digits: policy.Alphabet == onetime.Digits, Secrets: f.config.Secrets, Link: f.config.Secrets != CodeOnly,
		texts: textsOf(f.texts, language), Others: f.others(s, entry{}),
	}
}

// others are the addresses that wait, but for that of an entry.
func (f *Flow) others(s *session, but entry) (others []Other) {
	if s == nil {
		return nil
	}
	for _, e := range s.entries {
		if e.slot != but.slot && !e.subject && !e.done && e.waiting(s.now).State == stateWaiting {
			others = append(others, Other{e.address, e.slot})
		}
	}
	return others
}

// lead leads a browser to another page, which it can reload, leave and come back to.
func (f *Flow) lead(w http.ResponseWriter, r *http.Request, path string) {
	w.Header().Set("Location", path)
	answer(w, http.StatusSeeOther, "text/plain; charset=utf-8", nil)
}

// show answers with a page. A template that fails, which New has tried, is an empty page.
func (f *Flow) show(w http.ResponseWriter, status int, name string, p Page) {
	body, err := f.render(name, p)
	if err != nil {
		status, body = http.StatusInternalServerError, nil
	}
	answer(w, status, "text/html; charset=utf-8", body)
}

// problem says what may be told in the language of a request.
func (f *Flow) problem(r *http.Request, t told) Problem {
	return t.problem(textsOf(f.texts, preferred(r, f.says)))
}

// fail answers with what an error means, as a Problem or on the page "error".
func (f *Flow) fail(w http.ResponseWriter, r *http.Request, err error) {
	if wantsJSON(r) {
		f.problem(r, tell(err)).write(w)
		return
	}
	f.showTold(w, "error", f.page(r, nil), tell(err))
}

// showTold shows a page with what there is to tell. Its status is that of a refusal, also where the browser was led there.
func (f *Flow) showTold(w http.ResponseWriter, name string, page Page, t told) {
	if t.text == "" {
		f.show(w, t.status, name, page)
		return
	}
	p := t.problem(page.texts)
	switch {
	case t.status < http.StatusBadRequest || t.text == "already":
		page.Note = p.Detail
	default:
		page.Error = p.Detail
		if p.RetryAfter > 0 {
			page.Note = page.T("wait", "wait", page.Wait(p.RetryAfter))
		}
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	f.show(w, t.status, name, page)
}

// Protect is the middleware that the handlers have around them, for pages of yours beside them: it refuses what another
// site lets a browser post (http.CrossOriginProtection), keeps answers out of caches, tells nobody where a link led, and
// allows no script but the one of this package, no frame around the page, and nothing to load.
func (f *Flow) Protect(next http.Handler) http.Handler {
	next = f.crossSite.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store, no-transform")
		h.Set("Referrer-Policy", "strict-origin")
		h.Set("Content-Security-Policy", f.policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Vary", "Accept, Accept-Language")
		if f.crossOrigin(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}
