// Package chi puts the handlers of onetimehttp on a router of github.com/go-chi/chi, where they are handlers like any other.
package chi

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// Mount adds sign-in and a page of yours, which Protect guards as sign-in is guarded.
func Mount(r chi.Router, flow *onetimehttp.Flow, page http.Handler) {
	r.Handle("/sign-in", flow.Start())
	r.Handle("/sign-in/code", flow.Verify())
	r.Handle("/sign-in/link", flow.Link())
	r.With(flow.Protect).Handle("/", page)
}
