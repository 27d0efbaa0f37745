package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/seed-3f7b73d1/onetime/onetimed/internal/config"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// Bounds of one connection. A request has 64 KiB at most, so that even slow ones are read in half a minute.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	headerBytes   = 32 << 10
)

// Run serves until ctx ends. Then it says that it is not ready, serves on for the delay, so that whoever sends requests here
// learns it, finishes what is under way, and sends the messages that wait. hangup makes it read secrets again; nil: only the
// time does.
func (s *Server) Run(ctx context.Context, hangup <-chan struct{}) error {
	logger := slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	server := &http.Server{
		Handler: s.Handler(), ErrorLog: logger, MaxHeaderBytes: headerBytes,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout + s.config.Timeout, IdleTimeout: idleTimeout,
	}
	monitor := &http.Server{
		Handler: s.monitorRoutes(), ErrorLog: logger, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout,
	}
	failed := make(chan error, 2)
	go func() { failed <- s.serve(server) }()
	if s.monitor != nil {
		go func() { failed <- monitor.Serve(s.monitor) }()
	}
	reloading, stopReloading := context.WithCancel(ctx)
	defer stopReloading()
	reloaded := make(chan struct{})
	go func() { defer close(reloaded); s.keepReading(reloading, hangup) }()
	s.log.Info("serving", "listen", s.listener.Addr().String(), "monitor", s.MonitorAddr())

	if host, _, _ := net.SplitHostPort(s.config.Address()); !config.Loopback(host) && s.config.TLS.Certificate.IsZero() {
		s.log.Warn("no TLS here: whatever is in front must encrypt, or callers' keys travel in clear")
	}

	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		s.stopping.Store(true)
		s.log.Info("stopping", "delay", s.config.Shutdown.Delay.String())
		if s.inbox == nil { // whoever develops waits for nobody
			s.wait(context.WithoutCancel(ctx), s.config.Shutdown.Delay)
		}
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Shutdown.Timeout)
	defer cancel()
	err = errors.Join(err, s.finish(end, server))
	stopReloading()
	<-reloaded
	return errors.Join(err, monitor.Close(), s.Close())
}

func (s *Server) serve(server *http.Server) error {
	if s.config.TLS.Certificate.IsZero() {
		return server.Serve(s.listener)
	}
	server.TLSConfig = &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.held.Load().certificate, nil },
	}
	return server.ServeTLS(s.listener, "", "")
}

// finish waits for the calls under way, then for the messages that wait.
func (s *Server) finish(ctx context.Context, server *http.Server) error {
	var wrong error
	if err := server.Shutdown(ctx); err != nil {
		server.Close()
		wrong = fmt.Errorf("calls were cut off: %w", err)
	}
	err := s.queue.Close(ctx)
	var lost *onetimesend.LostError
	if errors.As(err, &lost) {
		s.log.Error("messages were lost", "waiting", lost.Waiting, "under_way", lost.UnderWay)
	}
	return errors.Join(wrong, err)
}

// closing has clients leave while the server stops: the next request on a connection would come after its end.
func (s *Server) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// monitorRoutes are for the operator. A server whose Redis is gone stays ready: its 503 tell more than no server at all.
func (s *Server) monitorRoutes() http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, text string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		fmt.Fprintln(w, text)
	}
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			answer(w, http.StatusServiceUnavailable, "stopping")
			return
		}
		answer(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", s.metrics.handler())
	return mux
}

// pause waits for a time, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
