package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"database/sql"
	"encoding/binary"
	"fmt"
	"html"
	"image"
	"image/color"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/examples/internal/mailtest"
	"github.com/seed-3f7b73d1/onetime/examples/internal/sitetest"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/factor/sqlstore"
)

const (
	alice = "alice@example.com"
	bob   = "bob@example.com"
)

func TestMain(m *testing.M) {
	if !sitetest.AsProgram(main) {
		os.Exit(browser.Run(m))
	}
}

// A scene is the program in this process.
type scene struct {
	*sitetest.Site
	app *app
	db  *sql.DB
	t   testing.TB
}

// open starts it, on SQLite.
func open(t testing.TB) *scene {
	t.Helper()
	db, err := openSQLite(filepath.Join(t.TempDir(), "factors.db"), mailtest.Patience)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return openOn(t, db, sqlstore.SQLite)
}

func openOn(t testing.TB, db *sql.DB, dialect sqlstore.Dialect) *scene {
	t.Helper()
	store, err := newStore(t.Context(), db, dialect)
	require.NoError(t, err)
	s := sitetest.New(t, alice, bob)
	a, err := newApp(t.Context(), s.Site, store, keys(t))
	require.NoError(t, err)
	s.Serve(a.serve)
	return &scene{s, a, db, t}
}

func keys(t testing.TB) factor.Keys {
	t.Helper()
	keys, err := factor.NewKeys([]byte("a key for the blobs of tests, and of nothing else"))
	require.NoError(t, err)
	return keys
}

// first shows the first factor, by the code of a mail, and returns where that leads.
func (s *scene) first(v *sitetest.Visitor, address string) sitetest.Page {
	s.t.Helper()
	mail := v.Ask("/sign-in", address, address)
	shown := v.Post("/sign-in/code", "address", address, "code", mail.Code)
	require.Equal(s.t, http.StatusOK, shown.Status, shown.Text)
	s.Clock.Advance(time.Minute) // until the next message can be sent, and the app shows another code
	return shown
}

// second shows the second factor, too.
func (s *scene) second(v *sitetest.Visitor, address string, p *phone) {
	s.t.Helper()
	shown := v.Submit(s.first(v, address), "code", p.code())
	require.Equal(s.t, "/", shown.Path, shown.Text)
	require.Equal(s.t, address, v.SignedIn())
}

// A phone has an authenticator app.
type phone struct {
	key []byte
	now func() time.Time
}

// code is what the app shows.
func (p *phone) code() string { return p.at(p.now()) }

func (p *phone) at(now time.Time) string {
	mac := hmac.New(sha1.New, p.key)
	binary.Write(mac, binary.BigEndian, now.Unix()/30)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[len(sum)-1]&0xf:])&0x7fffffff%1_000_000)
}

// wrong is a code that is not right within minutes of now.
func (p *phone) wrong() string {
	for n := 0; ; n++ {
		code, right := fmt.Sprintf("%06d", n*7919), false
		for beside := -10; beside <= 10; beside++ {
			right = right || p.at(p.now().Add(time.Duration(beside)*30*time.Second)) == code
		}
		if !right {
			return code
		}
	}
}

// scan is what the app takes from a QR code.
func scan(t testing.TB, uri string, now func() time.Time) *phone {
	t.Helper()
	u, err := url.Parse(uri)
	require.NoError(t, err)
	require.Equal(t, "otpauth", u.Scheme)
	require.Equal(t, "totp", u.Host)
	require.Equal(t, service, u.Query().Get("issuer"))
	key, err := factor.DecodeSecret(u.Query().Get("secret"))
	require.NoError(t, err)
	require.Len(t, key, 20)
	return &phone{key, now}
}

var (
	viewBox = regexp.MustCompile(`viewBox="0 0 (\d+) (\d+)"`)
	darks   = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)
	listed  = regexp.MustCompile(`<li><code>(.*?)</code></li>`)
	address = regexp.MustCompile(`<a href="(otpauth:[^"]+)">`)
)

// picture is what a page shows as QR code.
func picture(t testing.TB, page string) image.Image {
	t.Helper()
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		return n
	}
	box := viewBox.FindStringSubmatch(page)
	require.NotNil(t, box, page)
	const scale = 4
	drawn := image.NewGray(image.Rect(0, 0, scale*number(box[1]), scale*number(box[2])))
	for i := range drawn.Pix {
		drawn.Pix[i] = 0xff
	}
	for _, dark := range darks.FindAllStringSubmatch(page, -1) {
		x, y, width := number(dark[1]), number(dark[2]), number(dark[3])
		for i := range scale * width {
			for j := range scale {
				drawn.SetGray(scale*x+i, scale*y+j, color.Gray{})
			}
		}
	}
	return drawn
}

// decode reads a picture that is of a QR code and of nothing else: to find one among other things is the art of a camera, which
// the library fails at now and then.
func decode(t testing.TB, picture image.Image) string {
	t.Helper()
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	require.NoError(t, err)
	read, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
	require.NoError(t, err)
	return read.GetText()
}

// setUp sets up an app where somebody is signed in, and returns the phone and the recovery codes.
func (s *scene) setUp(v *sitetest.Visitor) (p *phone, codes []string) {
	s.t.Helper()
	shown := v.Post("/factor/setup")
	require.Equal(s.t, "/factor/setup", shown.Path)
	p = scan(s.t, decode(s.t, picture(s.t, shown.Text)), s.Clock.Now)
	v.Mails(1, func() { shown = v.Submit(shown, "code", p.code()) })
	require.Equal(s.t, "/factor/codes", shown.Path, shown.Text)
	codes = codesOf(shown)
	require.Len(s.t, codes, recoveryCodes)
	require.Equal(s.t, "/factor", v.Post("/factor/codes/kept").Path)
	s.Clock.Advance(time.Minute)
	return p, codes
}

func codesOf(p sitetest.Page) (codes []string) {
	for _, found := range listed.FindAllStringSubmatch(p.Text, -1) {
		codes = append(codes, html.UnescapeString(found[1]))
	}
	return codes
}

// withApp returns a browser where Alice is signed in, and her phone and recovery codes.
func withApp(t testing.TB) (s *scene, v *sitetest.Visitor, p *phone, codes []string) {
	t.Helper()
	s = open(t)
	v = s.Visitor()
	require.Equal(t, "/", s.first(v, alice).Path, "without an app one factor signs in")
	p, codes = s.setUp(v)
	require.Equal(t, alice, v.SignedIn(), "whoever sets it up stays signed in")
	return s, v, p, codes
}

// token is that of the page for the second factor.
func token(t testing.TB, v *sitetest.Visitor, shown sitetest.Page) string {
	t.Helper()
	require.Equal(t, byApp.Action, shown.Path)
	found := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(shown.Text)
	require.NotNil(t, found)
	return found[1]
}
