// Package search finds pages by the words in them: ranked, with an excerpt, by
// an index in a file of its own, or without one by reading every page.
//
// The index is derived from the store and holds no text. It may be deleted at any
// time; where it is missing, of another layout, damaged or behind its run, it is
// made again. It knows nothing of how pages are read, nor of how hits are shown.
package search

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"sync"
	"time"

	"crawl/internal/weburl"
	"crawl/store"
)

// File is the name of an index in the folder of its store.
const File = "search.db"

// Options says what an index works with.
type Options struct {
	// Read returns what a stored page says, or store.ErrNotFound if its body was
	// not kept. Any goroutine may call it.
	Read func(ctx context.Context, run *store.Run, p *store.Page) (*Text, error)
	Use  Use
	// Tell is told of work that takes its time, over and over until it is done.
	Tell func(Progress)
	// Warn is told what is wrong and does not keep a search from its answer.
	Warn func(text string, cause error)
}

// Use is what Find may do with an index.
type Use uint8

// Uses of an index. Where it may not be used, all pages are read for each search.
const (
	Made   Use = iota // it is made for a run that it lacks
	AsItIs            // it is asked of runs that it has, and not written
	Never
)

// Progress is how far a run has been read.
type Progress struct {
	Run    *store.Run
	Begun  time.Time
	Scan   bool // for one search; false: for the index
	Pages  int  // looked at
	Texts  int  // read, of those pages; the others have one that is known
	Unread int  // pages of whose text no more than title, h1 and description was kept
	Done   bool
}

// Hit is a page that was found. Hits are yielded from the best to the worst.
type Hit struct {
	URL   weburl.URL
	Score float64 // lower is better
}

// Index searches the runs of one store. Its methods may be called from any
// goroutine.
type Index struct {
	file string
	st   *store.Bolt
	o    Options

	building    chan struct{} // holds a token while nobody writes to the file
	commitEvery int           // texts that are written in one transaction: a crash costs no more; tests lower it

	mu     sync.Mutex // guards what follows
	db     *sql.DB    // nil until it is used
	closed bool       // for good
}

// New returns the index of a store that lies in a file, which is made when it is
// first needed. Nobody else may use the file.
func New(file string, st *store.Bolt, o Options) *Index {
	if o.Tell == nil {
		o.Tell = func(Progress) {}
	}
	if o.Warn == nil {
		o.Warn = func(string, error) {}
	}
	x := &Index{file: file, st: st, o: o, building: make(chan struct{}, 1), commitEvery: 2000}
	x.building <- struct{}{}
	return x
}

// Find yields the pages of a run that answer a query. A run that is being crawled
// is not indexed; where the index cannot be used, which Warn is told, all pages
// are read too.
func (x *Index) Find(ctx context.Context, run *store.Run, q *Query) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		if x.o.Use == Never || run.State == store.Running || x.o.Use == AsItIs && !x.has(ctx, run) {
			x.scan(ctx, run, q, yield)
			return
		}
		found, err := x.ask(ctx, run, q)
		if isDamage(err) && x.o.Use == Made {
			x.o.Warn("the search index is damaged, it is made anew", err)
			if err = x.Remove(ctx); err == nil {
				found, err = x.ask(ctx, run, q)
			}
		}
		switch {
		case ctx.Err() != nil:
			yield(Hit{}, ctx.Err())
		case errors.Is(err, errRead), errors.Is(err, errClosed):
			yield(Hit{}, err)
		case err != nil:
			x.o.Warn("the search index cannot be used, all pages are read instead", err)
			x.scan(ctx, run, q, yield)
		default:
			found.all(yield)
		}
	}
}

// Shown is what a hit looks like.
type Shown struct {
	Title   string
	Places  []string // where it was found: title, h1, headings, description, body
	Excerpt Excerpt
}

// Show reads a page that Find yielded.
func (x *Index) Show(ctx context.Context, run *store.Run, q *Query, h Hit) (Shown, error) {
	p, err := x.st.Page(ctx, run.ID, h.URL)
	if errors.Is(err, store.ErrNotFound) {
		err = damaged(err)
	}
	if err != nil {
		return Shown{}, err
	}
	text, _, err := x.read(ctx, run, p)
	if err != nil {
		return Shown{}, err
	}
	var r reading
	r.read(text)
	s := Shown{Title: p.Title}
	s.Places, s.Excerpt = r.found(q)
	return s, nil
}

// Close ends the use of the file for good: it waits until nobody writes to it, and
// nobody opens it again.
func (x *Index) Close() error {
	if err := x.turn(context.Background()); err != nil {
		return err
	}
	defer x.done()
	return x.shut(true)
}

// shut closes the file; unless that is for good, it is opened again when it is needed.
func (x *Index) shut(forGood bool) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = x.closed || forGood
	if x.db == nil {
		return nil
	}
	err := x.db.Close()
	x.db = nil
	return err
}
