// Package sqlstore keeps the blobs of package factor in a table over database/sql.
package sqlstore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"regexp"

	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// A Dialect is how a database spells what differs.
type Dialect uint8

const (
	// PostgreSQL writes $1, and BYTEA.
	PostgreSQL Dialect = iota
	// SQLite writes ?, and BLOB.
	SQLite
)

// maxBlob is the longest blob that there is room for; that of 16 recovery codes has 342 bytes.
const maxBlob = 512

// A Store is a table with one row for each blob. It is immutable and safe for concurrent use.
type Store struct {
	db                                   *sql.DB
	load, add, swap, remove, page, count string
	schema                               string
}

var (
	tablePattern              = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$`)
	_            factor.Store = (*Store)(nil)
)

// New returns a Store of a table, whose name has 1 to 63 of A-Z a-z 0-9 _ and may be led by that of a schema and a point. It
// does not ask the database. The error is [github.com/seed-3f7b73d1/onetime.ErrInvalid].
func New(db *sql.DB, dialect Dialect, table string) (*Store, error) {
	switch {
	case db == nil:
		return nil, fault.Invalid("sqlstore: New: the database is nil")
	case dialect > SQLite:
		return nil, fault.Invalid("sqlstore: New: want the Dialect PostgreSQL or SQLite")
	case !tablePattern.MatchString(table):
		return nil, fault.Invalid("sqlstore: New: want a table name of 1 to 63 characters of A-Z a-z 0-9 _, and of no other")
	}
	s, binary := &Store{db: db}, "BYTEA"
	arg := func(n int) string { return fmt.Sprintf("$%d", n) }
	if dialect == SQLite {
		arg, binary = func(int) string { return "?" }, "BLOB"
	}
	s.schema = fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s (account TEXT NOT NULL, blob %s NOT NULL, PRIMARY KEY (account, blob))", table, binary)
	s.load = fmt.Sprintf("SELECT blob FROM %s WHERE account = %s", table, arg(1))
	s.add = fmt.Sprintf("INSERT INTO %s (account, blob) VALUES (%s, %s)", table, arg(1), arg(2))
	s.swap = fmt.Sprintf("UPDATE %s SET blob = %s WHERE account = %s AND blob = %s", table, arg(1), arg(2), arg(3))
	s.remove = fmt.Sprintf("DELETE FROM %s WHERE account = %s AND blob = %s", table, arg(1), arg(2))
	s.page = fmt.Sprintf("SELECT account, blob FROM %s WHERE account > %s OR account = %s AND blob > %s ORDER BY account, blob LIMIT %d",
		table, arg(1), arg(2), arg(3), pageSize)
	s.count = fmt.Sprintf("SELECT count(*) FROM %s WHERE substr(blob, 2, 4) = %s", table, arg(1))
	return s, nil
}

// Schema is the statement that creates the table: account and blob, and both are the key. Add what your table needs besides,
// such as a name that people give their phone.
func (s *Store) Schema() string { return s.schema }

// Create runs the statement of [Store.Schema], which does nothing where there is such a table.
func (s *Store) Create(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, s.schema)
	return wrap("Create", err)
}

// Load returns the blobs of an account. See [factor.Store].
func (s *Store) Load(ctx context.Context, account string) ([][]byte, error) {
	rows, err := s.db.QueryContext(ctx, s.load, account)
	if err != nil {
		return nil, wrap("Load", err)
	}
	defer rows.Close()
	var blobs [][]byte
	for rows.Next() {
		var blob []byte
		if err := rows.Scan(&blob); err != nil {
			return nil, wrap("Load", err)
		}
		blobs = append(blobs, blob)
	}
	return blobs, wrap("Load", rows.Err())
}

// Add stores a new blob of an account: that of a Confirm, of recovery codes or of an import.
func (s *Store) Add(ctx context.Context, account string, blob []byte) error {
	if len(blob) == 0 || len(blob) > maxBlob {
		return fault.Invalid("sqlstore: Add: %d bytes: want 1 to %d", len(blob), maxBlob)
	}
	_, err := s.db.ExecContext(ctx, s.add, account, blob)
	return wrap("Add", err)
}

// Swap puts a blob in the place of another, if that is still there. See [factor.Store].
func (s *Store) Swap(ctx context.Context, account string, old, blob []byte) (bool, error) {
	return s.changes(ctx, "Swap", s.swap, blob, account, old)
}

// Remove deletes a blob, because the person has lost the phone, say. It reports whether it was there.
func (s *Store) Remove(ctx context.Context, account string, blob []byte) (bool, error) {
	return s.changes(ctx, "Remove", s.remove, account, blob)
}

func (s *Store) changes(ctx context.Context, op, statement string, args ...any) (bool, error) {
	result, err := s.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return false, wrap(op, err)
	}
	n, err := result.RowsAffected()
	return n == 1, wrap(op, err)
}

func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlstore: %s: %w", op, err)
}

const pageSize = 500

// Reseal moves all blobs of the table to the current key of the Factors, see [factor.Factors.Reseal]: the batch job of a
// rotation. It may run while people sign in, be ended by the context and run again. It returns how many blobs it has moved and
// how many verifications had written meanwhile, which moves them as well; a blob that does not open is left where it is and
// part of the error, without the account. Run it until moved and raced are 0.
func (s *Store) Reseal(ctx context.Context, f *factor.Factors) (moved, raced int, err error) {
	var account string
	var blob []byte
	var damaged int
	for {
		rows, err := s.after(ctx, account, blob)
		if err != nil {
			return moved, raced, err
		}
		for _, r := range rows {
			account, blob = r.account, r.blob
			resealed, changed, err := f.Reseal(account, blob)
			if err != nil {
				damaged++
				continue
			}
			if !changed {
				continue
			}
			ok, err := s.Swap(ctx, account, blob, resealed)
			if err != nil {
				return moved, raced, err
			}
			if ok {
				moved++
			} else {
				raced++
			}
		}
		if len(rows) == 0 {
			break
		}
	}
	if damaged > 0 {
		err = fmt.Errorf("sqlstore: Reseal: %d blobs: %w", damaged, factor.ErrBlob)
	}
	return moved, raced, err
}

type row struct {
	account string
	blob    []byte
}

// after returns the rows that follow one, at most as many as a page has.
func (s *Store) after(ctx context.Context, account string, blob []byte) ([]row, error) {
	if blob == nil {
		blob = []byte{} // NULL is less than nothing
	}
	rows, err := s.db.QueryContext(ctx, s.page, account, account, blob)
	if err != nil {
		return nil, wrap("Reseal", err)
	}
	defer rows.Close()
	var page []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.account, &r.blob); err != nil {
			return nil, wrap("Reseal", err)
		}
		page = append(page, r)
	}
	return page, wrap("Reseal", rows.Err())
}

// Count returns how many blobs a key has sealed, by its id, see [factor.Keys.IDs]: a key may go once it is 0.
func (s *Store) Count(ctx context.Context, keyID string) (int, error) {
	id, err := hex.DecodeString(keyID)
	if err != nil || len(id) != 4 {
		return 0, fault.Invalid("sqlstore: Count: want an id of Keys.IDs, 8 hexadecimal digits")
	}
	var n int
	err = s.db.QueryRowContext(ctx, s.count, id).Scan(&n)
	return n, wrap("Count", err)
}
