//go:build unix

package factorstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/postgrestest"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/factor/sqlstore"
	"github.com/seed-3f7b73d1/onetime/internal/child"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

func TestMain(m *testing.M) {
	defer child.End()
	m.Run()
}

const alice = "user-1"

var (
	key     = []byte("a key for the blobs of tests, and of nothing else")
	another = []byte("another key for the blobs of tests, and of nothing else")
)

// A scene is Factors on an embedded Redis, and a Store.
type scene struct {
	*factor.Factors
	*sqlstore.Store
	db    *sql.DB
	redis *redis.Client
	clock *onetimetest.Clock
	m     *onetime.Manager
}

// databases runs a test on each.
func databases(t *testing.T, test func(t *testing.T, s *scene)) {
	for name, open := range map[string]func(t *testing.T) (*sql.DB, sqlstore.Dialect){
		"SQLite": func(t *testing.T) (*sql.DB, sqlstore.Dialect) {
			db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "db")+"?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_txlock=immediate")
			require.NoError(t, err)
			t.Cleanup(func() { db.Close() })
			return db, sqlstore.SQLite
		},
		"PostgreSQL": func(t *testing.T) (*sql.DB, sqlstore.Dialect) { return postgrestest.Open(t), sqlstore.PostgreSQL },
	} {
		t.Run(name, func(t *testing.T) {
			s := &scene{}
			var dialect sqlstore.Dialect
			s.db, dialect = open(t)
			var err error
			s.Store, err = sqlstore.New(s.db, dialect, "factors")
			require.NoError(t, err)
			require.NoError(t, s.Create(t.Context()))
			require.NoError(t, s.Create(t.Context()), "which does nothing where there is a table")
			s.redis, s.clock = onetimetest.NewRedis(t)
			s.m, err = onetime.New(s.redis, onetimetest.Key, s.clock.Option())
			require.NoError(t, err)
			s.Factors = s.with(t, key)
			test(t, s)
		})
	}
}

// with returns Factors of other keys.
func (s *scene) with(t *testing.T, current []byte, previous ...[]byte) *factor.Factors {
	t.Helper()
	keys, err := factor.NewKeys(current, previous...)
	require.NoError(t, err)
	f, err := factor.New(s.m, keys, "Example")
	require.NoError(t, err)
	return f
}

func (s *scene) codes(t *testing.T, account string, n int) factor.Codes {
	t.Helper()
	codes, err := s.RecoveryCodes(account, n)
	require.NoError(t, err)
	require.NoError(t, s.Add(t.Context(), account, codes.Blob))
	return codes
}

func TestStore_KeepsWhatItIsGiven(t *testing.T) {
	databases(t, func(t *testing.T, s *scene) {
		ctx := t.Context()
		blobs, err := s.Load(ctx, alice)
		require.NoError(t, err)
		require.Empty(t, blobs)
		one, two := []byte("one\x00\xff"), []byte("two")
		for _, account := range []string{alice, "User-1", "user-1 ", "Ünï 1"} {
			require.NoError(t, s.Add(ctx, account, one))
			require.Error(t, s.Add(ctx, account, one), "it is there")
			blobs, err := s.Load(ctx, account)
			require.NoError(t, err)
			require.Equal(t, [][]byte{one}, blobs, "two accounts are never one")
		}
		swapped, err := s.Swap(ctx, alice, two, one)
		require.NoError(t, err)
		require.False(t, swapped)
		swapped, err = s.Swap(ctx, alice, one, two)
		require.NoError(t, err)
		require.True(t, swapped)
		swapped, err = s.Swap(ctx, alice, one, two)
		require.NoError(t, err)
		require.False(t, swapped)
		blobs, err = s.Load(ctx, "User-1")
		require.NoError(t, err)
		require.Equal(t, [][]byte{one}, blobs)
		for _, want := range []bool{true, false} {
			removed, err := s.Remove(ctx, alice, two)
			require.NoError(t, err)
			require.Equal(t, want, removed)
		}
		require.ErrorIs(t, s.Add(ctx, alice, nil), onetime.ErrInvalid)
		require.ErrorIs(t, s.Add(ctx, alice, make([]byte, 513)), onetime.ErrInvalid)

		ended, cancel := context.WithCancel(ctx)
		cancel()
		_, err = s.Load(ended, alice)
		require.ErrorContains(t, err, "sqlstore: Load: ")
		_, err = s.Swap(ended, alice, one, two)
		require.ErrorContains(t, err, "sqlstore: Swap: ")
	})
}

