package keyring

// Unbound stands where the tag of a binding would.
var Unbound = string(make([]byte, bindingSize))

// Kinds of secrets, as scripts know them.
const (
	Code  = "c"
	Token = "t"
)

// A Challenge is where the secrets of one requester stand: all that is derived from purpose, subject and binding.
type Challenge struct {
	Purpose string
	Tag     string // of purpose and subject: it names the record
	Binding string // tag of the binding, or Unbound
}

// Tag returns what stands for a purpose and subject.
func (r *Ring) Tag(purpose, subject string) string {
	return r.naming.sum(tagSize, "tag", purpose, subject)
}

// BindingTag depends on the tag, so that one browser's challenges cannot be told from two browsers' across records.
func (r *Ring) BindingTag(purpose, tag, binding string) string {
	return r.naming.sum(bindingSize, "binding", purpose, tag, binding)
}

// RecordKey is the Redis key of the record. The tag is its hash tag, so that all of a record is in one cluster slot.
func (c Challenge) RecordKey(prefix string) string {
	name := make([]byte, 0, 160)
	name = append(name, prefix...)
	name = append(name, ':')
	name = append(name, c.Purpose...)
	name = append(name, ":{"...)
	name = Encoding.AppendEncode(name, []byte(c.Tag))
	return string(append(name, '}'))
}

// Scope is what leads the names of the challenge's fields in the record.
func (c Challenge) Scope() string {
	if c.Binding == Unbound {
		return ""
	}
	return ":" + c.Binding
}

// Digest is what Redis hears of a code, or of the nonce of a token. The request, empty for none, is a secret of whoever asked
// for the code: it keeps what was typed before a code was issued from telling anything of it.
func (k Key) Digest(c Challenge, kind, request, secret string) string {
	return k.digests.sum(DigestSize, "digest", kind, c.Purpose, c.Tag, c.Binding, request, secret)
}

// Group names all sendings of one form: of the call op, about the same secret, under the same key of the requester.
func (r *Ring) Group(op string, c Challenge, kind, secret, key string) string {
	return r.naming.sum(IDSize, "group", op, c.Purpose, c.Tag, c.Binding, kind, secret, key)
}

// Pseudonym stands for the person in events: 11 characters.
func (r *Ring) Pseudonym(purpose, tag string) string {
	return Encoding.EncodeToString([]byte(r.naming.sum(pseudonymSize, "pseudonym", purpose, tag)))
}

// onceSize is that of what names a secret whose numbers are used once. It has to differ within one record.
const onceSize = 8

// Once names a secret that the caller keeps, in the record of a challenge. It depends on the secret itself, so that one secret
// in two rows is one.
func (r *Ring) Once(c Challenge, kind, secret string) string {
	return r.naming.sum(onceSize, "once", kind, c.Purpose, c.Tag, secret)
}
