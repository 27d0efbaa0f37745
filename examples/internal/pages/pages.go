package main

import (
	"bytes"
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"
)

//go:embed pages.html
var pagesText string

var pages = template.Must(template.New("pages").Parse(pagesText))

// show answers with a page in the style of the Flow, the only one that Flow.Protect allows.
func show(w http.ResponseWriter, name string, style template.CSS, data any) {
	var body bytes.Buffer
	page := struct {
		Style template.CSS
		Data  any
	}{style, data}
	if err := pages.ExecuteTemplate(&body, name, page); err != nil {
		slog.Error("page", "name", name, "error", err)
		http.Error(w, "This page is broken.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(body.Bytes())
}

// home returns the first page, which says who is signed in. Where anybody can see the mails, it also says which addresses
// have an account: elsewhere nobody is told.
func (a *app) home(style template.CSS, open bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		show(w, "home", style, struct {
			Address string
			Open    bool
			Known   []string
		}{a.people.byID[a.sessions.account(r)].address, open, a.people.addresses})
	})
}
