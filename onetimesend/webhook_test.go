package onetimesend_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// The example of the specification of Standard Webhooks.
func TestWebhook_SignatureOfTheSpecification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		header := http.Header{}
		header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
		header.Set("webhook-timestamp", "1614265330")
		header.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
		time.Sleep(time.Until(time.Unix(1614265330, 0)))
		require.NoError(t, onetimesend.VerifyWebhook(header, []byte(`{"test": 2432232314}`), secret))

		other := "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"
		require.NoError(t, onetimesend.VerifyWebhook(header, []byte(`{"test": 2432232314}`), other, secret))
		require.ErrorIs(t, onetimesend.VerifyWebhook(header, []byte(`{"test": 2432232314}`), other), onetimesend.ErrSignature)
		require.ErrorIs(t, onetimesend.VerifyWebhook(header, []byte(`{"test": 2432232315}`), secret), onetimesend.ErrSignature)
		header.Set("webhook-signature", "v2,x v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
		require.NoError(t, onetimesend.VerifyWebhook(header, []byte(`{"test": 2432232314}`), secret), "one of several")
		for _, name := range []string{"webhook-id", "webhook-timestamp"} {
			changed := header.Clone()
			changed.Set(name, changed.Get(name)+"1")
			require.ErrorIs(t, onetimesend.VerifyWebhook(changed, []byte(`{"test": 2432232314}`), secret), onetimesend.ErrSignature)
		}
		time.Sleep(5*time.Minute + time.Second)
		require.ErrorIs(t, onetimesend.VerifyWebhook(header, []byte(`{"test": 2432232314}`), secret), onetimesend.ErrSignature, "too old")
	})
}

// A receiver keeps what it was sent, and verifies it.
type receiver struct {
	mu     sync.Mutex
	ids    []string
	bodies []onetimesend.WebhookMessage
	kinds  []string
	errs   []error
	status []int // of each answer; 200 beyond
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	var event struct {
		Type string
		Data onetimesend.WebhookMessage
	}
	json.Unmarshal(body, &event)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, onetimesend.VerifyWebhook(request.Header, body, secret))
	r.ids, r.bodies, r.kinds = append(r.ids, request.Header.Get("webhook-id")), append(r.bodies, event.Data), append(r.kinds, event.Type)
	if n := len(r.ids); n <= len(r.status) {
		w.WriteHeader(r.status[n-1])
	}
}

func webhook(t *testing.T, r *receiver) onetimesend.Sender {
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	send, err := onetimesend.Webhook(onetimesend.WebhookConfig{
		URL: server.URL, Secrets: []string{"whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx", secret}, HTTP: local,
	})
	require.NoError(t, err)
	return send
}

func TestWebhook_HandsOverTheMessage(t *testing.T) {
	r := &receiver{}
	m := message(func(m *onetimesend.Message) { m.Language = "de" })
	delivery, err := webhook(t, r)(t.Context(), everyone, m)
	require.NoError(t, err)
	require.Equal(t, []error{nil}, r.errs)
	require.Equal(t, []string{"onetime.message"}, r.kinds)
	require.Equal(t, onetimesend.Delivery{Channel: onetimesend.ChannelWebhook, ID: r.ids[0]}, delivery)
	require.Equal(t, m.DeliveryID(everyone.Addresses[0]), r.ids[0])
	got := r.bodies[0]
	require.Len(t, got.To, 4)
	require.Equal(t, onetimesend.WebhookAddress{Channel: onetimesend.ChannelMail, Value: ann}, got.To[0])
	body, err := m.HTML()
	require.NoError(t, err)
	got.To = nil
	require.Equal(t, onetimesend.WebhookMessage{
		ID: "issue-1", Purpose: "sign-in", Language: "de", Code: code, URL: link, CodeExpiresIn: 300, ExpiresIn: 600,
		Subject: m.Subject(), Text: m.Text(), HTML: body, SMS: m.SMS(), Voice: m.Voice(),
	}, got)
}

func TestWebhook_AnAttemptThatMayHaveArrivedIsMadeAgainUnderTheSameID(t *testing.T) {
	r := &receiver{status: []int{504, 200}}
	queue, err := onetimesend.NewQueue(webhook(t, r), onetimesend.WithDelay(0))
	require.NoError(t, err)
	result := make(chan onetimesend.Result, 1)
	require.NoError(t, queue.Add(onetimesend.Job{To: everyone, Message: message(), Done: func(r onetimesend.Result) { result <- r }}))
	got := <-result
	require.NoError(t, got.Err)
	require.Equal(t, 2, got.Attempts)
	require.Equal(t, r.ids[0], r.ids[1])
}

// What may have arrived stays so, whatever a later attempt is answered.
func TestWebhook_UnknownStaysUnknown(t *testing.T) {
	for name, through := range map[string]func(onetimesend.Sender) onetimesend.Sender{
		"Retry": func(s onetimesend.Sender) onetimesend.Sender { return onetimesend.Retry(5, s) },
		"Queue": func(s onetimesend.Sender) onetimesend.Sender { return s },
	} {
		r := &receiver{status: []int{504, 410}}
		queue, err := onetimesend.NewQueue(through(webhook(t, r)), onetimesend.WithDelay(0))
		require.NoError(t, err)
		result := make(chan onetimesend.Result, 1)
		require.NoError(t, queue.Add(onetimesend.Job{To: everyone, Message: message(), Done: func(r onetimesend.Result) { result <- r }}))
		got := <-result
		require.ErrorIs(t, got.Err, onetimesend.ErrUnknown, name)
		require.False(t, got.Failed())
		require.Len(t, r.ids, 2, "410 is the last word")
	}
}

func TestWebhookConfig_ReportsWhatIsWrong(t *testing.T) {
	for _, secrets := range [][]string{nil, {""}, {"whsec_"}, {"whsec_c3dvcmRmaXNo"}, {secret[6:]}, {secret, "whsec_!"}, {secret, secret, secret, secret, secret, secret}} {
		_, err := onetimesend.Webhook(onetimesend.WebhookConfig{URL: "http://example.com", Secrets: secrets})
		require.ErrorIs(t, err, onetimesend.ErrInvalid)
		require.ErrorContains(t, err, "WebhookConfig.URL")
		require.ErrorContains(t, err, "webhook secrets: want 1 to "+strconv.Itoa(5))
		require.NotContains(t, err.Error(), secret[6:])
		require.ErrorIs(t, onetimesend.VerifyWebhook(http.Header{}, nil, secrets...), onetimesend.ErrInvalid)
	}
}
