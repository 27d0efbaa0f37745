// Package gin puts the handlers of onetimehttp on a router of github.com/gin-gonic/gin, which wraps them.
package gin

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// Mount adds sign-in and a page of yours, which Protect guards as sign-in is guarded.
func Mount(r gin.IRouter, flow *onetimehttp.Flow, page http.Handler) {
	r.Any("/sign-in", gin.WrapH(flow.Start()))
	r.Any("/sign-in/code", gin.WrapH(flow.Verify()))
	r.Any("/sign-in/link", gin.WrapH(flow.Link()))
	r.Any("/", gin.WrapH(flow.Protect(page)))
}
