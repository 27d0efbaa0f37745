package onetime_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// What strangers type, open and send. Run one with go test -run xxx -fuzz '^FuzzToken$' -fuzztime 60s .

// edited is a text of which cut bytes, from at on, are replaced. All of it may be.
func edited(text string, at, cut uint16, by string) string {
	from := min(int(at), len(text))
	return text[:from] + by + text[min(from+int(cut), len(text)):]
}

// A tape is what a fuzzer wrote, with zeros after its end.
type tape struct{ rest []byte }

func (w *tape) next() byte {
	if len(w.rest) == 0 {
		return 0
	}
	b := w.rest[0]
	w.rest = w.rest[1:]
	return b
}

func (w *tape) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = w.next()
	}
	return b
}

// tokenShape is 57 bytes in base64url, of which the first is 1, and what may hang on behind them: no letter, digit or padding
// of base64url, and no control character but white space.
var tokenShape = regexp.MustCompile(`^(A[Q-Za-f][A-Za-z0-9_-]{74})([^A-Za-z0-9_=\x00-\x08\x0e-\x1f\x7f-\x{84}\x{86}-\x{9f}\x{fffd}-]*)$`)

// Of all texts only what a key of the ring made, in its one spelling, is a token. All others are refused for free.
func FuzzToken(f *testing.F) {
	body := append([]byte{1}, strings.Repeat("t", 16)+strings.Repeat("\x00", 8)+strings.Repeat("n", 16)...)
	bound := append([]byte{1}, strings.Repeat("0123456789", 4)...)
	f.Add(body, false, uint16(0), uint16(0), "")
	f.Add(bound, true, uint16(0), uint16(0), "")
	f.Add([]byte{2}, false, uint16(0), uint16(0), "")
	f.Add([]byte{}, false, uint16(0), uint16(100), "")
	for _, at := range []uint16{1, 10, 30, 45, 54, 55, 65, 75} { // in each part, and at both ends of the MAC
		f.Add(body, false, at, uint16(1), "A")
		f.Add(bound, true, at, uint16(1), "B")
		f.Add(body, true, at, uint16(1), "C")
	}
	f.Add(body, true, uint16(75), uint16(1), "=")
	f.Add(body, false, uint16(76), uint16(0), "\n")
	f.Add(body, false, uint16(40), uint16(4), "\r\n\r\n")
	f.Add(body, true, uint16(0), uint16(0), "https://example.com/in?token=")
	f.Add(body, false, uint16(0), uint16(100), strings.Repeat("A", 76))
	f.Add(body, false, uint16(0), uint16(100), "AQ"+strings.Repeat("-", 74))
	f.Fuzz(func(t *testing.T, body []byte, previous bool, at, cut uint16, by string) {
		wire := make([]byte, 41)
		copy(wire, body)
		key := onetimetest.Key
		if previous {
			key = rig.Key('p', 32)
		}
		token := base64.RawURLEncoding.EncodeToString(append(wire, rig.Golden(t, key, "tokens", 16, "token", "default", string(wire))...))
		shown := edited(token, at, cut, by)
		rec := &rig.Recorder{}
		m, err := onetime.New(rec, onetimetest.Key, onetime.WithNamingKey(rig.Key('n', 32)), onetime.WithPreviousKeys(rig.Key('p', 32)))
		require.NoError(t, err)

		var reason error
		switch {
		case len(shown) > 512 || !tokenShape.MatchString(shown):
			reason = onetime.ErrMalformed
		case shown[:len(token)] != token:
			reason = onetime.ErrMismatch
		}
		p, nonce, i, err := rig.ReadToken(m, shown)
		if reason != nil {
			require.Equal(t, reason, err)
			for call, judge := range judges(m) {
				v, err := judge(t.Context(), shown, onetime.IgnoreBinding())
				require.Equal(t, &onetime.DeniedError{Reason: reason}, err, call)
				require.Equal(t, onetime.Verification{}, v, call)
			}
			require.Empty(t, rec.Key, "Redis was asked")
			return
		}
		require.NoError(t, err)
		require.Equal(t, previous, i == 1)
		require.Equal(t, keyring.Challenge{Purpose: "default", Tag: string(wire[1:17]), Binding: string(wire[17:25])}, p)
		require.Equal(t, string(wire[25:]), nonce)
		require.Equal(t, token, rig.WriteToken(m, i, p, nonce))

		_, err = m.VerifyToken(t.Context(), shown, onetime.WithBinding("a cookie that has another tag"))
		rig.Refused(t, err, onetime.ErrBinding)
		_, err = m.VerifyToken(t.Context(), shown, onetime.WithSubject("a subject that has another tag"))
		rig.Refused(t, err, onetime.ErrSubject)
		require.Empty(t, rec.Key, "Redis was asked")
		for call, judge := range judges(m) {
			rec.Key = ""
			_, err := judge(t.Context(), shown, onetime.IgnoreBinding())
			rig.Undecided(t, err)
			require.Equal(t, "onetime:v1:default:{"+base64.RawURLEncoding.EncodeToString(wire[1:17])+"}", rec.Key, call)
		}
	})
}

