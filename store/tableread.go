package store

import (
	"context"
	"io"
	"iter"
	"net/http"

	"crawl/internal/warc"
	"crawl/internal/weburl"
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

// Skipped returns what a run says of a URL that it refused, or ErrNotFound.
func (b *Bolt) Skipped(ctx context.Context, run RunID, u weburl.URL) (_ *Skip, err error) {
	defer wrap(&err, "skipped URL %s of run %d", u, run)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &Skip{Run: run, URL: u}
	if err := b.get(bucketSkipped, run.with(u.Key()), s); err != nil {
		return nil, err
	}
	return s, nil
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

// CopyPages writes the exchanges of some of a run's visits to w as WARC, in the
// order in which they are named; see CopyRecords.
func (b *Bolt) CopyPages(ctx context.Context, w io.Writer, run RunID, urls iter.Seq2[weburl.URL, error]) (err error) {
	defer wrap(&err, "copy records of run %d", run)
	c, err := b.copyTo(w)
	if err != nil {
		return err
	}
	defer c.close()
	for u, err := range urls {
		var p *Page
		if err == nil {
			p, err = b.Page(ctx, run, u)
		}
		if err == nil {
			err = c.exchange(p.Request, p.Record, p.Payload)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
