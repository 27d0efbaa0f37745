package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver sqlite

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/env"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/factor/sqlstore"
)

// openStore opens the table of the factors, and the keys of its blobs, and says which those are. end closes it.
func openStore(ctx context.Context, w io.Writer) (store *sqlstore.Store, keys factor.Keys, end func(), err error) {
	db, dialect, closeAll, err := openDatabase(w)
	if err != nil {
		return nil, keys, nil, err
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	if dialect == sqlstore.PostgreSQL && os.Getenv("FACTOR_KEY") == "" {
		return nil, keys, nil, errors.New("FACTOR_KEY: want one where DATABASE_URL is set: after this run nothing would open what is stored")
	}
	key, err := env.KeyOf(w, "FACTOR_KEY", "Key of the factors")
	if err != nil {
		return nil, keys, nil, err
	}
	if keys, err = factor.NewKeys(key); err != nil {
		return nil, keys, nil, fmt.Errorf("FACTOR_KEY: %w", err)
	}
	store, err = newStore(ctx, db, dialect)
	return store, keys, closeAll, err
}

// newStore makes the table where there is none.
func newStore(ctx context.Context, db *sql.DB, dialect sqlstore.Dialect) (*sqlstore.Store, error) {
	store, err := sqlstore.New(db, dialect, "factors")
	if err != nil {
		return nil, err
	}
	return store, store.Create(ctx)
}

func openDatabase(w io.Writer) (db *sql.DB, dialect sqlstore.Dialect, end func(), err error) {
	if address := os.Getenv("DATABASE_URL"); address != "" {
		config, err := pgx.ParseConfig(address)
		if err != nil || !strings.HasPrefix(address, "postgres://") && !strings.HasPrefix(address, "postgresql://") {
			return nil, 0, nil, errors.New("DATABASE_URL: want postgres://user:password@host:port/db") // err may hold the password
		}
		fmt.Fprintln(w, "Database: the PostgreSQL of DATABASE_URL.")
		db := stdlib.OpenDB(*config)
		return db, sqlstore.PostgreSQL, func() { db.Close() }, nil
	}
	dir, err := os.MkdirTemp("", "onetime-twofactor")
	if err != nil {
		return nil, 0, nil, err
	}
	fmt.Fprintln(w, "Database: a SQLite file, gone when this ends. DATABASE_URL=postgres://user:password@host:port/db takes a PostgreSQL.")
	if db, err = openSQLite(filepath.Join(dir, "factors.db"), 10*time.Second); err != nil {
		os.RemoveAll(dir)
		return nil, 0, nil, err
	}
	return db, sqlstore.SQLite, func() { db.Close(); os.RemoveAll(dir) }, nil
}

// openSQLite opens a file. Whoever finds it locked waits so long, and a commit is on the disk when it returns.
func openSQLite(file string, patience time.Duration) (*sql.DB, error) {
	return sql.Open("sqlite", fmt.Sprintf("file:%s?_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate",
		file, patience.Milliseconds()))
}

// A row is a blob of an account that opens.
type row struct {
	blob []byte
	factor.Info
}

// authenticator reports whether it is a live app or token, so that sign-in asks for its code.
func (r row) authenticator() bool { return r.Kind != onetime.KindRecovery && !r.Pending }

// rows returns what an account has. A blob that does not open is an error: whether somebody has a second factor is undecided
// then, which is not a no.
func (a *app) rows(ctx context.Context, account string) ([]row, error) {
	blobs, err := a.store.Load(ctx, account)
	if err != nil {
		return nil, err
	}
	rows := make([]row, len(blobs))
	for i, blob := range blobs {
		info, err := a.factors.Inspect(account, blob)
		if err != nil {
			return nil, err
		}
		rows[i] = row{blob, info}
	}
	return rows, nil
}

// A state is what a page says of an account.
type state struct {
	App   bool
	Codes int // recovery codes that are left
}

func (a *app) state(ctx context.Context, account string) (found state, err error) {
	rows, err := a.rows(ctx, account)
	for _, r := range rows {
		found.App = found.App || r.authenticator()
		found.Codes += r.Left
	}
	return found, err
}

// remove deletes the blobs of an account of which match is true. A sign-in that runs at the same time puts another blob in the
// place of one, so it looks again until none is left: else whoever has the lost phone would keep it alive by signing in.
func (a *app) remove(ctx context.Context, account string, match func(row) bool) error {
	for range 10 {
		rows, err := a.rows(ctx, account)
		if err != nil {
			return err
		}
		left := false
		for _, r := range rows {
			if !match(r) {
				continue
			}
			left = true
			if _, err := a.store.Remove(ctx, account, r.blob); err != nil {
				return err
			}
		}
		if !left {
			return nil
		}
	}
	return errors.New("twofactor: others keep writing what is to be removed")
}