// alphabetOf and lengthOf make settings of what a fuzzer wrote.
func alphabetOf(crockford bool) onetime.Alphabet {
	if crockford {
		return onetime.Crockford32
	}
	return onetime.Digits
}

func lengthOf(n uint8) int { return 6 + int(n)%7 }

// What is typed becomes a code of the policy, which is what Redis is asked for, or it is refused for free.
func FuzzCleaning(f *testing.F) {
	for _, typed := range []string{
		"", "123456", " 123-456\n", "\u200b12\u30003456", "\uff11\u0662\u09693\U0001d7d4\U0001fbf6", "12345\xff", "1234567",
		"123456" + strings.Repeat(" ", 506), "123456" + strings.Repeat(" ", 507), strings.Repeat("1", 1000),
		"(123456).", "Your code is 012345.", "012345 or 543210?", "\u300c\uff11\u0662\u09693\U0001d7d4\U0001fbf6\u300d\u3002", "Code: 12\u200b3456\x00",
	} {
		f.Add(typed, uint8(0), false)
	}
	f.Add("Your code is 7k3moi.", uint8(0), true)
	f.Add("oil0-IOL1 abc\uff44", uint8(6), true)
	f.Add("UVWXYZ", uint8(0), true)
	f.Fuzz(func(t *testing.T, typed string, length uint8, crockford bool) {
		n, alphabet := lengthOf(length), alphabetOf(crockford)
		rec := &rig.Recorder{}
		m, err := onetime.New(rec, onetimetest.Key, onetime.WithAlphabet(alphabet), onetime.WithCodeLength(n))
		require.NoError(t, err)
		code, ok := clean(alphabet, typed, n)
		v, err := m.VerifyOTP(t.Context(), "alice@example.com", typed)
		require.Equal(t, onetime.Verification{}, v)
		if !ok {
			require.Equal(t, &onetime.DeniedError{Reason: onetime.ErrMalformed}, err)
			require.Empty(t, rec.Key, "Redis was asked")
			return
		}
		rig.Undecided(t, err)
		require.Contains(t, rec.Args, rig.Digest(m, 0, rig.Challenge(m, "alice@example.com", ""), "c", "", code))

		require.True(t, utf8.ValidString(typed))
		require.LessOrEqual(t, len(typed), 512)
		require.GreaterOrEqual(t, utf8.RuneCountInString(typed), n)
		require.Len(t, code, n)
		require.Empty(t, strings.Trim(code, alphabets[alphabet]), code)
		for _, same := range []string{
			code, code + "\n", "\ufeff" + code[:3] + " - " + code[3:], strings.ToLower(code), code + ".", "(" + code + ")", "\u201c" + code + "\u201d\u3002",
		} {
			again, ok := clean(alphabet, same, n)
			require.True(t, ok, "%q", same)
			require.Equal(t, code, again, "%q", same)
		}
		other := strings.Repeat("7", n)
		if code == other {
			other = strings.Repeat("8", n)
		}
		for _, none := range []string{
			code[1:], code + "0", code + "\xff", code + "\x00", code[:3] + "." + code[3:], "Your code is " + code + "\x1b.", "Your code is " + code + "\xff.",
		} {
			_, ok := clean(alphabet, none, n)
			require.False(t, ok, "%q", none)
		}
		again, ok := clean(alphabet, "Your code is "+code+".", n)
		require.Equal(t, strings.ContainsAny(code, alphabets[onetime.Digits]), ok)
		if ok {
			require.Equal(t, code, again)
			_, ok = clean(alphabet, "Your code is "+code+", not "+other+".", n)
			require.False(t, ok, "which of them?")
		}
	})
}

