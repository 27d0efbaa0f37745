package gin

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

func TestGin_SignsIn(t *testing.T) {
	gin.SetMode(gin.ReleaseMode) // or it prints its routes
	sitetest.SignsIn(t, func(flow *onetimehttp.Flow, page http.Handler) http.Handler {
		r := gin.New()
		Mount(r, flow, page)
		return r
	})
}
