package onetimehttp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A Config is what a Flow cannot do without. SignedIn, KnownSince, Secrets, OtherBrowser and Paths may be left zero.
type Config struct {
	// Origin is where browsers find the handlers, such as https://example.com: a scheme and a host, perhaps a port. http is
	// for localhost and loopback addresses only. It is never taken from a request: a Host header is what the client says.
	Origin string
	// Name is what people know the service by, 1 to 100 bytes on one line. It stands in pages and messages.
	Name string
	// Task is what the secrets are for. It chooses the words of messages; those of pages are WithTexts'.
	Task onetimesend.Task

	// Lookup finds whom an address belongs to. typed is what was typed, normalised. Found: subject is the account's, as
	// VerifyOTP returns it: at most 36 bytes, or the address, or its length shows in what Redis holds. deliverTo is the
	// address stored with the account, 1 to 254 bytes, to which alone secrets go: a phone number by SMS, all else by mail. Not
	// found is no error; the rest is ignored then. It must take the same time for both. An error is answered "cannot tell
	// right now".
	Lookup func(ctx context.Context, typed string) (subject, deliverTo string, found bool, err error)

	// Sender delivers a message. It runs after the request was answered, from a queue (WithQueue), with the values of the
	// request's context. What its error says decides: where nobody has the message and nobody will, the issue goes on as a
	// decoy (onetime.Manager.CancelQuietly); where it may have been taken, as after a time-out or a panic, or where a budget
	// refused it, the secret stays alive. Errors go to the observer; nothing of them shows to whoever asked.
	Sender onetimesend.Sender

	// OnVerified answers a request that proved an address: it starts a session, with a new session id, and redirects, to a
	// page of the Origin. The Payload is the address that a message with a link was sent to. An error says that what the
	// proof was for did not happen: the Flow then calls Undo, so that the secret works again, and answers for it. So an
	// error is for what fails before anything is answered, and not for what fails once the proof has had its effect.
	OnVerified func(w http.ResponseWriter, r *http.Request, v onetime.Verification) error

	// Limiter tells whether a client may start now: how long it has to wait, 0 if it may go on. Key it by client address, as
	// [NewLimiter] does. An error is undecided, and answered so. Without one a stranger fills Redis with
	// invented people: New demands it, or WithDangerouslyNoLimiter.
	Limiter func(r *http.Request) (wait time.Duration, err error)

	// VerifyLimiter tells whether a client may try a code now, as Limiter does; key it by client address, and let it pass more than Limiter
	// does, since people mistype. It bounds what whoever tries codes makes Redis do, and how fast somebody who watches the
	// commands of Redis can try codes that are judged no more: see docs/threat-model.md. New demands it, or
	// WithDangerouslyNoLimiter. It is asked before the body is read and before anything is asked of Redis.
	VerifyLimiter func(r *http.Request) (wait time.Duration, err error)

	// SignedIn returns the subject that is signed in, as Lookup names it, or "". With it a link that was used here leads on, and
	// so does the page of Start. Without it nobody is.
	SignedIn func(r *http.Request) (subject string)

	// KnownSince returns the time before which no browser became known to the subject, as Lookup names it: that of
	// [onetime.KnownSince], zero for none. Set it in the account's own row to 5 min after now when a device was lost. It is asked
	// only where a browser shows a credential of the subject, so that it costs strangers nothing, and its time tells them nothing.
	// An error is undecided, and answered so. Without it credentials end by their age alone.
	KnownSince func(ctx context.Context, subject string) (since time.Time, err error)

	// Secrets says what a message carries; by default a link and a code.
	Secrets Secrets
	// OtherBrowser says what becomes of a link that is opened in another browser than the one that asked; by default
	// OtherBrowserDefault.
	OtherBrowser OtherBrowser
	// Paths are where the handlers are mounted.
	Paths Paths
}

// Secrets is what a message carries. Links demand onetime.WithLinkBase with the Origin and Paths.Link.
type Secrets int

// What a message can carry.
const (
	LinkAndCode Secrets = iota
	CodeOnly
	LinkOnly
)

// OtherBrowser is what becomes of a link that is opened in another browser than the one that asked.
type OtherBrowser int

