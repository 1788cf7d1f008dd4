package search

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"

	"crawl/store"
)

// writer writes a run into the index.
type writer struct {
	*Index
	ctx      context.Context
	db       *sql.DB
	run      *store.Run
	progress Progress

	tx      *sql.Tx // nil between two
	written int     // texts in it
	stmts   map[string]*sql.Stmt
}

// all writes the run, its row last.
func (w *writer) all() error {
	defer func() {
		if w.tx != nil {
			_ = w.tx.Rollback() // what made it necessary is told
		}
	}()
	for _, s := range []string{"DELETE FROM runs WHERE run = ?", "DELETE FROM visits WHERE run = ?"} {
		if err := w.exec(s, int64(w.run.ID)); err != nil {
			return err
		}
	}
	for pages, err := range w.pages(w.ctx, w.run) {
		if err == nil {
			err = w.add(pages)
		}
		if err != nil {
			return err
		}
		w.o.Tell(w.progress)
	}
	if err := w.exec("INSERT INTO runs VALUES(?, ?)", int64(w.run.ID), stampOf(w.run)); err != nil {
		return err
	}
	if err := w.commit(); err != nil {
		return err
	}
	w.progress.Done = true
	w.o.Tell(w.progress)
	return nil
}

// exec runs a statement within the transaction at hand.
func (w *writer) exec(statement string, values ...any) error {
	s, err := w.stmt(statement)
	if err == nil {
		_, err = s.ExecContext(w.ctx, values...)
	}
	return err
}

// number returns the one number that a statement finds.
func (w *writer) number(statement string, values ...any) (n int64, found bool, err error) {
	s, err := w.stmt(statement)
	if err == nil {
		err = s.QueryRowContext(w.ctx, values...).Scan(&n)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return n, err == nil, err
}

// stmt prepares a statement once for each transaction, which it begins.
func (w *writer) stmt(statement string) (s *sql.Stmt, err error) {
	if w.tx == nil {
		if w.tx, err = w.db.BeginTx(w.ctx, nil); err != nil {
			return nil, err
		}
		w.stmts = map[string]*sql.Stmt{}
	}
	if s = w.stmts[statement]; s == nil {
		if s, err = w.tx.PrepareContext(w.ctx, statement); err != nil {
			return nil, err
		}
		w.stmts[statement] = s
	}
	return s, nil
}

// commit ends the transaction, and the statements with it.
func (w *writer) commit() error {
	tx := w.tx
	w.tx, w.written = nil, 0
	return tx.Commit()
}

// add writes the visits of some pages, and the texts that are not there.
func (w *writer) add(pages []*store.Page) error {
	w.progress.Pages += len(pages)
	docs := make([]int64, len(pages))
	var unknown []int // indexes
	for i, p := range pages {
		body := bodyOf(p)
		doc, found, err := w.number("SELECT doc FROM bodies WHERE body = ?", body[:])
		if err != nil {
			return err
		}
		if docs[i] = doc; !found {
			unknown = append(unknown, i)
		}
	}
	texts := make([]wordsOf, len(unknown))
	err := w.eachText(w.ctx, w.run, pages, unknown, func(n int, r *reading, have kept) { texts[n] = newWordsOf(r, have) })
	if err != nil {
		return err
	}
	for n, i := range unknown {
		if docs[i], err = w.text(pages[i], &texts[n]); err != nil {
			return err
		}
	}
	for i, p := range pages {
		if docs[i] == 0 {
			continue
		}
		if err := w.exec("INSERT OR IGNORE INTO visits VALUES(?, ?, ?)", int64(w.run.ID), docs[i], p.URL.Key()); err != nil {
			return err
		}
	}
	if w.written >= w.commitEvery {
		return w.commit()
	}
	return nil
}

// wordsOf is what the index is given of a page.
type wordsOf struct {
	fields [fields]string
	digest [16]byte
	none   bool // there are no words
	have   kept
}

func newWordsOf(r *reading, have kept) wordsOf {
	t := wordsOf{have: have, none: r.length() == 0}
	digest := sha256.New()
	for f := range fields {
		t.fields[f] = r.joined(f)
		digest.Write(append([]byte(t.fields[f]), 0))
	}
	copy(t.digest[:], digest.Sum(nil))
	return t
}

// text writes what was read of a page, and returns which text that is.
func (w *writer) text(p *store.Page, t *wordsOf) (doc int64, err error) {
	w.progress.Texts++
	if t.have != keptWhole {
		w.progress.Unread++
	}
	if !t.none {
		if doc, err = w.doc(t); err != nil {
			return 0, err
		}
	}
	if t.have == keptDamaged { // another visit may have it whole
		return doc, nil
	}
	body := bodyOf(p)
	return doc, w.exec("INSERT OR REPLACE INTO bodies VALUES(?, ?)", body[:], doc)
}

// doc returns which text has these words, written if it is new.
func (w *writer) doc(t *wordsOf) (doc int64, err error) {
	doc, found, err := w.number("SELECT id FROM docs WHERE digest = ?", t.digest[:])
	if found || err != nil {
		return doc, err
	}
	if doc, _, err = w.number("INSERT INTO docs(digest) VALUES(?) RETURNING id", t.digest[:]); err != nil {
		return 0, err
	}
	values := []any{doc}
	for _, words := range t.fields {
		values = append(values, words)
	}
	w.written++
	return doc, w.exec("INSERT INTO texts(rowid, title, h1, headings, description, body) VALUES(?, ?, ?, ?, ?, ?)", values...)
}
