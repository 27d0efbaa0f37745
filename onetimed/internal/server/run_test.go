package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func TestMonitor_LivesAndIsReadyWithoutRedis(t *testing.T) {
	redis := startRedis(t)
	text, _ := onRedis(t, redis.addr)
	s := start(t, text)
	monitor := "http://" + s.MonitorAddr()
	require.NoError(t, verify(s.Origin(), shopKey, "ann@example.com"))
	require.Contains(t, s.metric(t), "onetime_redis_up 1\n")

	redis.kill()
	a := s.post(t, shopKey, "/v1/services/login/verifications", map[string]any{"subject": "ann@example.com", "channel": "none"})
	require.Equal(t, http.StatusServiceUnavailable, a.status, a.raw)
	require.Equal(t, "undecided", a.body["reason"])
	require.Contains(t, s.metric(t), "onetime_redis_up 0\n")
	require.Equal(t, http.StatusOK, get(t, monitor+"/livez").status)
	require.Equal(t, http.StatusOK, get(t, monitor+"/readyz").status)
}

func TestMonitor_HasAPortOfItsOwn(t *testing.T) {
	s := start(t, "")
	for _, path := range []string{"/metrics", "/livez", "/readyz"} {
		require.Equal(t, http.StatusNotFound, get(t, s.Origin()+path).status, path)
		require.Equal(t, http.StatusOK, get(t, "http://"+s.MonitorAddr()+path).status, path)
	}
	require.Equal(t, http.StatusNotFound, get(t, "http://"+s.MonitorAddr()+"/openapi.json").status)
}

func TestMetricsAndLog_HoldNothingOfAPerson(t *testing.T) {
	s := start(t, "")
	const subject = "ann.private@example.com"
	started := s.post(t, s.developerKey, "/v1/services/login/verifications", map[string]any{"subject": subject, "payload": "private payload"})
	require.Equal(t, http.StatusCreated, started.status, started.raw)
	code := s.take(t, subject)["code"].(string)
	id := started.body["id"].(string)
	s.post(t, s.developerKey, "/v1/verifications/"+id+"/check", map[string]any{"code": code[1:] + "x"})
	checked := s.post(t, s.developerKey, "/v1/verifications/"+id+"/check", map[string]any{"code": code})
	require.Equal(t, http.StatusOK, checked.status, checked.raw)
	s.post(t, "a wrong key", "/v1/admin/login/status", map[string]any{"subject": subject})
	told := s.metric(t) + s.log.String()
	require.Contains(t, told, "onetimed_calls_total")
	for _, private := range []string{subject, "ann.private", code, id, "private payload", s.developerKey, "a wrong key"} {
		require.NotContains(t, told, private)
	}
}

func TestRun_FinishesWhatIsUnderWayAndSaysBeforeThatItIsNotReady(t *testing.T) {
	redis := startRedis(t)
	text, _ := onRedis(t, redis.addr)
	s := open(t, text)
	delaying, goOn := make(chan struct{}), make(chan struct{})
	s.wait = func(context.Context, time.Duration) { close(delaying); <-goOn }
	slow := make(chan struct{})
	sent := make(chan struct{})
	var way onetimesend.Sender = func(ctx context.Context, _ onetimesend.Recipient, m onetimesend.Message) (onetimesend.Delivery, error) {
		close(sent)
		<-slow
		return onetimesend.Delivery{}, nil
	}
	s.sending.Store(&way)
	s.run(t)
	monitor := "http://" + s.MonitorAddr()
	require.Equal(t, http.StatusOK, get(t, monitor+"/readyz").status)
	delivered := make(chan error, 1)
	require.NoError(t, s.queue.Add(onetimesend.Job{
		To:      onetimesend.To(onetimesend.ChannelMail, "ann@example.com"),
		Message: onetimesend.Message{Code: "123456", CodeExpiresIn: 5 * time.Minute, Brand: onetimesend.Brand{Name: "Example"}},
		Done:    func(r onetimesend.Result) { delivered <- r.Err },
	}))

	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	<-delaying
	require.Equal(t, http.StatusServiceUnavailable, get(t, monitor+"/readyz").status)
	require.Equal(t, http.StatusOK, get(t, monitor+"/livez").status)
	a := s.post(t, shopKey, "/v1/services/login/verifications", map[string]any{"subject": "ann@example.com", "channel": "none"})
	require.Equal(t, http.StatusCreated, a.status, "it serves on, since not everybody knows yet")
	page := get(t, s.Origin()+"/openapi.json")
	require.Equal(t, http.StatusOK, page.status)

	close(goOn)
	<-sent
	select {
	case <-stopped:
		t.Fatal("it ended before the message was sent")
	default:
	}
	close(slow)
	require.NoError(t, <-delivered)
	require.NoError(t, <-stopped)
	_, err := client.Get(s.Origin())
	require.Error(t, err)
}

