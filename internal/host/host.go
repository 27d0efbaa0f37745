// Package host tells hosts apart.
package host

import (
	"net/netip"
	"strings"
)

// Loopback reports whether a host, without its port, is this computer: localhost or a loopback address.
func Loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}