func TestVerifyIn_ParallelCodesOfOneRowAreStoredOnceEach(t *testing.T) {
	databases(t, func(t *testing.T, s *scene) {
		codes := s.codes(t, alice, 16)
		var won [16]atomic.Int64
		var failed atomic.Value
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				_, err := s.VerifyRecoveryIn(t.Context(), s.Store, alice, codes.Codes[i%16])
				switch {
				case err == nil:
					won[i%16].Add(1)
				case !errors.Is(err, onetime.ErrUsed):
					failed.Store(err)
				}
			})
		}
		all.Wait()
		require.Nil(t, failed.Load())
		for i := range won {
			require.EqualValues(t, 1, won[i].Load())
		}
		require.NoError(t, s.redis.FlushAll(t.Context()).Err())
		for _, code := range codes.Codes {
			_, err := s.VerifyRecoveryIn(t.Context(), s.Store, alice, code)
			require.ErrorIs(t, err, onetime.ErrUsed, "the table has all of them")
		}
	})
}

// Redis is flushed again and again while copies of the same codes race: the table decides.
func TestRule15_EachCodeCountsOnceWhileRedisIsFlushed(t *testing.T) {
	databases(t, func(t *testing.T, s *scene) {
		codes := s.codes(t, alice, 8)
		var won [8]atomic.Int64
		var all sync.WaitGroup
		for i := range 80 {
			all.Go(func() {
				if i%8 == 0 {
					s.redis.FlushAll(t.Context())
				}
				if _, err := s.VerifyRecoveryIn(t.Context(), s.Store, alice, codes.Codes[i%8]); err == nil {
					won[i%8].Add(1)
				}
			})
		}
		all.Wait()
		for i := range won {
			require.EqualValues(t, 1, won[i].Load(), i)
		}
	})
}

// A transaction with SELECT … FOR UPDATE does without compare-and-set. SQLite locks as a whole.
func TestVerify_InATransactionThatLocksTheRow(t *testing.T) {
	databases(t, func(t *testing.T, s *scene) {
		codes := s.codes(t, alice, 8)
		read, write := "SELECT blob FROM factors WHERE account = $1 FOR UPDATE", "UPDATE factors SET blob = $1 WHERE account = $2"
		if t.Name() == "TestVerify_InATransactionThatLocksTheRow/SQLite" {
			read, write = "SELECT blob FROM factors WHERE account = ?", "UPDATE factors SET blob = ? WHERE account = ?"
		}
		signIn := func(code string) error {
			tx, err := s.db.BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			defer tx.Rollback()
			var blob []byte
			if err := tx.QueryRowContext(t.Context(), read, alice).Scan(&blob); err != nil {
				return err
			}
			proof, err := s.VerifyRecovery(t.Context(), alice, code, blob)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(t.Context(), write, proof.Blob, alice); err != nil {
				return errors.Join(err, proof.Undo(t.Context()))
			}
			return tx.Commit()
		}
		var all sync.WaitGroup
		results := make([]error, 16)
		for i := range results {
			all.Go(func() { results[i] = signIn(codes.Codes[i%8]) })
		}
		all.Wait()
		for i := range 8 {
			require.NotEqual(t, results[i] == nil, results[i+8] == nil, "%v, %v", results[i], results[i+8])
		}
		blobs, err := s.Load(t.Context(), alice)
		require.NoError(t, err)
		info, err := s.Inspect(alice, blobs[0])
		require.NoError(t, err)
		require.Zero(t, info.Left)
	})
}

