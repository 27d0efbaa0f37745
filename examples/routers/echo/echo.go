// Package echo puts the handlers of onetimehttp on a router of github.com/labstack/echo, which wraps them.
package echo

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// Mount adds sign-in and a page of yours, which Protect guards as sign-in is guarded.
func Mount(e *echo.Echo, flow *onetimehttp.Flow, page http.Handler) {
	e.Any("/sign-in", echo.WrapHandler(flow.Start()))
	e.Any("/sign-in/code", echo.WrapHandler(flow.Verify()))
	e.Any("/sign-in/link", echo.WrapHandler(flow.Link()))
	e.Any("/", echo.WrapHandler(page), echo.WrapMiddleware(flow.Protect))
}
