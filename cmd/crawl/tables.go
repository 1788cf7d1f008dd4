package main

import (
	"context"
	"errors"
	"iter"
	"log/slog"

	"crawl/internal/weburl"
	"crawl/store"
)

// tables reads the rows of one run.
type tables struct {
	store store.Store
	run   *store.Run
	log   *slog.Logger
	drop  weburl.ParamSet // names taken out of URLs in this run
}

func (t *tables) identity(u weburl.URL) weburl.URL { return u.DropParams(t.drop) }

// index makes the store ready to say who links to whom, if it is not.
func (t *tables) index(ctx context.Context) error {
	there, err := t.store.Indexed(ctx, t.run.ID)
	if there || err != nil {
		return err
	}
	return t.store.IndexLinks(ctx, t.run.ID, t.identity)
}

// counter returns what counts the links to a URL. Where the record of some links
// is damaged, all counts would be wrong: it tells of that, and there are none.
func (t *tables) counter(ctx context.Context) (func(weburl.URL) (*store.InlinkCount, error), error) {
	err := t.index(ctx)
	if errors.Is(err, store.ErrDamaged) {
		t.log.Warn("links to pages are not counted, see `crawl db check`", "cause", err)
		return func(weburl.URL) (*store.InlinkCount, error) { return nil, nil }, nil
	}
	return func(u weburl.URL) (*store.InlinkCount, error) {
		in, err := t.store.CountInlinks(ctx, t.run.ID, t.identity(u))
		return &in, err
	}, err
}

func (t *tables) pages(ctx context.Context) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		count, err := t.counter(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for p, err := range t.store.Pages(ctx, t.run.ID) {
			var in *store.InlinkCount
			if err == nil {
				in, err = count(p.URL)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(newPageRow(t.run, p, in), nil) {
				return
			}
		}
	}
}

func (t *tables) links(ctx context.Context) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for p, err := range t.store.Pages(ctx, t.run.ID) {
			var links []store.Link
			if err == nil {
				links, err = t.store.Links(ctx, p)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, l := range links {
				row, err := t.link(ctx, p, l)
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

// linksTo are the rows of links whose target is u.
func (t *tables) linksTo(ctx context.Context, u weburl.URL) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		if err := t.index(ctx); err != nil {
			yield(nil, err)
			return
		}
		for in, err := range t.store.Inlinks(ctx, t.run.ID, t.identity(u)) {
			if err != nil {
				yield(nil, err)
				return
			}
			for p, err := range in.Sources {
				var row *linkRow
				if err == nil {
					row, err = t.link(ctx, p, in.Link)
				}
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

func (t *tables) link(ctx context.Context, p *store.Page, l store.Link) (*linkRow, error) {
	row := &linkRow{
		Run: runName(t.run), Source: p.URL.String(), Target: l.Target, Anchor: l.Text, Rel: l.Rel, Element: l.Element,
		Attribute: l.Attr, Place: l.Place, Asset: l.Asset, NoFollow: l.NoFollow, SourceStatus: p.Status,
	}
	u, err := weburl.Parse(l.Target)
	if err != nil {
		return row, nil
	}
	row.Internal = u.Host() == p.URL.Host()
	target, err := t.page(ctx, u)
	if err != nil || target == nil {
		return row, err
	}
	row.TargetStatus, row.TargetClass = &target.Status, classOf(target)
	chain, err := t.chain(ctx, target)
	if err == nil && chain.last != nil {
		row.FinalStatus = &chain.last.Status
	}
	return row, err
}

// page is the run's visit of u, nil if there was none.
func (t *tables) page(ctx context.Context, u weburl.URL) (*store.Page, error) {
	p, err := t.store.Page(ctx, t.run.ID, t.identity(u))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return p, err
}

// chain is where redirects lead.
type chain struct {
	hops  int
	final string
	last  *store.Page // nil if it was not fetched
	loop  bool
}

func (t *tables) chain(ctx context.Context, p *store.Page) (c chain, err error) {
	seen := map[weburl.URL]bool{}
	for c.last = p; c.last != nil && c.last.Redirect != ""; c.hops++ {
		if seen[c.last.URL] {
			c.loop = true
			return c, nil
		}
		seen[c.last.URL] = true
		u, err := weburl.Parse(c.last.Redirect)
		if err != nil {
			return c, nil
		}
		c.final = u.String()
		if c.last, err = t.page(ctx, u); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (t *tables) redirects(ctx context.Context) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for p, err := range t.store.Pages(ctx, t.run.ID) {
			if err != nil {
				yield(nil, err)
				return
			}
			if p.Redirect == "" {
				continue
			}
			c, err := t.chain(ctx, p)
			row := &redirectRow{
				Run: runName(t.run), Source: p.URL.String(), Target: p.Redirect, Final: c.final, Hops: c.hops, Loop: c.loop, Kind: p.Status,
			}
			if c.last != nil && !c.loop {
				row.FinalStatus = &c.last.Status
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func (t *tables) skipped(ctx context.Context) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		count, err := t.counter(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for s, err := range t.store.Skips(ctx, t.run.ID) {
			var in *store.InlinkCount
			if err == nil {
				in, err = count(s.URL)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			row := newSkipRow(t.run, s, nil)
			if in != nil {
				row.Count = &in.Pages
			}
			if !yield(&row, nil) {
				return
			}
		}
	}
}