// The characters that a code may be dressed in: the zeros of all scripts, and what stands between the letters.
var zeros, between = func() (zeros, between []rune) {
	for r := range rune(unicode.MaxRune) {
		switch {
		case unicode.Is(unicode.Nd, r) && (!unicode.Is(unicode.Nd, r-1) || r == zeros[len(zeros)-1]+10): // runs adjoin
			zeros = append(zeros, r)
		case unicode.In(r, unicode.White_Space, unicode.Pd, unicode.Cf) || r == '\u2212':
			between = append(between, r)
		}
	}
	return zeros, between
}()

// spell writes a letter of a code as a person might.
func spell(letter byte, alphabet onetime.Alphabet, dress *tape) rune {
	switch how := dress.next() % 5; {
	case how == 1:
		return unicode.ToLower(rune(letter))
	case how == 2:
		return rune(letter) - '!' + '\uff01'
	case how == 3 && letter <= '9':
		return zeros[int(dress.next())%len(zeros)] + rune(letter-'0')
	case how == 4 && letter <= '1' && alphabet == onetime.Crockford32:
		alike := []rune(map[byte]string{'0': "oO\uff2f\uff4f", '1': "iIlL\uff29\uff49\uff2c\uff4c"}[letter])
		return alike[int(dress.next())%len(alike)]
	}
	return rune(letter)
}

// A right code stays right whatever it is dressed in, up to 64 bytes.
func FuzzCleaningARightCode(f *testing.F) {
	f.Add([]byte("123456"), []byte{}, uint8(0), false)
	f.Add([]byte{9, 8, 7, 6, 5, 4, 3, 2}, []byte("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"), uint8(2), false)
	f.Add([]byte{0, 1, 0, 1, 31, 30, 29}, []byte{0, 4, 1, 0, 4, 2, 0, 4, 3, 0, 4, 7, 0, 2, 0, 1, 2, 80, 81}, uint8(6), true)
	f.Add([]byte{}, []byte(strings.Repeat("\x02\xff", 30)), uint8(6), true)
	f.Fuzz(func(t *testing.T, letters, dressed []byte, length uint8, crockford bool) {
		alphabet, code, typed := alphabetOf(crockford), "", ""
		source, dress := tape{letters}, tape{dressed}
		for range lengthOf(length) {
			letter := alphabets[alphabet][int(source.next())%len(alphabets[alphabet])]
			for range dress.next() % 3 {
				typed += string(between[int(dress.next())%len(between)])
			}
			code, typed = code+string(letter), typed+string(spell(letter, alphabet, &dress))
		}
		typed += string(between[int(dress.next())%len(between)])
		got, ok := clean(alphabet, typed, len(code))
		if len(typed) > 512 {
			require.False(t, ok)
			return
		}
		require.True(t, ok, "%q", typed)
		require.Equal(t, code, got, "%q", typed)
	})
}

var linkBaseErrors = regexp.MustCompile(`^onetime: WithLinkBase: (\d+ bytes: want at most 2000|want an absolute https URL|want no user information` +
	`|scheme "[a-z0-9+.-]*": want https, or http on localhost|want an escaped query without the parameter "token")$`)