func TestRun_TellsWhatWasLost(t *testing.T) {
	redis := startRedis(t)
	text, _ := onRedis(t, redis.addr)
	s := open(t, strings.Replace(text, "timeout: 1m", "timeout: 1s", 1))
	started := make(chan struct{})
	var way onetimesend.Sender = func(ctx context.Context, _ onetimesend.Recipient, _ onetimesend.Message) (onetimesend.Delivery, error) {
		close(started)
		<-ctx.Done()
		return onetimesend.Delivery{}, ctx.Err()
	}
	s.sending.Store(&way)
	s.run(t)
	require.NoError(t, s.queue.Add(onetimesend.Job{
		To:      onetimesend.To(onetimesend.ChannelMail, "ann@example.com"),
		Message: onetimesend.Message{Code: "123456", CodeExpiresIn: 5 * time.Minute, Brand: onetimesend.Brand{Name: "Example"}},
	}))
	<-started
	var lost *onetimesend.LostError
	require.ErrorAs(t, s.stop(), &lost)
	require.Contains(t, s.log.String(), "messages were lost")
	require.NotContains(t, s.log.String(), "ann@example.com")
}

// A fleet sends requests to servers that say they are ready, as a load balancer does.
type fleet struct {
	mutex sync.Mutex
	ready []*running
	sent  map[*running]*sync.WaitGroup // requests that have no answer yet
	next  int
}

// use runs a request on one of the servers.
func (f *fleet) use(request func(origin string) error) error {
	f.mutex.Lock()
	f.next++
	s := f.ready[f.next%len(f.ready)]
	sent := f.sent[s]
	sent.Add(1)
	f.mutex.Unlock()
	defer sent.Done()
	return request(s.Origin())
}

func (f *fleet) join(s *running) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.ready = append(f.ready, s)
	f.sent[s] = &sync.WaitGroup{}
}

// leave sends no more requests to a server, and returns when those that were on their way are answered.
func (f *fleet) leave(s *running) {
	f.mutex.Lock()
	f.ready = slices.DeleteFunc(f.ready, func(other *running) bool { return other == s })
	f.mutex.Unlock()
	f.sent[s].Wait()
}

// The delay of a shutdown is for what a balancer has sent before it looked: so long the server serves on. Each request may go
// to another server, since ids are known to all.
func TestRun_ARollingRestartUnderLoadLosesNoAnswer(t *testing.T) {
	redis := startRedis(t)
	text, _ := onRedis(t, redis.addr)
	servers := fleet{sent: map[*running]*sync.WaitGroup{}}
	launch := func() *running {
		s := open(t, text)
		s.wait = func(context.Context, time.Duration) {
			if a := get(t, "http://"+s.MonitorAddr()+"/readyz"); a.status == http.StatusServiceUnavailable {
				servers.leave(s)
			}
		}
		s.run(t)
		servers.join(s)
		return s
	}
	running := []*running{launch(), launch()}
	more, end := underLoad(t, 16, func(person string) error {
		var id, code string
		err := servers.use(func(origin string) (err error) {
			id, code, err = issue(origin, shopKey, person)
			return err
		})
		if err == nil {
			err = servers.use(func(origin string) error { return check(origin, shopKey, id, code) })
		}
		return err
	})
	for _, old := range running { // one after the other is replaced under load
		more(50)
		launch()
		require.NoError(t, old.stop())
	}
	more(50)
	end()
}
