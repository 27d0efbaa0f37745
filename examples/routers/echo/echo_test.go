package echo

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

func TestEcho_SignsIn(t *testing.T) {
	sitetest.SignsIn(t, func(flow *onetimehttp.Flow, page http.Handler) http.Handler {
		e := echo.New()
		Mount(e, flow, page)
		return e
	})
}
