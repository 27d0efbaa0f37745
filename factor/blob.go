package factor

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

// ErrBlob is what errors.Is finds where a blob does not open: it is of another account, purpose or key, or damaged. The call is
// undecided and nothing was counted: a wrong code is never the reason.
var ErrBlob = errors.New("factor: a blob does not open: it is of another account, purpose or key, or damaged")

// A blob is a header in clear, then all else sealed: version (1), id of the key (4), kind (1).
const (
	blobVersion = 1
	headerSize  = 1 + keyIDSize + 1

	saltSize   = 16
	digestSize = 16
)

// A row is what a blob holds.
type row struct {
	kind    string // as package once names it
	id      string // of the factor, random
	created time.Time
	call    string // that made the last use which was stored

	// Of authenticators.
	pending   bool
	algorithm Algorithm
	digits    int
	period    time.Duration // 0 of those that count
	key       []byte
	// free is the least time step or counter that was not reached, so free-1 is the last used. recent says which of the 16
	// numbers before that one were used, too: bit i is number free-2-i. What was used by a call may be written later than a
	// higher one of another call, and must be written once.
	free   int64
	recent uint16

	// Of recovery codes.
	imported bool // of somebody else, and short: limits apply
	salt     []byte
	used     uint16
	digests  [][]byte
}

// secret is what names the row in Redis: the same secret in two rows is one. Steps of another period have other numbers.
func (r *row) secret() string {
	if r.kind == once.Index {
		return string(r.salt)
	}
	return r.period.String() + " " + string(r.key)
}

// usedNumbers is what scripts are told of the row.
func (r *row) usedNumbers() int64 {
	if r.kind == once.Index {
		return int64(r.used)
	}
	return r.free
}

// mark notes that a call used a number. It reports whether it was free; if not, the row stays as it is.
func (r *row) mark(number int64, call string) bool {
	fresh := r.take(number)
	if fresh {
		r.call = call
	}
	return fresh
}

func (r *row) take(number int64) bool {
	if r.kind == once.Index {
		bit := uint16(1) << number
		fresh := r.used&bit == 0
		r.used |= bit
		return fresh
	}
	if number >= r.free {
		up := number + 1 - r.free
		r.recent = r.recent<<min(up, 16) | uint16(1)<<min(up-1, 16)
		r.free = number + 1
		return true
	}
	below := r.free - 2 - number
	if below < 0 || below > 15 || r.recent>>below&1 == 1 {
		return false
	}
	r.recent |= 1 << below
	return true
}

func (r *row) left() int { return len(r.digests) - bits.OnesCount16(r.used) }

// noCall is the call of a row that nothing was used of.
var noCall = string(make([]byte, keyring.IDSize))

const (
	flagPending  = 1
	flagImported = 2
)

func (r *row) encode() []byte {
	b := append([]byte{}, r.id...)
	b = append(b, (r.call + noCall)[:keyring.IDSize]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.created.UnixMilli()))
	if r.kind == once.Index {
		var flags byte
		if r.imported {
			flags = flagImported
		}
		b = append(b, flags, byte(len(r.digests)))
		b = binary.BigEndian.AppendUint16(b, r.used)
		b = append(b, r.salt...)
		for _, d := range r.digests {
			b = append(b, d...)
		}
		return b
	}
	var flags byte
	if r.pending {
		flags = flagPending
	}
	b = append(b, flags, byte(r.algorithm), byte(r.digits), byte(r.period/time.Second))
	b = binary.BigEndian.AppendUint64(b, uint64(r.free))
	b = binary.BigEndian.AppendUint16(b, r.recent)
	return append(b, r.key...)
}

const (
	commonSize        = 2*keyring.IDSize + 8
	authenticatorSize = commonSize + 4 + 8 + 2
	codesSize         = commonSize + 2 + 2 + saltSize
)

// decode reports false for what encode does not make.
func decode(kind string, b []byte) (*row, bool) {
	if len(b) < commonSize {
		return nil, false
	}
	r := &row{
		kind: kind, id: string(b[:keyring.IDSize]), call: string(b[keyring.IDSize : 2*keyring.IDSize]),
		created: time.UnixMilli(int64(binary.BigEndian.Uint64(b[2*keyring.IDSize:]))),
	}
	rest := b[commonSize:]
	switch kind {
	case once.Index:
		if len(b) < codesSize || len(b) != codesSize+int(rest[1])*digestSize || rest[1] > once.MaxIndex+1 {
			return nil, false
		}
		r.imported, r.used = rest[0]&flagImported != 0, binary.BigEndian.Uint16(rest[2:])
		r.salt = rest[4 : 4+saltSize]
		for rest = rest[4+saltSize:]; len(rest) > 0; rest = rest[digestSize:] {
			r.digests = append(r.digests, rest[:digestSize])
		}
		return r, true
	case once.Step, once.Counter:
		if len(b) < authenticatorSize+minSecret {
			return nil, false
		}
		r.pending, r.algorithm, r.digits = rest[0]&flagPending != 0, Algorithm(rest[1]), int(rest[2])
		r.period = time.Duration(rest[3]) * time.Second
		r.free, r.recent = int64(binary.BigEndian.Uint64(rest[4:])), binary.BigEndian.Uint16(rest[12:])
		r.key = rest[14:]
		return r, r.check() == nil
	}
	return nil, false
}

// seal returns the blob of a row for an account in its own spelling.
func (f *Factors) seal(account string, r *row) []byte {
	k := f.keys[0]
	header := append([]byte{blobVersion}, k.id...)
	header = append(header, r.kind...)
	return k.aead.Seal(header, nil, r.encode(), f.sealedFor(header, account))
}

func (f *Factors) sealedFor(header []byte, account string) []byte {
	return keyring.Frame(nil, "factor", string(header), f.core.Purpose, account)
}

// open gives back what seal took. The error is ErrBlob.
func (f *Factors) open(account string, blob []byte) (*row, error) {
	if len(blob) < headerSize || blob[0] != blobVersion {
		return nil, ErrBlob
	}
	header, sealed := blob[:headerSize], blob[headerSize:]
	for _, k := range f.keys {
		if k.id != string(header[1:1+keyIDSize]) {
			continue
		}
		plain, err := k.aead.Open(nil, nil, sealed, f.sealedFor(header, account))
		if err != nil {
			return nil, ErrBlob
		}
		if r, ok := decode(kindOf(blob), plain); ok {
			return r, nil
		}
	}
	return nil, ErrBlob
}

// kindOf is the kind that a blob says it is of, empty where it is none; only opening it proves that.
func kindOf(blob []byte) string {
	if len(blob) < headerSize {
		return ""
	}
	return string(blob[headerSize-1 : headerSize])
}