// A link is its base with one parameter more, and leads nowhere else.
func FuzzLinkBase(f *testing.F) {
	for _, base := range []string{
		"https://example.com", "https://example.com:8443/in/?a=1&b=#top", "HTTP://LOCALHOST:8080/a%2Fb", "http://[::1]", "http://127.0.0.1?",
		"https://[fe80::1%25eth0]/", "https://example.com/ä b/%c3%a4?q=%22#\"<>", "https://example.com/?&&=&token2", "https://ex%c3%a4mple.com",
		"http://example.com", "http://localhost.example.com", "http://127.0.0.1.example.com", "http://localhost@example.com", "wss://localhost",
		"https://alice:secret@example.com/", "https://example.com/?%74oken=1",
		"https://example.com\\@example.org/", "https://example.com/\r\nX: y", "//example.com", "javascript://example.com/%0aalert(1)", "https:///",
		"https://example.com/?a;b", "https://example.com/?a=\x7f", "https://example.com/" + strings.Repeat("a", 2000),
	} {
		f.Add(base)
	}
	f.Fuzz(func(t *testing.T, base string) {
		m, err := onetime.New(&rig.TokenRedis{Recorder: &rig.Recorder{}}, onetimetest.Key, onetime.WithLinkBase(base))
		if err != nil {
			require.ErrorIs(t, err, onetime.ErrInvalid)
			require.NotErrorIs(t, err, onetime.ErrDenied)
			require.Regexp(t, linkBaseErrors, err.Error())
			return
		}
		link, err := m.IssueLink(t.Context(), "alice@example.com")
		require.NoError(t, err)
		u, err := url.Parse(link.URL)
		require.NoError(t, err)
		from, err := url.Parse(base)
		require.NoError(t, err)

		require.LessOrEqual(t, len(base), 2000)
		addr, _ := netip.ParseAddr(u.Hostname())
		require.True(t, u.Scheme == "https" || u.Scheme == "http" && (strings.EqualFold(u.Hostname(), "localhost") || addr.IsLoopback()), link.URL)
		require.Equal(t, from.Scheme, u.Scheme)
		require.NotEmpty(t, u.Hostname())
		require.Equal(t, from.Host, u.Host)
		require.Nil(t, u.User)
		require.Contains(t, []string{from.Path, "/" + from.Path}, u.Path)
		require.Equal(t, from.Path == "", u.Path != from.Path)
		require.Equal(t, from.EscapedFragment(), u.EscapedFragment())
		own, err := url.ParseQuery(u.RawQuery)
		require.NoError(t, err)
		require.Equal(t, []string{link.Token}, own["token"])
		own.Del("token")
		require.Equal(t, from.Query(), own)
		require.True(t, strings.HasPrefix(u.RawQuery, from.RawQuery), "as it was escaped, and in its order")

		require.Equal(t, 1, strings.Count(link.URL, link.Token))
		require.Empty(t, strings.Trim(link.URL, visible), "all visible ASCII")
		require.NotRegexp(t, "[\"<>\\\\^`{|}]", link.URL, "what might end the link in a mail")
	})
}

// visible are the characters of ASCII that show.
var visible = func() (all string) {
	for c := '!'; c <= '~'; c++ {
		all += string(c)
	}
	return all
}()

// value reads any reply that a client could pass on, with the id of the call, that of an issue and its sealed part in it.
func (w *tape) value(id, issue, sealed string, depth int) any {
	switch w.next() % 12 {
	case 0:
		return int64(int8(w.next()))
	case 1:
		return int64(binary.BigEndian.Uint64(w.bytes(8)))
	case 2:
		return id
	case 3:
		return issue
	case 4:
		return sealed
	case 5:
		return string(w.bytes(int(w.next() % 32)))
	case 6:
		list := []any{}
		for range w.next() % 32 {
			if depth > 0 {
				list = append(list, w.value(id, issue, sealed, depth-1))
			}
		}
		return list
	case 7:
		return map[any]any{string(w.bytes(2)): int64(w.next())}
	case 8:
		return math.Float64frombits(binary.BigEndian.Uint64(w.bytes(8)))
	case 9:
		return w.next()%2 == 1
	case 10:
		return errors.New(string(w.bytes(int(w.next() % 32))))
	}
	return nil
}

// What follows the id of the call and the status, in the order of the headers of the scripts: n a number of at least 0, b one
// of 0 and 1, 0 and 1 themselves, i an id, m that of the call, s a string.
var (
	successShapes = map[string]string{
		"IssueOTP": "1n", "IssueToken": "0n", "IssueLink": "bn", "VerifyOTP": foundShape, "VerifyToken": foundShape, "InspectToken": foundShape,
		"Cancel": "", "CancelQuietly": "", "Revoke": "", "Erase": "", "Unlock": "", "Status": "nbnnnbnn",
	}
	foundShape    = "in1s"
	repeatedShape = "m0"       // what follows where the call was here before
	pendingShape  = "ibbbbnnn" // what Status has for each issue
	refusalShapes = map[int64]string{2: "nn", 3: "", 4: "", 5: "", 6: "n", 7: "n", 8: ""}
	refusalOf     = map[int64]error{
		2: onetime.ErrMismatch, 3: onetime.ErrNotFound, 4: onetime.ErrUsed, 5: onetime.ErrExhausted,
		6: onetime.ErrThrottled, 7: onetime.ErrLocked, 8: onetime.ErrDisabled,
	}
	errNoAnswer = errors.New("undecided")
)