const (
	// OtherBrowserDefault is RefuseOtherBrowser where a message carries a code beside the link and that code can be typed in the
	// browser that asked, and else AskOtherBrowser: where messages carry no code, where it was withheld or has expired, and while
	// codes are locked or disabled, or locking the codes of an account would lock its links, too.
	OtherBrowserDefault OtherBrowser = iota
	// AskOtherBrowser shows whom the link is for and asks whether to go on here: onetime.IgnoreBinding.
	AskOtherBrowser
	// RefuseOtherBrowser refuses it. Nothing is used up. It is the answer to robots that submit the form of a link.
	RefuseOtherBrowser
)

// Paths are where the handlers are mounted: absolute paths below the Origin. Forms lead there. The zero value of each
// stands for /sign-in, /sign-in/code and /sign-in/link.
//
// Home is where somebody who is signed in goes on; its zero value stands for /.
type Paths struct{ Start, Verify, Link, Home string }

// A Flow is the handlers of one purpose. It is safe for concurrent use. Messages wait in its memory, until Shutdown.
type Flow struct {
	manager   *onetime.Manager
	strangers *onetime.Manager // the same, for people who are not known: takes their names as they are
	config    Config
	options
	pages      *template.Template
	style      template.CSS
	script     template.JS
	logo       template.URL
	logoSource string // in the Content-Security-Policy
	footer     []string

	messageBrand onetimesend.Brand
	policy       string      // Content-Security-Policy
	cookie       http.Cookie // of the session, but for the slot
	browser      http.Cookie // of what makes the browser known
	inside       *core.Core
	host         string          // of the Origin, for SMS
	languages    map[string]bool // of messages
	crossSite    *http.CrossOriginProtection
	deliveries   *onetimesend.Queue
}

// An Option sets something of a Flow.
type Option struct{ set func(*options) error }

type options struct {
	noLimiter    bool
	normalize    func(string) (string, error)
	account      func(ctx context.Context, v onetime.Verification) string
	check        func(r *http.Request, v onetime.Verification) error
	observe      func(context.Context, onetime.Event)
	templates    *template.Template
	texts        map[string]Catalogue
	addresses    int
	noScript     bool
	brand        onetimesend.Brand
	css          template.CSS
	formTargets  []string
	origins      []string
	messageTexts *onetimesend.Texts
	queue        []onetimesend.QueueOption
}

// WithDangerouslyNoLimiter lets a Flow do without Limiter and VerifyLimiter, because something in front of it limits requests
// by client address. Without any limit each request with an invented address adds a record of up to 600 bytes to Redis that
// stays for 72 minutes (docs/operations.md has what other requests cost), and codes are tried as fast as Redis hears them.
func WithDangerouslyNoLimiter() Option {
	return Option{func(s *options) error { s.noLimiter = true; return nil }}
}

// WithNormalizer sets what makes one spelling of what was typed, before Lookup, for known and unknown people alike: where
// Lookup finds one person under two spellings that it does not make one, send limits tell who has an account. The default is
// [address.Parse], which takes e-mail addresses and international phone numbers: another function is for user names, and for
// the options of package address. An error is answered "check the address", and so is an empty spelling.
func WithNormalizer(normalize func(typed string) (string, error)) Option {
	return Option{func(s *options) error {
		if normalize == nil {
			return errors.New("onetimehttp: WithNormalizer: want a function")
		}
		s.normalize = normalize
		return nil
	}}
}

// WithAccountName sets what the page of a link calls the account of the Verification, which proves nothing yet. The default
// is the address that the link was sent to, masked: a•••@example.com. The page is shown to whoever holds the link.
func WithAccountName(name func(ctx context.Context, v onetime.Verification) string) Option {
	return Option{func(s *options) error {
		if name == nil {
			return errors.New("onetimehttp: WithAccountName: want a function")
		}
		s.account = name
		return nil
	}}
}

// WithLinkCheck sets a function that is asked before the POST of a link uses it up: whether the other fields of your page
// "link" will do, a new password, say. v is that of InspectToken: the link is good, and nothing is used up yet. A Refusal is
// shown on the page again; any other error is answered "cannot tell right now". The fields of a form are in r.PostForm, and
// the body of JSON can be read again; so it is in OnVerified.
func WithLinkCheck(check func(r *http.Request, v onetime.Verification) error) Option {
	return Option{func(s *options) error {
		if check == nil {
			return errors.New("onetimehttp: WithLinkCheck: want a function")
		}
		s.check = check
		return nil
	}}
}

