package keyring

// maxIssues is how many issues a form knows: as many as can be live in a challenge.
const maxIssues = 5

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

// SealForm encrypts the ids of issues, the newest first, at most 5, for the form of a challenge. It is as long for any.
func (r *Ring) SealForm(c Challenge, ids []string) string {
	plain := make([]byte, maxIssues*IDSize)
	for i, id := range ids[:min(len(ids), maxIssues)] {
		copy(plain[i*IDSize:], id)
	}
	return Encoding.EncodeToString(r.Keys[0].forms.Seal(nil, nil, plain, formOf(c)))
}

// OpenForm gives back the ids that any key of the ring sealed for the challenge. It returns none for anything else.
func (r *Ring) OpenForm(c Challenge, sealed string) (ids []string) {
	raw, err := Encoding.DecodeString(sealed)
	if err != nil || Encoding.EncodedLen(len(raw)) != len(sealed) { // the decoder skips line breaks
		return nil
	}
	for _, k := range r.Keys {
		plain, err := k.forms.Open(nil, nil, raw, formOf(c))
		if err != nil || len(plain) != maxIssues*IDSize {
			continue
		}
		for ; len(plain) > 0; plain = plain[IDSize:] {
			if id := string(plain[:IDSize]); id != noIssue {
				ids = append(ids, id)
			}
		}
		return ids
	}
	return nil
}

// noIssue fills the place of an id.
var noIssue = string(make([]byte, IDSize))

func formOf(c Challenge) []byte { return Frame(nil, "form", c.Purpose, c.Tag, c.Binding) }
