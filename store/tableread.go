package store

import (
	"context"
	"iter"
	"net/http"

	"crawl/internal/warc"
)

// SkipsOf yields a run's skipped URLs whose key begins with prefix, in the
// order of keys.
func (b *Bolt) SkipsOf(ctx context.Context, run RunID, prefix []byte) iter.Seq2[*Skip, error] {
	return func(yield func(*Skip, error) bool) {
		var bad error
		err := b.scan(ctx, bucketSkipped, run.with(prefix), func(key, raw []byte) bool {
			s := &Skip{Run: run}
			if s.URL, bad = urlOf(key[runSize:]); bad == nil {
				bad = decode(raw, s)
			}
			return bad == nil && yield(s, nil)
		})
		if bad != nil {
			err = b.named(bad)
		}
		if err != nil {
			wrap(&err, "read skipped URLs of run %d", run)
			yield(nil, err)
		}
	}
}

// Header returns the header that the answer of a page came with, or
// ErrNotFound if none was kept. Of p the Record is enough.
func (b *Bolt) Header(ctx context.Context, p *Page) (_ http.Header, err error) {
	defer wrap(&err, "header of a page")
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if p.Record.Segment == 0 {
		return nil, ErrNotFound
	}
	r, err := b.bodies.read(p.Record)
	if err != nil {
		return nil, err
	}
	_, header, _ := warc.ParseHTTP(r.Head)
	return header, nil
}

// Key returns the key of the URL that was visited; see weburl.URL.Key.
func (r *PageRecord) Key() []byte { return r.key }
