package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	require.NoError(t, err)
	return b
}

// The test vectors of RFC 3394, section 4.
func TestWrap_VectorsOfRFC3394(t *testing.T) {
	for name, vector := range map[string][3]string{
		"4.1": {"000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF",
			"1FA68B0A8112B447 AEF34BD8FB5A7B82 9D3E862371D2CFE5"},
		"4.2": {"000102030405060708090A0B0C0D0E0F1011121314151617", "00112233445566778899AABBCCDDEEFF",
			"96778B25AE6CA435 F92B5B97C050AED2 468AB8A17AD84E5D"},
		"4.3": {"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF",
			"64E8C3F9CE0F5BA2 63E9777905818A2A 93C8191E7D6E8AE7"},
		"4.4": {"000102030405060708090A0B0C0D0E0F1011121314151617", "00112233445566778899AABBCCDDEEFF0001020304050607",
			"031D33264E15D332 68F24EC260743EDC E1C6C7DDEE725A93 6BA814915C6762D2"},
		"4.5": {"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF0001020304050607",
			"A8F9BC1612C68B3F F6E6F4FBE30E71E4 769C8B80A32CB895 8CD5D17D6B254DA1"},
		"4.6": {"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
			"28C9F404C4B810F4 CBCCB35CFB87F826 3F5786E2D80ED326 CBC7F0E71A99F43B FB988B9B7A02DD21"},
	} {
		kek, key, want := unhex(t, vector[0]), unhex(t, vector[1]), unhex(t, vector[2])
		wrapped, err := Wrap(kek, key)
		require.NoError(t, err, name)
		require.Equal(t, want, wrapped, name)
		got, err := Unwrap(kek, wrapped)
		require.NoError(t, err, name)
		require.Equal(t, key, got, name)
	}
}

func TestUnwrap_RefusesEveryAlteredBit(t *testing.T) {
	kek, key := make([]byte, 32), make([]byte, 32)
	rand.Read(kek)
	rand.Read(key)
	wrapped, err := Wrap(kek, key)
	require.NoError(t, err)
	for bit := range len(wrapped) * 8 {
		altered := bytes.Clone(wrapped)
		altered[bit/8] ^= 1 << (bit % 8)
		_, err := Unwrap(kek, altered)
		require.ErrorIs(t, err, errUnwrapped, bit)
	}
	for _, bad := range [][]byte{nil, wrapped[:16], wrapped[:39], append(bytes.Clone(wrapped), 0)} {
		_, err := Unwrap(kek, bad)
		require.ErrorIs(t, err, errUnwrapped)
	}
	_, err = Unwrap(kek[:31], wrapped)
	require.ErrorIs(t, err, errWrapKey)
	_, err = Wrap(kek, key[:31])
	require.ErrorIs(t, err, errWrapSize)
}

func mustParse(t testing.TB, text string) Reference {
	t.Helper()
	r, err := Parse(text)
	require.NoError(t, err)
	return r
}

func TestReader_EachPlace(t *testing.T) {
	key := bytes.Repeat([]byte{0xab}, 32)
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(hex.EncodeToString(key)+"\n"), 0o600))
	kek := bytes.Repeat([]byte{7}, 32)
	wrapped, err := Wrap(kek, key)
	require.NoError(t, err)
	environment := map[string]string{
		"KEY": base64.StdEncoding.EncodeToString(key), "URLSAFE": base64.RawURLEncoding.EncodeToString(key),
		"KEK": hex.EncodeToString(kek), "WRAPPED": "wrapped:" + base64.StdEncoding.EncodeToString(wrapped),
	}
	s := Reader{KEK: mustParse(t, "env:KEK"), Getenv: func(name string) (string, bool) { v, set := environment[name]; return v, set }}
	for _, reference := range []string{
		"env:KEY", "env:URLSAFE", "env:WRAPPED", "file:" + file, environment["WRAPPED"], `exec:["cat","` + file + `"]`,
	} {
		got, err := s.Key(t.Context(), mustParse(t, reference))
		require.NoError(t, err, reference)
		require.Equal(t, key, got, reference)
	}
}

func TestReader_ProgramsGetNoShell(t *testing.T) {
	got, err := Reader{}.Text(t.Context(), mustParse(t, `exec:["echo","$HOME; id","two words"]`))
	require.NoError(t, err)
	require.Equal(t, "$HOME; id two words", got)
}

func TestReader_ProgramsWhoseOutputIsKnownDoNotRunAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	at := mustParse(t, `exec:["cat","`+file+`"]`)
	s := Reader{Printed: map[string]string{}}
	_, err := s.Text(t.Context(), at)
	require.Error(t, err, "what failed runs again")
	for _, text := range []string{"first", "second"} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		got, err := s.Text(t.Context(), at)
		require.NoError(t, err)
		require.Equal(t, "first", got)
		got, err = Reader{}.Text(t.Context(), at)
		require.NoError(t, err)
		require.Equal(t, text, got)
	}
}

func TestReader_ErrorsHoldNoSecret(t *testing.T) {
	const secret = "hunter2-hunter2"
	environment := map[string]string{"SHORT": secret, "EMPTY": " \n", "WRAPPED": "wrapped:" + secret, "KEK": secret}
	s := Reader{KEK: mustParse(t, "env:KEK"), Getenv: func(name string) (string, bool) { v, set := environment[name]; return v, set }}
	for reference, want := range map[string]string{
		"env:SHORT":                             "neither hexadecimal nor base64",
		"env:EMPTY":                             "is empty",
		"env:NONE":                              "the environment variable NONE is not set",
		"env:WRAPPED":                           `a wrapped key is "wrapped:" and base64`,
		"wrapped:aGVsbG8=":                      "keys/unwrap_with: the key is neither",
		"file:/does/not/exist":                  "no such file",
		`exec:["false"]`:                        "false failed",
		`exec:["sh","-c","yes ` + secret + `"]`: "sh failed",
	} {
		_, err := s.Key(t.Context(), mustParse(t, reference))
		require.ErrorContains(t, err, want, reference)
		require.NotContains(t, err.Error(), secret, reference)
	}
	for _, text := range []string{"", secret, "env:", "exec:ls", "exec:[]", `exec:[""]`, "https://" + secret, "vault:" + secret} {
		_, err := Parse(text)
		require.ErrorContains(t, err, "want ", text)
		require.NotContains(t, err.Error(), secret)
	}
	_, err := Reader{}.Key(t.Context(), Reference{})
	require.ErrorContains(t, err, "is not set")
	_, err = Reader{}.Key(t.Context(), mustParse(t, "wrapped:aGVsbG8="))
	require.ErrorContains(t, err, "needs keys/unwrap_with")
	_, err = Decode("abcd")
	require.NoError(t, err)
}

func TestReader_ShortKeysAreRefused(t *testing.T) {
	_, err := Reader{Getenv: func(string) (string, bool) { return "abcd", true }}.Key(t.Context(), mustParse(t, "env:KEY"))
	require.ErrorContains(t, err, "the key has 2 bytes: want at least 32")
}
