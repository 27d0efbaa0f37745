package onetimehttp

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"strings"
)

// WithoutScript leaves the script of pages out, and with it what the Content-Security-Policy allows for it. Pages work as
// well without: see docs/http.md for what it adds.
func WithoutScript() Option {
	return Option{func(s *options) error { s.noScript = true; return nil }}
}

// Script is the one script that Protect allows, for a script element of type "module" in pages of yours. It is empty with
// WithoutScript. In a page it reveals a button that has the attributes hidden and data-reveals, the ids of password fields
// between spaces: pressing it shows what was typed. It does nothing else unless the page has the attributes of the page "code".
func (f *Flow) Script() template.JS { return f.script }

// readScript reads the script, unless there is to be none.
func (f *Flow) readScript() {
	if f.noScript {
		return
	}
	script, _ := files.ReadFile("pages/script.js") // embedded, so it is there
	f.script = template.JS(script)
}

// contentPolicy is the Content-Security-Policy of the style sheet, the script and the logo that pages have.
func (f *Flow) contentPolicy() string {
	policy := "default-src 'none'; style-src " + hashSource(string(f.style))
	if f.script != "" {
		policy += "; script-src " + hashSource(string(f.script)) + "; connect-src 'self'"
	}
	if f.logoSource != "" {
		policy += "; img-src " + f.logoSource
	}
	return policy + "; form-action " + strings.Join(append([]string{"'self'"}, f.formTargets...), " ") + "; base-uri 'none'; frame-ancestors 'none'"
}

// hashSource allows an element of exactly this text (Content Security Policy Level 3, 2.3.1).
func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
