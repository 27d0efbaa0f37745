package onetimehttp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-3f7b73d1/onetime/internal/host"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// WithOrigins lets pages of other origins use the handlers by script, with fetch: those of an app at https://app.example.com,
// say, beside handlers at https://example.com. What is of the same site sends cookies (credentials: "include"); what is of
// another site carries its session in [FlowHeader]. Each is a scheme and a host, perhaps a port, as in Config.Origin; none may
// stand for several. Pages of these origins can do all that the person could do here: name your own only.
func WithOrigins(origins ...string) Option {
	origins = slices.Clone(origins)
	return Option{func(s *options) error {
		var errs []error
		for _, origin := range origins {
			u, err := url.Parse(origin)
			if err != nil || u.Hostname() == "" || origin != u.Scheme+"://"+u.Host || u.Host != strings.ToLower(u.Host) ||
				strings.ContainsAny(u.Host, "*") || u.Scheme != "https" && (u.Scheme != "http" || !host.Loopback(u.Hostname())) {
				errs = append(errs, fmt.Errorf("onetimehttp: WithOrigins(%q): want a scheme and a host, such as https://app.example.com; http on localhost", origin))
			}
		}
		s.origins = append(s.origins, origins...)
		return errors.Join(errs...)
	}}
}

// crossOrigin tells browsers what pages of other origins may do, and answers their question before a request. It reports
// whether the request is answered.
func (f *Flow) crossOrigin(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	if len(f.origins) > 0 {
		h.Set("Vary", "Accept, Accept-Language, Origin")
	}
	origin := r.Header.Get("Origin")
	if !slices.Contains(f.origins, origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", "Retry-After, "+FlowHeader)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
	h.Set("Access-Control-Allow-Headers", "Content-Type, "+FlowHeader)
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// parseOrigin reads Config.Origin.
func parseOrigin(origin string) (*url.URL, error) {
	u, err := url.Parse(origin)
	if err == nil && u.Hostname() != "" && origin == u.Scheme+"://"+u.Host+"/" {
		return nil, fmt.Errorf("onetimehttp: Config.Origin: want no slash at the end: %s://%s", u.Scheme, u.Host)
	}
	if err != nil || u.Hostname() == "" || origin != u.Scheme+"://"+u.Host {
		return nil, errors.New("onetimehttp: Config.Origin: want a scheme and a host, such as https://example.com")
	}
	// As browsers send it: else it would never be the Origin of a request.
	if u.Host != strings.ToLower(u.Host) || u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
		return nil, errors.New("onetimehttp: Config.Origin: want lower case, and no port that is the default")
	}
	// As SMS have it: else no message could be sent.
	if (Message{Code: "0", CodeExpiresIn: 1, Brand: onetimesend.Brand{Name: "a"}, Host: smsHost(u)}).Check() != nil {
		return nil, errors.New("onetimehttp: Config.Origin: want a host of letters, digits, dots and dashes, in its ASCII form")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !host.Loopback(u.Hostname())) {
		return nil, fmt.Errorf("onetimehttp: Config.Origin: scheme %q: want https, or http on localhost", u.Scheme)
	}
	return u, nil
}
