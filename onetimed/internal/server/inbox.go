package server

import (
	"context"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// keptMails is how many messages the inbox keeps, and takeWait how long take waits for one.
const (
	keptMails = 100
	takeWait  = 10 * time.Second
)

// A mail is one message in the inbox.
type mail struct {
	To      string    `json:"to"`
	Channel string    `json:"channel"`
	Service string    `json:"purpose"`
	Code    string    `json:"code,omitempty"`
	URL     string    `json:"url,omitempty"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
}

// An inbox gets all messages in development.
type inbox struct {
	console onetimesend.Sender
	// reservedOnly lets it take messages to reserved test addresses only.
	reservedOnly bool

	mutex   sync.Mutex
	mails   []mail        // the oldest first
	changed chan struct{} // closed, and made anew, when a message comes
}

func newInbox(console onetimesend.Sender, reservedOnly bool) *inbox {
	return &inbox{console: console, reservedOnly: reservedOnly, changed: make(chan struct{})}
}

// send is a Sender.
func (b *inbox) send(ctx context.Context, to onetimesend.Recipient, m onetimesend.Message) (onetimesend.Delivery, error) {
	if len(to.Addresses) == 0 {
		return onetimesend.Delivery{}, onetimesend.Permanent(onetimesend.ErrInvalid)
	}
	first := to.Addresses[0]
	if b.reservedOnly && !reserved(first.Value) {
		return onetimesend.Delivery{}, onetimesend.Permanent(errNotReserved)
	}
	address, ready, err := onetimesend.Prepare(first.Channel, to, m)
	if err != nil {
		return onetimesend.Delivery{}, err
	}
	delivery, err := b.console(ctx, to, m)
	if err != nil {
		return delivery, err
	}
	got := mail{
		To: address.Value, Channel: string(first.Channel), Service: m.Purpose, Code: m.Code, URL: m.URL,
		Subject: ready.Subject(), Text: ready.Text(), At: time.Now().UTC(),
	}
	if first.Channel == onetimesend.ChannelSMS {
		got.Subject, got.Text = "", ready.SMS()
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.mails = append(b.mails, got)
	if len(b.mails) > keptMails {
		b.mails = b.mails[1:]
	}
	close(b.changed)
	b.changed = make(chan struct{})
	return delivery, nil
}

// all returns the messages, the newest first.
func (b *inbox) all() []mail {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	newest := make([]mail, 0, len(b.mails))
	for i := len(b.mails) - 1; i >= 0; i-- {
		newest = append(newest, b.mails[i])
	}
	return newest
}

// take waits for a message to an address, and takes out all to it. It returns the newest: a new code replaces the old one.
func (b *inbox) take(ctx context.Context, to string) (newest mail, found bool) {
	ctx, cancel := context.WithTimeout(ctx, takeWait)
	defer cancel()
	for {
		b.mutex.Lock()
		b.mails = slices.DeleteFunc(b.mails, func(m mail) bool {
			if !strings.EqualFold(m.To, to) {
				return false
			}
			newest, found = m, true
			return true
		})
		changed := b.changed
		b.mutex.Unlock()
		if found {
			return newest, true
		}
		select {
		case <-ctx.Done():
			return mail{}, false
		case <-changed:
		}
	}
}

//go:embed inbox.html
var inboxHTML string

var inboxPage = template.Must(template.New("inbox").Parse(inboxHTML))

func (b *inbox) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /inbox", func(w http.ResponseWriter, r *http.Request) {
		pageHeaders(w)
		inboxPage.Execute(w, b.all())
	})
	mux.HandleFunc("GET /inbox.json", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"messages": b.all()})
	})
	// For tests: the next message to an address, once.
	mux.HandleFunc("POST /inbox.json", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
		to := r.PostFormValue("to")
		if to == "" {
			writeJSON(w, http.StatusBadRequest, map[string]any{"title": "want a form with to, the address"})
			return
		}
		m, found := b.take(r.Context(), to)
		if !found {
			writeJSON(w, http.StatusNotFound, map[string]any{"title": "no message came within 10 seconds"})
			return
		}
		writeJSON(w, http.StatusOK, m)
	})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

// pageHeaders lets a page load nothing and be framed by nobody.
func pageHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

// reservedDomain matches the domains of RFC 2606 and RFC 6761, which belong to nobody, and reservedPhone the numbers of North
// America and of the United Kingdom that are kept for fiction.
var (
	reservedDomain = regexp.MustCompile(`@([a-z0-9-]+\.)*(example\.(com|net|org)|[a-z0-9-]+\.(test|example|invalid|localhost))$`)
	reservedPhone  = regexp.MustCompile(`^\+(1[2-9]\d{2}55501\d{2}|447700900\d{3})$`)
)

// reserved reports whether an address, in its one spelling, is one that nobody has.
func reserved(address string) bool {
	return reservedDomain.MatchString(strings.ToLower(address)) || reservedPhone.MatchString(address)
}
