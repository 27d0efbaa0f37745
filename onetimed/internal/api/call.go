package api

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A call is one request on its way.
type call struct {
	api       *API
	snapshot  *snapshot
	operation *operation
	request   *http.Request
	writer    http.ResponseWriter
	params    map[string]string
	requestID string
	begin     time.Time

	caller  *caller
	key     [32]byte // digest of the key that the caller showed
	service *service
	body    []byte
	issue   string // for the log

	status int // that was answered; 0: none yet
	reason string
	after  []func() // what is done once the answer is on its way
}

// read reads the body as the operation's schema has it.
func (c *call) read(into any) error {
	if err := c.readAll("application/json"); err != nil {
		return err
	}
	return strict(c.api.registry, c.api.schemas[c.operation.in], c.body, into)
}

// readAll reads a body of a type.
func (c *call) readAll(want string) error {
	r := c.request
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || len(r.Header.Values("Content-Type")) != 1 || kind != want || charset != "" && !strings.EqualFold(charset, "utf-8") || r.Header.Get("Content-Encoding") != "" {
		return refuse("unsupported_media_type")
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.writer, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return refuse("body_too_large")
	case err != nil:
		return refuse("bad_request")
	}
	c.body = body
	return nil
}

// answer sends a whole body with its length.
func (c *call) answer(status int, kind string, body []byte) {
	h := c.writer.Header()
	if kind != "" {
		h.Set("Content-Type", kind)
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	c.status = status
	c.writer.WriteHeader(status)
	if c.request.Method != http.MethodHead {
		c.writer.Write(body)
	}
}

func (c *call) answerJSON(status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	c.answer(status, "application/json", append(body, '\n'))
	return nil
}

// fail answers with a problem.
func (c *call) fail(err error) {
	p, header := problemOf(err)
	p.RequestID = c.requestID
	c.reason = p.Reason
	h := c.writer.Header()
	for name, values := range header {
		h[name] = values
	}
	c.limitFields(p)
	p.setHeader(h)
	if p.Reason == "undecided" {
		c.logUndecided(err)
	}
	body, _ := json.Marshal(p) // strings and numbers
	c.answer(p.Status, "application/problem+json", append(body, '\n'))
}
