package api

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// An API answers the calls. It is a http.Handler and safe for concurrent use.
type API struct {
	*contract
	now       atomic.Pointer[snapshot]
	replacing sync.Mutex
}

// New returns an API. It reports all that is wrong with the configuration at once, and asks nobody.
func New(c Config) (*API, error) {
	s, err := newSnapshot(c)
	if err != nil {
		return nil, err
	}
	a := &API{}
	if a.contract, err = theContract(); err != nil {
		return nil, err
	}
	a.now.Store(s)
	return a, nil
}

// Replace makes the API go by another configuration from the next request on; requests under way end by the old one. It takes
// all of it or, with an error, nothing.
func (a *API) Replace(c Config) error {
	s, err := newSnapshot(c)
	a.replacing.Lock()
	defer a.replacing.Unlock()
	if !bytes.Equal(c.NamingKey, a.now.Load().config.NamingKey) {
		err = errors.Join(err, errors.New("api: Config.NamingKey: want the same as before"))
	}
	if err != nil {
		return err
	}
	a.now.Store(s)
	return nil
}

// Document returns the OpenAPI document, as /openapi.json has it.
func (a *API) Document() []byte { return bytes.Clone(a.document) }

// KeyDigest returns what a Caller's Keys hold of the text of a key.
func KeyDigest(key string) [32]byte { return sha256.Sum256([]byte(key)) }

// requestIDPattern is what a request may bring as its id. It stands in answers and logs.
var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{api: a, snapshot: a.now.Load(), request: r, writer: w, requestID: r.Header.Get("X-Request-Id"), begin: time.Now()}
	if len(r.Header.Values("X-Request-Id")) != 1 || !requestIDPattern.MatchString(c.requestID) {
		c.requestID = rand.Text()
	}
	w.Header().Set("X-Request-Id", c.requestID)
	c.serve()
	if len(c.after) > 0 {
		// Whoever asked has the answer before anything of what follows can be felt.
		http.NewResponseController(w).Flush()
		for _, f := range c.after {
			f()
		}
	}
	c.tell()
}

// serve answers, whatever happens.
func (c *call) serve() {
	defer func() {
		caught := recover()
		if caught == nil {
			return
		}
		if caught == http.ErrAbortHandler || c.status != 0 {
			panic(caught) // the answer cannot be taken back
		}
		c.after = nil
		c.log(slog.LevelError, "panic", slog.String("stack", string(debug.Stack())))
		c.fail(errPanic)
	}()
	err := c.route()
	if err == nil && len(c.operation.scopes) > 0 {
		err = c.identify()
	}
	if name, ok := c.params["service"]; ok && err == nil && len(c.operation.scopes) > 0 {
		err = c.enter(name)
	}
	if err == nil {
		err = c.operation.serve(c)
	}
	if err != nil {
		c.fail(err)
	}
}

// errPanic is why a call is undecided that went wrong in the program itself. What it panicked with is not shown: it may hold
// anything.
var errPanic = errors.New("api: panic")
