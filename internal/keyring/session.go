package keyring

// requestSize is that of a request, 128 bits.
const requestSize = 16

// Request is that of an issue whose requester keeps the id. What is typed before the issue is heard of as that of other
// requests, since nobody knows the 96 random bits of an id before it is issued; and an issue that was asked for twice has
// one request, whichever of the answers arrived.
func (r *Ring) Request(c Challenge, id string) string {
	return r.naming.sum(requestSize, "request", c.Purpose, c.Tag, c.Binding, id)
}

// NoRequest is a request that no issue is of, for whoever brings none.
var NoRequest = string(make([]byte, requestSize))

// SealSession encrypts what a browser or a program keeps for pages of a purpose: the value of a cookie.
func (r *Ring) SealSession(purpose string, plain []byte) string {
	return Encoding.EncodeToString(r.Keys[0].sessions.Seal(nil, nil, plain, Frame(nil, "session", purpose)))
}

// OpenSession gives back what any key of the ring sealed for the purpose. It reports false for anything else.
func (r *Ring) OpenSession(purpose, sealed string) (plain []byte, ok bool) {
	raw, err := Encoding.DecodeString(sealed)
	if err != nil || Encoding.EncodedLen(len(raw)) != len(sealed) { // the decoder skips line breaks
		return nil, false
	}
	for _, k := range r.Keys {
		if plain, err := k.sessions.Open(nil, nil, raw, Frame(nil, "session", purpose)); err == nil {
			return plain, true
		}
	}
	return nil, false
}
