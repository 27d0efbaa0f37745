package main

import (
	_ "embed"
	"html/template"
	"net/http"

	"github.com/seed-3f7b73d1/onetime/examples/internal/pages"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

//go:embed pages.html
var text string

// home returns the first page, which says who is signed in. Where anybody can see the mails, it also says which addresses
// have an account: elsewhere nobody is told.
func (a *app) home(style template.CSS) http.Handler {
	shown := pages.New(text, style)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account, err := a.Sessions.Account(r)
		if err != nil {
			onetimehttp.WriteError(w, r, err)
			return
		}
		shown.Show(w, http.StatusOK, "home", struct {
			Address string
			Known   []string
		}{account.Address, a.Known()})
	})
}