// WithObserver sets a function that is told of each delivery (Op "Deliver"), and of each Lookup, KnownSince and OnVerified that
// failed (Ops of these names). The Manager's own observer hears of the rest. Its panics are recovered.
func WithObserver(observe func(context.Context, onetime.Event)) Option {
	return Option{func(s *options) error {
		if observe != nil {
			s.observe = observe
		}
		return nil
	}}
}

// WithTemplates replaces pages: those of "start", "code", "sent", "link" and "error" that are defined in t. Each is
// executed with a Page. Pages may not run script, nor load anything: the Content-Security-Policy forbids it, but for the
// Page's Style and Script.
func WithTemplates(t *template.Template) Option {
	return Option{func(s *options) error {
		if t == nil {
			return errors.New("onetimehttp: WithTemplates: want a template")
		}
		s.templates = t
		return nil
	}}
}

// WithTexts sets texts of pages by language, such as "de" or "pt-BR", in the place of those of this package: English, German,
// French, Spanish and Arabic. What the browser accepts decides which language is used. A Catalogue may be partial: what it lacks
// is said by the language without its region, and then in English.
func WithTexts(texts map[string]Catalogue) Option {
	return Option{func(s *options) error { return merge(s.texts, texts) }}
}

// maxAddresses is how many cookies of a purpose a browser can have: of at most 700 bytes, as all headers of an answer are at
// most 4 KiB behind some proxies, and browsers drop what is larger in silence.
const maxAddresses = 5

// WithAddresses sets how many addresses a browser can ask for at a time without losing one, 1 to 5; the default is 5. Another
// one takes the place of the oldest.
func WithAddresses(n int) Option {
	return Option{func(s *options) error {
		if n < 1 || n > maxAddresses {
			return fmt.Errorf("onetimehttp: WithAddresses(%d): want 1 to %d", n, maxAddresses)
		}
		s.addresses = n
		return nil
	}}
}

// WithMessageTexts sets the texts of messages, and with them their languages: what the browser accepts decides which is used.
// The default is those of package onetimesend.
func WithMessageTexts(texts *onetimesend.Texts) Option {
	return Option{func(s *options) error { s.messageTexts = texts; return nil }}
}

// WithQueue sets how messages wait and are delivered: how many at a time, how long one may take, how often it is tried. The
// options of package onetimesend have the ranges and defaults. Another WithQueue adds to the first.
func WithQueue(opts ...onetimesend.QueueOption) Option {
	opts = slices.Clone(opts)
	return Option{func(s *options) error { s.queue = append(s.queue, opts...); return nil }}
}

// New returns the Flow of a Manager's purpose. It reports all that is wrong at once.
func New(m *onetime.Manager, config Config, opts ...Option) (*Flow, error) {
	config.Paths.setDefaults()
	f := &Flow{manager: m, config: config, options: defaultOptions()}
	origin, errConfig := config.check(m)
	errs := []error{f.apply(opts), errConfig, f.parsePages()}
	if config.Limiter == nil && !f.noLimiter {
		errs = append(errs, errors.New("onetimehttp: New: want Config.Limiter, or WithDangerouslyNoLimiter"))
	}
	if config.VerifyLimiter == nil && !f.noLimiter {
		errs = append(errs, errors.New("onetimehttp: New: want Config.VerifyLimiter, or WithDangerouslyNoLimiter"))
	}
	if m != nil {
		var err error
		f.strangers, err = m.Purpose(m.Policy().Purpose, onetime.WithNormalizer(nil))
		errs = append(errs, err)
	}
	errs = append(errs, f.openQueue()...)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	f.host, f.languages = smsHost(origin), map[string]bool{}
	for _, language := range f.messageTexts.Languages() {
		f.languages[language] = true
	}
	f.inside = core.Of(m)
	https := origin.Scheme == "https"
	f.cookie = hostCookie(https, "onetime-flow-"+f.inside.Purpose+"-")
	f.browser = browserCookie(https, m.Policy().KnownFor)
	f.crossSite = http.NewCrossOriginProtection()
	for _, trusted := range append([]string{config.Origin}, f.origins...) { // behind a proxy Host may be another
		if err := f.crossSite.AddTrustedOrigin(trusted); err != nil {
			return nil, fmt.Errorf("onetimehttp: %q: %w", trusted, err)
		}
	}
	f.crossSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.fail(w, r, errCrossSite) }))
	return f, nil
}

