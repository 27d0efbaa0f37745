package api

import (
	"context"
	"log/slog"
	"time"
)

// tell logs a call and tells who observes. An observer that panics must not turn an answer into none.
func (c *call) tell() {
	told := Call{Status: c.status, Reason: c.reason, RequestID: c.requestID, Issue: c.issue, Took: time.Since(c.begin)}
	if c.operation != nil {
		told.Operation = c.operation.id
	}
	if c.caller != nil {
		told.Caller = c.caller.name
	}
	if c.service != nil {
		told.Service = c.service.Name
	}
	c.log(slog.LevelInfo, "call", slog.Int("status", told.Status), slog.String("reason", told.Reason), slog.String("caller", told.Caller),
		slog.String("service", told.Service), slog.String("issue", told.Issue), slog.Duration("took", told.Took))
	if observe := c.snapshot.config.ObserveCall; observe != nil {
		defer func() { _ = recover() }()
		observe(told)
	}
}

// logUndecided says why there was no answer. Errors of onetime hold no codes and no people.
func (c *call) logUndecided(err error) {
	c.log(slog.LevelWarn, "undecided", slog.String("error", err.Error()))
}

// log writes a line with what names the call. Path and query are not among it: they may hold anything.
func (c *call) log(level slog.Level, message string, attributes ...slog.Attr) {
	logger := c.snapshot.config.Logger
	if logger == nil {
		return
	}
	operation := ""
	if c.operation != nil {
		operation = c.operation.id
	}
	attributes = append([]slog.Attr{slog.String("request_id", c.requestID), slog.String("operation", operation)}, attributes...)
	logger.LogAttrs(context.Background(), level, message, attributes...)
}
