package onetimejwt

import (
	"errors"
	"fmt"

	"github.com/seed-3f7b73d1/onetime"
)

var (
	// ErrRefused is what errors.Is finds in every refusal of a token: it is none, or none for this verifier. HTTP 401.
	ErrRefused = errors.New("onetimejwt: token refused")
	// ErrExpired is the ErrRefused of a token that was right until it expired: the person signs in again. HTTP 401.
	ErrExpired = errors.New("onetimejwt: token expired")
	// ErrPurpose is the ErrRefused of a right token of another purpose than [ForPurpose] names. HTTP 403.
	ErrPurpose = errors.New("onetimejwt: token of another purpose")
	// ErrNoKeys is what errors.Is finds where the token could not be judged, because the issuer's keys could not be fetched
	// or are too old to be believed. It is no answer, and never a yes. HTTP 503.
	ErrNoKeys = errors.New("onetimejwt: undecided: no keys of the issuer")
)

// A refusal says why a token is refused. It holds nothing of the token.
type refusal struct {
	why  string
	kind error // ErrExpired or ErrPurpose; nil
}

func refused(why string) error { return &refusal{why: why} }

func (e *refusal) Error() string { return ErrRefused.Error() + ": " + e.why }

func (e *refusal) Is(target error) bool { return target == ErrRefused }

func (e *refusal) Unwrap() error { return e.kind }

func invalid(format string, args ...any) error {
	return fmt.Errorf("onetimejwt: "+format+"%w", append(args, quiet{})...)
}

// quiet makes an error [onetime.ErrInvalid] without a word more.
type quiet struct{}

func (quiet) Error() string        { return "" }
func (quiet) Is(target error) bool { return target == onetime.ErrInvalid }
