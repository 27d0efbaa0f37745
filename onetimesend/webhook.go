package onetimesend

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A WebhookConfig is how [Webhook] hands messages to a program of yours.
type WebhookConfig struct {
	// URL is where messages go, https, or http on localhost. It is never printed.
	URL string
	// Secrets sign each message, all of them, so that a receiver can change from one to the next: "whsec_" and 24 to 64 bytes
	// in base64, as Standard Webhooks has them; 1 to 5. They are never printed.
	Secrets []string
	// HTTP is how requests leave.
	HTTP HTTP
}

// A WebhookMessage is the "data" of a webhook of the type "onetime.message".
type WebhookMessage struct {
	// ID is that of the issue, Purpose that of the Manager.
	ID      string `json:"id,omitempty"`
	Purpose string `json:"purpose,omitempty"`
	// To is all addresses of the recipient, the preferred one first.
	To []WebhookAddress `json:"to"`
	// Language is that of the texts.
	Language string `json:"language"`
	// Code and URL are the secrets. CodeExpiresIn and ExpiresIn are how long they are good for, in seconds.
	Code          string `json:"code,omitempty"`
	URL           string `json:"url,omitempty"`
	CodeExpiresIn int    `json:"code_expires_in,omitempty"`
	ExpiresIn     int    `json:"expires_in,omitempty"`
	// Subject, Text and HTML are a mail, SMS a text message.
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
	SMS     string `json:"sms"`
	// Voice is what a call says; empty without a code.
	Voice string `json:"voice,omitempty"`
}

// A WebhookAddress is an [Address] in JSON, with its value.
type WebhookAddress struct {
	Channel Channel `json:"channel"`
	Value   string  `json:"value"`
}

const maxSecrets = 5

// Webhook returns a Sender that hands the message to a program of yours, with all addresses of the recipient, as a POST of
// JSON that is signed by the rules of Standard Webhooks. The program takes it by answering 2xx, and drops what comes with a
// webhook-id that it knows: an attempt whose answer was lost is made again. It reports all that is wrong; each error is
// [ErrInvalid].
func Webhook(c WebhookConfig) (Sender, error) {
	g, err := c.HTTP.gateway("WebhookConfig.URL", c.URL)
	keys, keyErr := webhookKeys(c.Secrets)
	if err := errors.Join(err, keyErr); err != nil {
		return nil, err
	}
	return func(ctx context.Context, to Recipient, m Message) (Delivery, error) {
		if len(to.Addresses) == 0 {
			return Delivery{}, Permanent(errors.New("onetimesend: webhook: the recipient has no address"))
		}
		first, m, err := Prepare(to.Addresses[0].Channel, to, m)
		if err != nil {
			return Delivery{}, err
		}
		id := m.DeliveryID(first)
		if id == "" {
			id = "msg_" + randomID()
		}
		body, err := webhookBody(to, m, time.Now())
		if err != nil {
			return Delivery{}, Permanent(errors.New("onetimesend: webhook: the message cannot be written"))
		}
		timestamp := strconv.FormatInt(time.Now().Unix(), 10)
		header := http.Header{}
		header.Set("Content-Type", jsonType)
		header.Set("Webhook-Id", id)
		header.Set("Webhook-Timestamp", timestamp)
		header.Set("Webhook-Signature", strings.Join(signatures(keys, id, timestamp, body), " "))
		if _, err := g.post(ctx, "webhook", header, body); err != nil {
			if errors.Is(err, ErrUnknown) {
				err = unknownOnce(err)
			}
			return Delivery{}, err
		}
		return Delivery{Channel: ChannelWebhook, ID: id}, nil
	}, nil
}

func webhookBody(to Recipient, m Message, now time.Time) ([]byte, error) {
	html, err := m.HTML()
	if err != nil {
		return nil, err
	}
	data := WebhookMessage{
		ID: m.ID, Purpose: m.Purpose, Language: m.speech().language, Code: m.Code, URL: m.URL,
		Subject: m.Subject(), Text: m.Text(), HTML: html, SMS: m.SMS(),
	}
	if m.Code != "" {
		data.CodeExpiresIn, data.Voice = int(m.CodeExpiresIn/time.Second), m.Voice()
	}
	if m.URL != "" {
		data.ExpiresIn = int(m.ExpiresIn / time.Second)
	}
	for _, a := range to.Addresses {
		data.To = append(data.To, WebhookAddress(a))
	}
	return json.Marshal(struct {
		Type      string         `json:"type"`
		Timestamp time.Time      `json:"timestamp"`
		Data      WebhookMessage `json:"data"`
	}{"onetime.message", now.UTC(), data})
}

func webhookKeys(secrets []string) (keys [][]byte, err error) {
	wrong := invalid("webhook secrets: want 1 to %d, each whsec_ and 24 to 64 bytes in base64", maxSecrets)
	if len(secrets) < 1 || len(secrets) > maxSecrets {
		return nil, wrong
	}
	for _, secret := range secrets {
		encoded, found := strings.CutPrefix(secret, "whsec_")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !found || err != nil || len(key) < 24 || len(key) > 64 {
			return nil, wrong
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// signatures are those of a message by each key, as the webhook-signature header has them.
func signatures(keys [][]byte, id, timestamp string, body []byte) (found []string) {
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		found = append(found, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return found
}

// ErrSignature is what [VerifyWebhook] returns for a request that nobody with one of the secrets has signed within 5 minutes.
var ErrSignature = errors.New("onetimesend: webhook: wrong or old signature")

// webhookSkew is how far the time of a webhook may be off.
const webhookSkew = 5 * time.Minute

// VerifyWebhook is for the receiver: it reports whether a request was signed with one of the secrets, and within 5 minutes of
// now. body is read whole, and not parsed before. nil means that it was; the error is [ErrSignature], or [ErrInvalid] if
// the secrets are none. The receiver then drops what has a webhook-id that it knows: a copy verifies as well.
func VerifyWebhook(header http.Header, body []byte, secrets ...string) error {
	keys, err := webhookKeys(secrets)
	if err != nil {
		return err
	}
	id, timestamp := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if age := time.Since(time.Unix(seconds, 0)); err != nil || id == "" || strings.Contains(id, ".") || age > webhookSkew || age < -webhookSkew {
		return ErrSignature
	}
	for _, given := range strings.Fields(header.Get("Webhook-Signature")) {
		for _, want := range signatures(keys, id, timestamp, body) {
			if hmac.Equal([]byte(given), []byte(want)) {
				return nil
			}
		}
	}
	return ErrSignature
}
