package onetimesend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/host"
)

// An HTTP is how requests leave. Its zero value is safe: redirects are not followed, proxies of the environment are not used,
// and only public addresses are reached, as the connection is made: a name that changes its address in between gains nothing.
type HTTP struct {
	// Timeout is how long one request may take: 1 s to 2 min, 15 s by default.
	Timeout time.Duration
	// AllowNetworks are networks of private, loopback or link-local addresses that may be reached, too.
	AllowNetworks []netip.Prefix
}

const maxAnswer = 64 << 10

// special are the networks of IANA's registries of special-purpose addresses that lie among the public ones.
var special = parsePrefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

var (
	publicIPv6 = netip.MustParsePrefix("2000::/3")
	nat64      = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
)

func parsePrefixes(texts ...string) (prefixes []netip.Prefix) {
	for _, text := range texts {
		prefixes = append(prefixes, netip.MustParsePrefix(text))
	}
	return prefixes
}

// public reports whether an address is one of the public Internet.
func public(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if nat64.Contains(addr) {
		b := addr.As16()
		addr = netip.AddrFrom4([4]byte(b[12:]))
	}
	return !within(special, addr) && (addr.Is4() || publicIPv6.Contains(addr))
}

func within(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

var errPrivate = errors.New("the address is not public, and HTTP.AllowNetworks does not name its network")

// A gateway is where requests go.
type gateway struct {
	url    string
	client *http.Client
}

// gateway reports all that is wrong with the settings and the URL, of which errors say the name only: it may hold secrets.
func (h HTTP) gateway(name, address string) (*gateway, error) {
	var errs []error
	if h.Timeout == 0 {
		h.Timeout = 15 * time.Second
	}
	if h.Timeout < time.Second || h.Timeout > 2*time.Minute {
		errs = append(errs, invalid("HTTP.Timeout(%s): want 1s to 2m0s", h.Timeout))
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !host.Loopback(u.Hostname())) {
		errs = append(errs, invalid("%s: want an https URL without user, or http on localhost", name))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	allowed := append([]netip.Prefix(nil), h.AllowNetworks...)
	dialer := &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !public(to.Addr()) && !within(allowed, to.Addr().Unmap().WithZone("")) {
			return errPrivate
		}
		return nil
	}}
	return &gateway{address, &http.Client{
		Timeout: h.Timeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true, MaxIdleConnsPerHost: 8,
			IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: maxAnswer,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// post sends a body and returns what was answered with 2xx, cut at 64 KiB. Any other answer is an error: what the receiver
// said of itself is in none.
func (g *gateway) post(ctx context.Context, name string, header http.Header, body []byte) ([]byte, error) {
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url, bytes.NewReader(body))
	if err != nil {
		return nil, Permanent(fmt.Errorf("onetimesend: %s: the request cannot be made", name))
	}
	r.Header = header
	response, err := g.client.Do(r)
	if err != nil {
		var request *url.Error
		if errors.As(err, &request) {
			err = request.Err // without the URL
		}
		err = fmt.Errorf("onetimesend: %s: %w", name, err)
		if sent.Load() {
			return nil, Unknown(err)
		}
		return nil, Temporary(0, err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // what is missing changes nothing: the status is known
	return answer, answered(name, response, answer)
}

// answered says what a status means: 2xx taken; 408, 425, 429 and 5xx temporary, not before Retry-After, but 504, which is a
// time-out of a gateway after it was asked, unknown; all else permanent, redirects too.
func answered(name string, r *http.Response, answer []byte) error {
	status := r.StatusCode
	if status/100 == 2 {
		return nil
	}
	err := fmt.Errorf("onetimesend: %s: the receiver answered %d%s", name, status, providerCode(answer))
	switch {
	case status == http.StatusGatewayTimeout:
		return Unknown(err)
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return Temporary(retryAfter(r.Header, time.Now()), err)
	}
	return Permanent(err)
}

// providerCode is the number that many providers give their errors, such as 21211 for a number that is none.
func providerCode(answer []byte) string {
	var problem struct{ Code json.Number }
	if json.Unmarshal(answer, &problem) != nil {
		return ""
	}
	if n, err := strconv.ParseInt(problem.Code.String(), 10, 32); err == nil && n > 0 && n < 1e6 {
		return fmt.Sprintf(", code %d", n)
	}
	return ""
}

// retryAfter reads a Retry-After header, seconds or a date; 0 where there is none.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}