func hasShape(values []any, shape, id string) bool {
	if len(values) != len(shape) {
		return false
	}
	for i, value := range values {
		number, isNumber := value.(int64)
		text, isText := value.(string)
		if right := map[byte]bool{
			'n': isNumber && number >= 0, 'b': isNumber && (number == 0 || number == 1),
			'0': isNumber && number == 0, '1': isNumber && number == 1, 'i': isText && len(text) == 12, 'm': isText && text == id, 's': isText,
		}[shape[i]]; !right {
			return false
		}
	}
	return true
}

// expected reads a reply a second time: nil for a success, the reason of a refusal, or errNoAnswer. What is sealed opens with
// its issue only; a code without payload has nothing sealed.
func expected(op string, reply any, id, issue, sealed string) error {
	values, _ := reply.([]any)
	if len(values) < 2 || values[0] != id {
		return errNoAnswer
	}
	status, _ := values[1].(int64)
	values = values[2:]
	if shape, ok := refusalShapes[status]; ok && hasShape(values, shape, id) {
		return refusalOf[status]
	}
	shape := successShapes[op]
	if more := len(values) - len(shape); op == "Status" && more > 0 {
		shape += strings.Repeat(pendingShape, more/len(pendingShape))
	}
	verified := shape == foundShape
	if verified && len(values) > len(foundShape) {
		shape += repeatedShape
	}
	if status != 1 || !hasShape(values, shape, id) {
		return errNoAnswer
	}
	if unsealed := op == "VerifyOTP" && values[3] == ""; verified && !unsealed && (values[0] != issue || values[3] != sealed) {
		return errNoAnswer
	}
	return nil
}

// Replies as a tape has them.
const (
	tapeID     = "\x02"
	tapeIssue  = "\x03"
	tapeSealed = "\x04"
	tapeEmpty  = "\x05\x00"
	tapeTime   = "\x01\x00\x00\x01\x8b\xcf\xe5\x68\x00"
)

func tapeNumber(n byte) string { return "\x00" + string([]byte{n}) }

func tapeList(values ...string) string {
	return "\x06" + string(rune(len(values))) + strings.Join(values, "")
}

// Only what the script of an operation sends is a success, only a whole refusal is one, and all else is undecided.
func FuzzReply(f *testing.F) {
	ops := []string{
		"IssueOTP", "IssueToken", "IssueLink", "VerifyOTP", "VerifyToken", "InspectToken", "Cancel", "Revoke", "Unlock", "Status", "CancelQuietly", "Erase",
	}
	zero, one := tapeNumber(0), tapeNumber(1)
	found := tapeList(tapeID, one, tapeIssue, tapeTime, one, tapeSealed)
	repeated := tapeList(tapeID, one, tapeIssue, tapeTime, one, tapeSealed, tapeID, zero)
	for op, right := range []string{
		tapeList(tapeID, one, one, zero), tapeList(tapeID, one, zero, tapeTime), tapeList(tapeID, one, one, zero),
		tapeList(tapeID, one, tapeIssue, tapeTime, one, tapeEmpty), found, repeated, tapeList(tapeID, one), tapeList(tapeID, one), tapeList(tapeID, one),
		tapeList(tapeID, one, zero, zero, zero, zero, zero, zero, zero, zero, tapeIssue, one, zero, zero, zero, tapeNumber(5), tapeTime, one),
	} {
		f.Add(uint8(op), []byte(right))
	}
	f.Add(uint8(0), []byte(tapeList(tapeID, tapeNumber(6), one)))
	f.Add(uint8(3), []byte(tapeList(tapeID, tapeNumber(2), tapeNumber(4), zero)))
	f.Add(uint8(3), []byte(found))
	f.Add(uint8(4), []byte(tapeList(tapeID, tapeNumber(4))))
	f.Add(uint8(6), []byte(tapeList(tapeIssue, one)))
	f.Add(uint8(7), []byte(tapeList(tapeList(tapeID, one))))
	f.Add(uint8(8), []byte(tapeID))
	f.Add(uint8(9), []byte(tapeList(tapeID, one, zero, zero, zero, zero, zero, zero, zero, zero)))
	f.Fuzz(func(t *testing.T, op uint8, written []byte) {
		name := ops[int(op)%len(ops)]
		setup, err := onetime.New(&rig.TokenRedis{Recorder: &rig.Recorder{}}, onetimetest.Key)
		require.NoError(t, err)
		p := rig.Challenge(setup, "alice@example.com", "")
		var want error
		m, err := onetime.New(rig.Teller{Answer: func(args []any) (any, error) {
			id, issue, sealed := args[0].(string), "twelve bytes", ""
			if successShapes[name] == foundShape {
				sealed = rig.Seal(setup, 0, p, issue, "alice@example.com", []byte("payload"))
			}
			reply := (&tape{written}).value(id, issue, sealed, 3)
			want = expected(name, reply, id, issue, sealed)
			switch reply := reply.(type) {
			case error:
				return nil, reply
			case nil:
				return nil, redis.Nil
			}
			return reply, nil
		}}, onetimetest.Key, onetime.WithLinkBase("https://example.com/in"))
		require.NoError(t, err)

		switch err := rig.Operations(t, setup, m)[name](); want {
		case nil:
			require.NoError(t, err, name)
		case errNoAnswer:
			rig.Undecided(t, err)
		default:
			rig.Refused(t, err, want)
		}
	})
}

