package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/api"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// metrics are what /metrics tells. No label holds anything of a person: names are those of the configuration and of calls.
type metrics struct {
	registry   *prometheus.Registry
	calls      *prometheus.CounterVec
	took       *prometheus.HistogramVec
	events     *prometheus.CounterVec
	deliveries *prometheus.CounterVec
	reloads    *prometheus.CounterVec
	keys       *prometheus.GaugeVec
	loaded     prometheus.Gauge
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "onetimed_calls_total", Help: "Calls that were answered, by operation, caller, service, status and reason.",
		}, []string{"operation", "caller", "service", "status", "reason"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "onetimed_call_seconds", Help: "Time until a call was answered.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"operation"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "onetime_events_total", Help: "Calls of the library, by operation, kind, purpose and outcome.",
		}, []string{"op", "kind", "purpose", "outcome"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "onetime_deliveries_total", Help: "Messages, by purpose and outcome: delivered, permanent, unknown, refused or failed.",
		}, []string{"purpose", "outcome"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "onetimed_secrets_reads_total", Help: "Times that secrets were read again, by outcome: same, changed or failed.",
		}, []string{"outcome"}),
		keys: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "onetimed_key_loaded", Help: "1 for each key that is loaded, by its use and id. Instances that share a Redis have the same.",
		}, []string{"use", "id"}),
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "onetimed_secrets_read_timestamp_seconds", Help: "When secrets were last read without an error.",
		}),
	}
	m.registry.MustRegister(m.calls, m.took, m.events, m.deliveries, m.reloads, m.keys, m.loaded,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, outcome := range []string{"same", "changed", "failed"} {
		m.reloads.WithLabelValues(outcome)
	}
	return m
}

// watch tells whether Redis answers, whenever somebody asks for the metrics.
func (m *metrics) watch(rdb redis.UniversalClient) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "onetime_redis_up", Help: "1 if Redis answers a PING within a second, 0 if not.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if rdb.Ping(ctx).Err() != nil {
			return 0
		}
		return 1
	}))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) call(c api.Call) {
	m.calls.WithLabelValues(c.Operation, c.Caller, c.Service, strconv.Itoa(c.Status), c.Reason).Inc()
	m.took.WithLabelValues(c.Operation).Observe(c.Took.Seconds())
}

func (m *metrics) event(_ context.Context, e onetime.Event) {
	m.events.WithLabelValues(e.Op, e.Kind, e.Purpose, outcomeOf(e.Err)).Inc()
}

func outcomeOf(err error) string {
	var denied *onetime.DeniedError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &denied):
		return denied.Name()
	case errors.Is(err, onetime.ErrInvalid):
		return "invalid"
	}
	return "undecided"
}

// delivery counts what became of a message, and names it.
func (m *metrics) delivery(e onetime.Event) (outcome string) {
	outcome = "failed"
	switch {
	case e.Err == nil:
		outcome = "delivered"
	case errors.Is(e.Err, onetimesend.ErrPermanent):
		outcome = "permanent"
	case errors.Is(e.Err, onetimesend.ErrUnknown):
		outcome = "unknown"
	case errors.Is(e.Err, onetimesend.ErrRefused):
		outcome = "refused"
	}
	m.deliveries.WithLabelValues(e.Purpose, outcome).Inc()
	return outcome
}

// delivered is told what became of a message. The error stays out of the log: what a mail server says may name the person.
func (s *Server) delivered(ctx context.Context, e onetime.Event) {
	if outcome := s.metrics.delivery(e); e.Err != nil {
		s.log.WarnContext(ctx, "not delivered", "outcome", outcome, "service_purpose", e.Purpose, "issue", e.ID, "who", e.Who)
	}
}

// read is told how a reading of secrets went.
func (m *metrics) read(outcome string, now time.Time, ids map[string][]string) {
	m.reloads.WithLabelValues(outcome).Inc()
	if outcome == "failed" {
		return
	}
	m.loaded.Set(float64(now.UnixMilli()) / 1000)
	m.keys.Reset()
	for use, list := range ids {
		for _, id := range list {
			m.keys.WithLabelValues(use, id).Set(1)
		}
	}
}
