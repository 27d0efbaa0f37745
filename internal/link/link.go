// Package link puts tokens into the URLs of pages.
package link

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/host"
)

// Param is the query parameter that has the token.
const Param = "token"

const maxBase = 2000 // bytes

// SplitBase takes the URL of a page apart, so that a link to it is head, token, tail. It must be https (http on localhost and
// loopback addresses), without user information and without the parameter, at most 2000 bytes. Its errors begin with the name
// of the option that it came by.
func SplitBase(option, base string) (head, tail string, err error) {
	if len(base) > maxBase {
		return "", "", fault.Invalid("%s: %d bytes: want at most %d", option, len(base), maxBase)
	}
	// What is not escaped here would end a link where a mail program thinks it does.
	unsafe := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) }
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || strings.ContainsFunc(u.Host, unsafe) { // url.Parse lets "<> stand in a host
		return "", "", fault.Invalid("%s: want an absolute https URL", option)
	}
	if u.User != nil {
		return "", "", fault.Invalid("%s: want no user information", option)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !host.Loopback(u.Hostname())) {
		return "", "", fault.Invalid("%s: scheme %q: want https, or http on localhost", option, u.Scheme)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || query.Has(Param) || strings.ContainsFunc(u.RawQuery, unsafe) {
		return "", "", fault.Invalid("%s: want an escaped query without the parameter %q", option, Param)
	}
	if fragment := u.EscapedFragment(); fragment != "" {
		tail = "#" + fragment
	}
	u.Fragment, u.RawFragment = "", ""
	u.Path = cmp.Or(u.Path, "/")
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += Param + "="
	return u.String(), tail, nil
}
