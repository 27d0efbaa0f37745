package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/onetimed/internal/api"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/config"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/embedded"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// An Environment is what a server has around it.
type Environment struct {
	// Out gets the banner and, in development, the messages; Log gets the log.
	Out, Log io.Writer
	// Getenv is how env: finds variables; nil: those of the process.
	Getenv func(string) (string, bool)
}

// A Server is one process of onetimed.
type Server struct {
	config *config.Config
	env    Environment
	log    *slog.Logger

	redis    redis.UniversalClient
	database *database // nil: embedded
	embedded *embedded.Redis
	queue    *onetimesend.Queue
	inbox    *inbox // nil: not in development
	api      *api.API
	metrics  *metrics

	reading      sync.Mutex        // held by whoever reads secrets
	printed      map[string]string // what programs printed, by their reference
	held         atomic.Pointer[secrets]
	sending      atomic.Pointer[onetimesend.Sender]
	stopping     atomic.Bool
	developerKey string

	listener, monitor net.Listener
	// wait lets the delay of the shutdown pass; tests move on by themselves.
	wait func(context.Context, time.Duration)
}

// Open makes a server and listens. It reports all that is wrong, and asks Redis nothing.
func Open(ctx context.Context, c *config.Config, env Environment) (*Server, error) {
	s, held, err := prepare(ctx, c, env)
	if err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", c.Address()); err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), s.Close())
	}
	if c.MonitorListen != "off" {
		if s.monitor, err = net.Listen("tcp", c.MonitorListen); err != nil {
			return nil, errors.Join(fmt.Errorf("monitor_listen: %w", err), s.Close())
		}
	}
	if c.Development() && c.PublicURL == "" {
		c.PublicURL = s.Origin()
	}
	if err := s.build(held); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Check reports all that is wrong with a configuration, what it refers to, and the Redis it names, without listening.
func Check(ctx context.Context, c *config.Config, env Environment) error {
	s, held, err := prepare(ctx, c, env)
	if err != nil {
		return err
	}
	defer s.Close()
	if c.Development() && c.PublicURL == "" {
		c.PublicURL = "http://localhost"
	}
	if err := s.build(held); err != nil {
		return err
	}
	made, err := s.managers(held)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		return wrapAt("redis/url", made[name].Check(ctx)) // all share one Redis
	}
	return wrapAt("redis/url", s.redis.Ping(ctx).Err())
}

func wrapAt(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", path, err)
}

// prepare makes all but the API and the listeners.
func prepare(ctx context.Context, c *config.Config, env Environment) (*Server, *secrets, error) {
	s := &Server{config: c, env: env, log: newLogger(c.Log, env.Log), metrics: newMetrics(), wait: pause, printed: map[string]string{}}
	held, err := readSecrets(ctx, c, env.Getenv, s.printed)
	if err != nil {
		return nil, nil, err
	}
	if c.Development() {
		if err := s.develop(held); err != nil {
			return nil, nil, err
		}
	}
	if c.Development() {
		s.embedded = embedded.Open()
		s.redis = s.embedded.Client
	} else {
		if s.database, err = openDatabase(held.redisURL, c.Redis); err != nil {
			return nil, nil, wrapAt("redis/url", err)
		}
		s.redis = s.database.client
	}
	s.metrics.watch(s.redis)
	options := []onetimesend.QueueOption{
		onetimesend.WithWorkers(c.Queue.Workers), onetimesend.WithWaiting(c.Queue.Waiting),
		onetimesend.WithAttempts(c.Queue.Attempts), onetimesend.WithDelay(c.Queue.Delay),
	}
	if s.inbox != nil { // whoever tries things out tries them often, and floods nobody
		options = append(options, onetimesend.WithRecipientLimits())
	}
	s.queue, err = onetimesend.NewQueue(s.send, options...)
	if err != nil {
		return nil, nil, errors.Join(wrapAt("queue", err), s.Close())
	}
	return s, held, nil
}

// build makes the API and the sender of secrets that were just read.
func (s *Server) build(held *secrets) error {
	settings, wrong := s.apiConfig(held)
	sender, err := s.sender(held)
	if wrong = errors.Join(wrong, err); wrong != nil {
		return wrong
	}
	if s.api, err = api.New(settings); err != nil {
		return err
	}
	s.sending.Store(&sender)
	s.held.Store(held)
	s.metrics.read("changed", time.Now(), held.ids())
	return nil
}

// send is the Sender of the queue: whichever is set now.
func (s *Server) send(ctx context.Context, to onetimesend.Recipient, m onetimesend.Message) (onetimesend.Delivery, error) {
	return (*s.sending.Load())(ctx, to, m)
}

// Origin returns where programs on this machine reach the API.
func (s *Server) Origin() string {
	host, port, _ := net.SplitHostPort(s.listener.Addr().String())
	if !config.Loopback(host) {
		host = "localhost"
	}
	scheme := "http"
	if !s.config.TLS.Certificate.IsZero() {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// MonitorAddr returns where /livez, /readyz and /metrics are; empty where they are off.
func (s *Server) MonitorAddr() string {
	if s.monitor == nil {
		return ""
	}
	return s.monitor.Addr().String()
}

// Handler returns what the API's listener serves.
func (s *Server) Handler() http.Handler {
	return s.closing(s.pages(s.api))
}

// Close ends what Open opened. Run does it by itself.
func (s *Server) Close() error {
	for _, l := range []net.Listener{s.listener, s.monitor} {
		if l != nil {
			l.Close()
		}
	}
	if s.embedded != nil {
		s.embedded.Close()
		return nil
	}
	if s.redis != nil {
		return s.redis.Close()
	}
	return nil
}

func newLogger(c config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	level.UnmarshalText([]byte(c.Level)) // one of four names
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
