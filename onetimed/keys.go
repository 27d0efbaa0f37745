package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/seed-3f7b73d1/onetime/onetimed/internal/api"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/secret"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/server"
)

func keys(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "new":
		key := make([]byte, 32)
		rand.Read(key)
		fmt.Fprintln(out, base64.StdEncoding.EncodeToString(key))
		return nil
	case len(args) == 2 && args[0] == "new" && args[1] == "caller":
		key := server.NewCallerKey()
		digest := api.KeyDigest(key)
		fmt.Fprintf(out, "key, for the caller: %s\ndigest, for callers/NAME/keys: sha256:%s\n", key, hex.EncodeToString(digest[:]))
		return nil
	case len(args) == 2 && args[0] == "wrap":
		return wrap(ctx, args[1], in, out)
	}
	return errors.New("want keys new, keys new caller, or keys wrap REFERENCE")
}

// wrap encrypts the key on in under that of a reference.
func wrap(ctx context.Context, reference string, in io.Reader, out io.Writer) error {
	at, err := secret.Parse(reference)
	if err != nil {
		return fmt.Errorf("the key-encryption key: %w", err)
	}
	text, err := secret.Reader{}.Text(ctx, at)
	if err != nil {
		return fmt.Errorf("the key-encryption key: %w", err)
	}
	kek, err := secret.Decode(text)
	if err != nil {
		return fmt.Errorf("the key-encryption key: %w", err)
	}
	typed, err := io.ReadAll(io.LimitReader(in, 64<<10))
	if err != nil {
		return err
	}
	key, err := secret.Decode(strings.TrimSpace(string(typed)))
	if err != nil {
		return fmt.Errorf("the key on standard input: %w", err)
	}
	wrapped, err := secret.Wrap(kek, key)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "wrapped:%s\n", base64.StdEncoding.EncodeToString(wrapped))
	return nil
}
