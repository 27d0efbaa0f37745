// Package pages shows the pages of the examples in the style of onetimehttp, the only one that its Flow.Protect allows.
package pages

import (
	"bytes"
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"
)

//go:embed shared.html
var shared string

// Pages are templates, and the style they are shown in.
type Pages struct {
	templates *template.Template
	style     template.CSS
}

// New reads templates, which are executed with .Style and .Data. They have "head", which all pages begin with, and "known",
// which tells the addresses that have an account.
func New(text string, style template.CSS) *Pages {
	return &Pages{template.Must(template.Must(template.New("pages").Parse(shared)).Parse(text)), style}
}

// Show answers with a page.
func (p *Pages) Show(w http.ResponseWriter, status int, name string, data any) {
	var body bytes.Buffer
	page := struct {
		Style template.CSS
		Data  any
	}{p.style, data}
	if err := p.templates.ExecuteTemplate(&body, name, page); err != nil {
		slog.Error("page", "name", name, "error", err)
		http.Error(w, "This page is broken.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(body.Bytes())
}
