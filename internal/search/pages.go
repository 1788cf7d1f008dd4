package search

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"

	"crawl/store"

	"golang.org/x/sync/errgroup"
)

// errRead tells that the store failed, and not the index.
var errRead = errors.New("read the pages")

// pagesAtOnce is how many pages are looked at together; their words are in memory.
const pagesAtOnce = 32

// pageFields is what it takes to know a page and to read its text.
var pageFields = store.FieldsOf("Kind", "Status", "Fault", "Type", "MIME", "Charset", "Hash", "Asked", "Title", "H1", "Description",
	"NotModified", "Record", "Payload")

// searched tells a page that is searched: one that was there and has words. A
// page that says that there is none is not what somebody looks for.
func searched(p *store.Page) bool {
	if p.Kind != store.KindPage || p.Fault != "" || p.Status < 200 || p.Status > 299 {
		return false
	}
	return p.Type == "html" || p.Type == "text" || p.Type == "pdf"
}

// pages yields the pages of a run that are searched, some at a time.
func (x *Index) pages(ctx context.Context, run *store.Run) iter.Seq2[[]*store.Page, error] {
	return func(yield func([]*store.Page, error) bool) {
		var some []*store.Page
		var reader store.PageReader
		for rec, err := range x.st.PageRecords(ctx, run.ID, nil) {
			p := &store.Page{Run: run.ID}
			if err == nil {
				if err = reader.Read(rec, p, pageFields); err == nil && p.URL.IsZero() {
					p.URL, err = rec.URL()
				}
			}
			if err != nil {
				yield(nil, fmt.Errorf("%w: %w", errRead, err))
				return
			}
			if !searched(p) {
				continue
			}
			if some = append(some, p); len(some) == pagesAtOnce {
				if !yield(some, nil) {
					return
				}
				some = nil
			}
		}
		if len(some) > 0 {
			yield(some, nil)
		}
	}
}

// kept says how much of a page there was to read.
type kept uint8

const (
	keptWhole   kept = iota
	keptHead         // title, h1 and description, without a body
	keptDamaged      // the same, since the body is damaged
)

// read returns what a page says.
func (x *Index) read(ctx context.Context, run *store.Run, p *store.Page) (*Text, kept, error) {
	if p.Payload.IsZero() {
		return textOf(p), keptHead, nil
	}
	t, err := x.o.Read(ctx, run, p)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return textOf(p), keptHead, nil
	case errors.Is(err, store.ErrDamaged):
		x.o.Warn("a stored body is damaged, see `crawl db check`", err)
		return textOf(p), keptDamaged, nil
	}
	return t, keptWhole, err
}

// eachText calls fn with what pages say, on as many processors as there are. fn
// is called by several goroutines, once for each of indexes: n is the place in
// that. The reading is good until fn returns.
func (x *Index) eachText(ctx context.Context, run *store.Run, pages []*store.Page, indexes []int, fn func(n int, r *reading, have kept)) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	for n, i := range indexes {
		work.Go(func() error {
			text, have, err := x.read(ctx, run, pages[i])
			if err != nil {
				return fmt.Errorf("%w: %w", errRead, err)
			}
			r := readings.Get().(*reading)
			r.read(text)
			fn(n, r, have)
			r.release()
			return nil
		})
	}
	return work.Wait()
}

var readings = sync.Pool{New: func() any { return new(reading) }}

// maxPooled is how many words of a field there is room for in what is kept for
// the next page.
const maxPooled = 32 << 10

// release gives the reading back, unless it has grown large.
func (r *reading) release() {
	r.text = nil
	for f := range fields {
		if cap(r.words[f].list) > maxPooled {
			r.words[f] = words{}
		}
	}
	readings.Put(r)
}
