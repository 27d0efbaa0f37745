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

// Digest is what Redis knows of a code, or of the nonce of a token.
func (k Key) Digest(c Challenge, kind, secret string) string {
	return k.digests.sum(DigestSize, "digest", kind, c.Purpose, c.Tag, c.Binding, secret)
}
