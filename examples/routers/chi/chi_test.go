package chi

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

func TestChi_SignsIn(t *testing.T) {
	sitetest.SignsIn(t, func(flow *onetimehttp.Flow, page http.Handler) http.Handler {
		r := chi.NewRouter()
		Mount(r, flow, page)
		return r
	})
}
