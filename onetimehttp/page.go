package onetimehttp

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
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
var pageNames = []string{"start", "code", "sent", "link", "error"}

// A Page is what templates are executed with. Fields that a page has no use for are zero.
type Page struct {
	// Name is that of the service, Language the one of the texts.
	Name, Language string
	// Style is the style sheet, for a style element. The Content-Security-Policy allows no other.
	Style template.CSS
	// Paths are where forms lead.
	Paths Paths

	// Address is what was typed, for the hidden field "address" of "code" and the input of "start".
	Address string
	// Request is for the hidden field "request" of "code", in the form for the code and in the one for another message, and
	// of "sent". Codes verify with it only.
	Request string
	// CodeLength is how long a code is. Digits says whether it has digits only.
	CodeLength int
	Digits     bool
	// Link says that messages carry a link, too.
	Link bool
	// Note is what there is to say, Error what went wrong; one line each, or empty.
	Note, Error string

	// Account is whom a link is for, masked, and Token its token, for the hidden field "token" of "link". OtherBrowser
	// says that another browser asked for it: the form then needs a field "here" of value "yes".
	Account, Token string
	OtherBrowser   bool

	texts Catalogue
}

// T returns a text of the catalogue by name, with args put into it as by fmt.Sprintf.
func (p Page) T(name string, args ...any) string { return p.texts.text(name, args...) }

// parsePages makes the templates and the Content-Security-Policy, and tries each page once.
func (f *Flow) parsePages() error {
	style, _ := files.ReadFile("pages/style.css") // embedded, so it is there
	f.style = template.CSS(style)
	sum := sha256.Sum256(style)
	f.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
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
	const request = "the-field-of-a-form"
	full := Page{Name: "a", Language: "en", Address: "a", Request: request, CodeLength: 6, Digits: true, Link: true, Note: "a", Error: "a", Account: "a", Token: "a", OtherBrowser: true}
	for _, name := range pageNames {
		for _, page := range []Page{{}, full} {
			page.texts = english
			body, err := f.render(name, page)
			if err != nil {
				errs = append(errs, fmt.Errorf("onetimehttp: WithTemplates: %w", err))
			} else if name == "code" && f.config.Secrets != LinkOnly && !bytes.Contains(body, []byte(page.Request)) {
				errs = append(errs, errors.New(`onetimehttp: WithTemplates: "code": want the hidden field "request", or no code verifies`))
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
func (f *Flow) page(r *http.Request) Page {
	language, policy := preferred(r, f.says), f.manager.Policy()
	return Page{
		Name: f.config.Name, Language: language, Style: f.style, Paths: f.config.Paths,
		CodeLength: policy.CodeLength, Digits: policy.Alphabet == onetime.Digits, Link: f.config.Secrets != CodeOnly, texts: f.texts[language],
	}
}

// show answers with a page. A template that fails, which New has tried, is an empty page.
func (f *Flow) show(w http.ResponseWriter, status int, name string, p Page) {
	body, err := f.render(name, p)
	if err != nil {
		status, body = http.StatusInternalServerError, nil
	}
	answer(w, status, "text/html; charset=utf-8", body)
}

// fail answers with what an error means, as a Problem or on the page "error".
func (f *Flow) fail(w http.ResponseWriter, r *http.Request, err error) {
	page := f.page(r)
	problem := problem(err, page.texts)
	if wantsJSON(r) {
		problem.write(w)
		return
	}
	f.failOn(w, "error", page, problem)
}

// failOn shows what went wrong on a page.
func (f *Flow) failOn(w http.ResponseWriter, name string, page Page, problem Problem) {
	page.Error = problem.Detail
	if problem.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(problem.RetryAfter))
		page.Note = page.T("wait", page.texts.wait(problem.RetryAfter))
	}
	f.show(w, problem.Status, name, page)
}

// Protect is the middleware that the handlers have around them, for pages of yours beside them: it refuses what another
// site lets a browser post (http.CrossOriginProtection), keeps answers out of caches, tells nobody where a link led, and
// allows no script, no frame around the page, and nothing to load.
func (f *Flow) Protect(next http.Handler) http.Handler {
	next = f.crossSite.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", f.policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Vary", "Accept, Accept-Language")
		next.ServeHTTP(w, r)
	})
}
