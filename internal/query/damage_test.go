package query

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"crawl/store"

	bolt "go.etcd.io/bbolt"
)

// spoil makes a record of what fn makes of it.
func spoil(t *testing.T, dir, bucket string, fn func(raw []byte) []byte) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(dir, store.File), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucket))
		k, v := b.Cursor().First()
		return b.Put(slices.Clone(k), fn(slices.Clone(v)))
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// damaged is a store of a few pages with a record that was spoiled.
func damaged(t *testing.T, bucket string, fn func(raw []byte) []byte) (db *DB, warned *int) {
	t.Helper()
	dir := t.TempDir()
	st, run := fill(t, dir, 3)
	if err := st.PutSkips(t.Context(), run.ID, []store.Skip{{URL: mustURL(t, "http://a/x"), Reason: "scope"}}); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	spoil(t, dir, bucket, fn)
	st, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	warned = new(int)
	return database(t, st, Options{Run: run, Warn: func(string, error) { *warned++ }}), warned
}

// Damaged links cost the tables of pages and skipped URLs their counts alone.
func TestDamagedLinks(t *testing.T) {
	db, warned := damaged(t, "links", func(raw []byte) []byte { return raw[:1] })
	for _, q := range []struct{ statement, want string }{
		{"SELECT count(*), count(inlinks), count(in_sitemap) FROM pages", "3 0 0"},
		{"SELECT count(*), count(count) FROM skipped", "1 0"},
	} {
		if got := ask(t, db, q.statement); !slices.Equal(got, []string{q.want}) {
			t.Errorf("%s: %q", q.statement, got)
		}
	}
	if *warned != 2 {
		t.Errorf("%d warnings", *warned)
	}
}

// A damaged page ends the answer with an error that says so.
func TestDamagedPage(t *testing.T) {
	for name, fn := range map[string]func([]byte) []byte{
		"cut":     func(raw []byte) []byte { return raw[:len(raw)/2] },
		"version": func(raw []byte) []byte { raw[0]++; return raw },
		"empty":   func([]byte) []byte { return []byte{} },
	} {
		db, _ := damaged(t, "pages", fn)
		rows, err := db.Query(t.Context(), "SELECT title, near_hash FROM pages")
		if err != nil {
			t.Fatal(err)
		}
		for _, failed := range rows.All() {
			err = failed
		}
		if !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