// openQueue makes the queue of messages, and reports all that is wrong with its options.
func (f *Flow) openQueue() (errs []error) {
	send := f.config.Sender
	if send == nil {
		send = onetimesend.Console(io.Discard) // which check reports
	}
	queue, err := onetimesend.NewQueue(send, f.queue...)
	f.deliveries = queue
	var all interface{ Unwrap() []error }
	if errors.As(err, &all) {
		for _, err := range all.Unwrap() {
			errs = append(errs, fmt.Errorf("onetimehttp: WithQueue: %w", err))
		}
	}
	return errs
}

func defaultOptions() options {
	return options{
		normalize: normalizeTyped, account: func(_ context.Context, v onetime.Verification) string {
			return mask(cmp.Or(string(v.Payload), v.Subject))
		},
		observe: func(context.Context, onetime.Event) {}, texts: maps.Clone(builtin), addresses: maxAddresses,
	}
}

func (o *options) apply(opts []Option) error {
	var errs []error
	for _, option := range opts {
		if option.set != nil {
			errs = append(errs, option.set(o))
		}
	}
	return errors.Join(errs...)
}

// check reports all that is wrong with a Config and its Manager, and returns the Origin.
func (c *Config) check(m *onetime.Manager) (*url.URL, error) {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("onetimehttp: "+format, args...)) }
	for _, want := range []struct {
		name    string
		missing bool
	}{
		{"a Manager", m == nil}, {"Config.Lookup", c.Lookup == nil}, {"Config.Sender", c.Sender == nil},
		{"Config.OnVerified", c.OnVerified == nil},
	} {
		if want.missing {
			wrong("New: want %s", want.name)
		}
	}
	if (onetimesend.Brand{Name: c.Name}).Check() != nil {
		wrong("Config.Name: want 1 to 100 bytes on one line, without characters that are not seen")
	}
	if c.Task < onetimesend.SignIn || c.Task > onetimesend.Confirm {
		wrong("Config.Task(%d): want a Task of package onetimesend", c.Task)
	}
	if c.Secrets < LinkAndCode || c.Secrets > LinkOnly {
		wrong("Config.Secrets(%d): want LinkAndCode, CodeOnly or LinkOnly", c.Secrets)
	}
	if c.OtherBrowser < OtherBrowserDefault || c.OtherBrowser > RefuseOtherBrowser {
		wrong("Config.OtherBrowser(%d): want OtherBrowserDefault, AskOtherBrowser or RefuseOtherBrowser", c.OtherBrowser)
	}
	if m != nil && c.Secrets != CodeOnly && !m.Policy().Links {
		wrong("Config.Secrets: links want a Manager with WithLinkBase")
	}
	for _, path := range []string{c.Paths.Start, c.Paths.Verify, c.Paths.Link, c.Paths.Home} {
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\?#") || hasControl(path) {
			wrong("Config.Paths: %q: want an absolute path", path)
		}
	}
	origin, err := parseOrigin(c.Origin)
	return origin, errors.Join(append(errs, err)...)
}

func (p *Paths) setDefaults() {
	p.Start, p.Verify, p.Link = cmp.Or(p.Start, "/sign-in"), cmp.Or(p.Verify, "/sign-in/code"), cmp.Or(p.Link, "/sign-in/link")
	p.Home = cmp.Or(p.Home, "/")
}

// signedIn returns who is signed in.
func (f *Flow) signedIn(r *http.Request) string {
	if f.config.SignedIn == nil {
		return ""
	}
	return f.config.SignedIn(r)
}

// Style is the style sheet that Protect allows, for a style element of pages of yours.
func (f *Flow) Style() template.CSS { return f.style }

// Shutdown delivers what is waiting. When ctx ends first, it returns a [*onetimesend.LostError], which is the error of ctx,
// too: the contexts of deliveries under way are cancelled, and what still waits is dropped. What is issued after it is not
// delivered. Call it after http.Server.Shutdown.
func (f *Flow) Shutdown(ctx context.Context) error { return f.deliveries.Close(ctx) }
