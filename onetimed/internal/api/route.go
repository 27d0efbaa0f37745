package api

import (
	"net/http"
	"slices"
	"strings"
)

// route finds the operation of a request. A path is taken as it stands: nothing is cleaned, unescaped twice or redirected.
func (c *call) route() error {
	parts := strings.Split(c.request.URL.Path, "/")
	var allowed []string
	for i := range c.api.operations {
		o := &c.api.operations[i]
		params, ok := match(o.path, parts)
		if !ok {
			continue
		}
		if o.method == c.request.Method || o.method == http.MethodGet && c.request.Method == http.MethodHead {
			c.operation, c.params = o, params
			return nil
		}
		allowed = append(allowed, o.method)
		if o.method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	if allowed == nil {
		return refuse("no_such_call")
	}
	slices.Sort(allowed)
	return &refusal{reason: "method_not_allowed", header: http.Header{"Allow": {strings.Join(allowed, ", ")}}}
}

// match holds the parts of a path against a template.
func match(template string, parts []string) (map[string]string, bool) {
	var params map[string]string
	for i := 0; ; i++ {
		want, rest, more := strings.Cut(template, "/")
		if i >= len(parts) {
			return nil, false
		}
		if name, ok := strings.CutPrefix(want, "{"); ok {
			if parts[i] == "" {
				return nil, false
			}
			if params == nil {
				params = map[string]string{}
			}
			params[strings.TrimSuffix(name, "}")] = parts[i]
		} else if want != parts[i] {
			return nil, false
		}
		if !more {
			return params, i == len(parts)-1
		}
		template = rest
	}
}