func TestReseal_MovesATableWhilePeopleSignIn(t *testing.T) {
	databases(t, func(t *testing.T, s *scene) {
		ctx := t.Context()
		const people = 1100 // more than two pages
		tx, err := s.db.BeginTx(ctx, nil)
		require.NoError(t, err)
		insert := "INSERT INTO factors (account, blob) VALUES ($1, $2)"
		first := map[string]string{}
		for i := range people {
			account := fmt.Sprintf("person %d", i)
			codes, err := s.RecoveryCodes(account, 1)
			require.NoError(t, err)
			first[account] = codes.Codes[0]
			_, err = tx.ExecContext(ctx, insert, account, codes.Blob)
			require.NoError(t, err)
		}
		require.NoError(t, tx.Commit())
		old, both, now := s.Factors, s.with(t, another, key), s.with(t, another)
		keys, err := factor.NewKeys(another, key)
		require.NoError(t, err)
		count := func(i int) int {
			n, err := s.Count(ctx, keys.IDs()[i])
			require.NoError(t, err)
			return n
		}
		require.Equal(t, []int{0, people}, []int{count(0), count(1)})

		var all sync.WaitGroup
		var signedIn atomic.Int64
		for i := range 50 {
			all.Go(func() {
				account := fmt.Sprintf("person %d", i*20)
				if _, err := both.VerifyRecoveryIn(ctx, s.Store, account, first[account]); err == nil {
					signedIn.Add(1)
				}
			})
		}
		moved, raced, err := s.Store.Reseal(ctx, both)
		require.NoError(t, err)
		all.Wait()
		require.EqualValues(t, 50, signedIn.Load())
		again, racedAgain, err := s.Store.Reseal(ctx, both)
		require.NoError(t, err)
		require.LessOrEqual(t, moved+again, people)
		require.Zero(t, racedAgain)
		t.Logf("moved %d, and %d later; raced %d", moved, again, raced)
		require.Equal(t, []int{people, 0}, []int{count(0), count(1)}, "the old key may go")

		_, err = now.VerifyRecoveryIn(ctx, s.Store, "person 1", first["person 1"])
		require.NoError(t, err)
		_, err = now.VerifyRecoveryIn(ctx, s.Store, "person 20", first["person 20"])
		require.ErrorIs(t, err, onetime.ErrUsed)
		_, err = old.VerifyRecoveryIn(ctx, s.Store, "person 2", first["person 2"])
		require.ErrorIs(t, err, factor.ErrBlob)

		moved, raced, err = s.Store.Reseal(ctx, old)
		require.ErrorIs(t, err, factor.ErrBlob)
		require.ErrorContains(t, err, "sqlstore: Reseal: 1100 blobs")
		require.NotContains(t, err.Error(), "person")
		require.Zero(t, moved+raced)
		_, err = s.Count(ctx, "x")
		require.ErrorIs(t, err, onetime.ErrInvalid)
	})
}

func TestVerifyIn_ACommitThatIsCancelledIsUndecidedOrStored(t *testing.T) {
	databases(t, func(t *testing.T, s *scene) {
		codes := s.codes(t, alice, 16)
		stored := 0
		for i, code := range codes.Codes {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*200*time.Microsecond)
			_, err := s.VerifyRecoveryIn(ctx, s.Store, alice, code)
			cancel()
			if err == nil {
				stored++
				continue
			}
			require.NotErrorIs(t, err, onetime.ErrDenied, "nobody said no")
		}
		blobs, err := s.Load(t.Context(), alice)
		require.NoError(t, err)
		info, err := s.Inspect(alice, blobs[0])
		require.NoError(t, err)
		require.LessOrEqual(t, info.Left, 16-stored, "what was answered yes is in the table")
	})
}

func TestNew_RefusesWhatCannotBeRight(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	defer db.Close()
	_, err = sqlstore.New(nil, sqlstore.SQLite, "factors")
	require.EqualError(t, err, "sqlstore: New: the database is nil")
	_, err = sqlstore.New(db, 7, "factors")
	require.EqualError(t, err, "sqlstore: New: want the Dialect PostgreSQL or SQLite")
	for _, table := range []string{"", "a b", "factors; DROP TABLE x", "1x", "a.b.c", `"x"`} {
		_, err = sqlstore.New(db, sqlstore.SQLite, table)
		require.ErrorIs(t, err, onetime.ErrInvalid)
	}
	s, err := sqlstore.New(db, sqlstore.PostgreSQL, "auth.factors")
	require.NoError(t, err)
	require.Equal(t, "CREATE TABLE IF NOT EXISTS auth.factors (account TEXT NOT NULL, blob BYTEA NOT NULL, PRIMARY KEY (account, blob))", s.Schema())
}