// Whatever the spelling, the subject is one that its own spelling stands for, or it is bad input.
func FuzzSubject(f *testing.F) {
	for _, typed := range []string{
		"", "+4912345", " Alice@Example.COM\n", "@", " @ ", "\u00a0\u212aelvin@example.com", "a\x00b", "a\xff@b", "A@\u0085", "a\u200b@b",
		strings.Repeat("a", 512), strings.Repeat("a", 513), "@" + strings.Repeat(" ", 512),
	} {
		f.Add(typed)
	}
	m := rig.Offline(f)
	f.Fuzz(func(t *testing.T, typed string) {
		subject, err := rig.Subject(m, typed)
		if err != nil {
			require.ErrorIs(t, err, onetime.ErrInvalid)
			require.Regexp(t, `^onetime: subject: (\d+ bytes: want 1 to 512|want valid UTF-8( without control characters)?)$`, err.Error())
			return
		}
		require.True(t, utf8.ValidString(subject) && !strings.ContainsFunc(subject, unicode.IsControl))
		require.True(t, 1 <= len(subject) && len(subject) <= 512)
		lower := strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, strings.TrimSpace(typed))
		mail, noMail := address.Mail(lower)
		phone, noPhone := address.Phone(typed)
		switch at := strings.ContainsAny(typed, "@\uff20\ufe6b"); {
		case at && noMail == nil:
			require.Equal(t, mail, subject)
		case at:
			require.Equal(t, lower, subject, "no other letter changes")
		case noPhone == nil && strings.ContainsAny(typed, "+\uff0b"):
			require.Contains(t, []string{phone, typed}, subject)
		default:
			require.Equal(t, typed, subject)
		}
		same := []string{subject}
		if strings.Contains(subject, "@") {
			same = append(same, " \t"+subject+"\u3000", strings.ReplaceAll(subject, "a", "A"))
		}
		for _, same := range same {
			again, err := rig.Subject(m, same)
			require.NoError(t, err)
			require.Equal(t, subject, again)
		}
	})
}

// What is sealed opens as it was, where it was, and nothing else opens there.
func FuzzSealed(f *testing.F) {
	f.Add("alice@example.com", []byte("payload"), uint16(0), uint16(0), "")
	f.Add("", []byte{}, uint16(40), uint16(1), "\x00")
	f.Add("a", make([]byte, 300), uint16(12), uint16(64), "")
	f.Add("a", []byte("b"), uint16(0), uint16(1000), strings.Repeat("\xff", 30))
	m := rig.Offline(f)
	p := rig.Challenge(m, "alice@example.com", "cookie")
	f.Fuzz(func(t *testing.T, subject string, payload []byte, at, cut uint16, by string) {
		subject = subject[:min(len(subject), 512)]
		sealed := rig.Seal(m, 0, p, "twelve bytes", subject, payload)
		shown := edited(sealed, at, cut, by)
		opened, brought, err := rig.Open(m, 0, p, "twelve bytes", shown)
		if shown != sealed {
			require.EqualError(t, err, "damaged record: sealed part does not open")
			require.Empty(t, opened)
			require.Empty(t, brought)
			return
		}
		require.NoError(t, err)
		require.Equal(t, subject, opened)
		require.Equal(t, append([]byte(nil), payload...), brought)
		_, _, err = rig.Open(m, 0, p, edited("twelve bytes", at, 1, "\x00"+by), sealed)
		require.Error(t, err)
	})
}
