package store

import (
	"context"
	"errors"
	"time"
)

var errNoVisit = errors.New("a visit needs a URL and a run")

// ErrNoContent: what an answer 304 stands for, or what is taken over from an
// earlier run, is not there any more, as that run was removed meanwhile. The URL
// is to be asked for again.
var ErrNoContent = errors.New("the earlier visit that it stands for is not there: its run was removed")

// Put implements Store.
func (b *Bolt) Put(ctx context.Context, p *Page, links []Link, x *Exchange) (err error) {
	defer wrap(&err, "put %s", p.URL)
	if p.URL.IsZero() || p.Run == 0 {
		return errNoVisit
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.visiting.RLock()
	defer b.visiting.RUnlock()
	last, good, known := b.recall.take(p)
	if !known {
		if last, good, err = b.visits(p.URL, p.Run, heldAgainst); err != nil {
			return err
		}
	}
	if (p.NotModified || p.Cached) && (good == nil || good.Hash != p.Hash) {
		return ErrNoContent
	}
	p.compare(last, good)
	p.unplace()
	key := p.URL.Key()
	puts := make([]put, 0, 8)
	var brought *[32]byte
	if x != nil {
		if puts, brought, err = b.archive(puts, p, good, x); err != nil {
			return err
		}
		if x.Packed != nil {
			x.Packed()
		}
	} else if p.Unchanged {
		p.Payload, p.PayloadURL, p.PayloadAt = good.Payload, good.PayloadURL, good.PayloadAt
	}
	puts, made := b.putLinks(puts, key, p, last, good, links)
	raw, err := b.encodePage(p)
	if err != nil {
		return err
	}
	puts = append(puts,
		put{bucketPages, p.Run.with(key), raw},
		put{bucketLatest, key, newHistory(p, good).value()},
		put{bucketSkipped, p.Run.with(key), nil},
		put{bucketIndexed, p.Run.key(), nil}) // its links are others now
	if err := b.db.Commit(context.Background(), &write{puts: puts, visit: p}); err != nil {
		return err
	}
	b.recall.take(p) // what was read meanwhile
	b.arrived(brought)
	b.templates.keep(made)
	return nil
}

// unplace drops what is said of an exchange: p may be a copy of another visit.
func (p *Page) unplace() {
	p.Request, p.Record, p.Payload = Place{}, Place{}, Place{}
	p.PayloadURL, p.PayloadAt = "", time.Time{}
}

// heldAgainst is what Put wants to know of earlier visits; see Page.heldAgainst.
var heldAgainst = FieldsOf("FirstSeen", "Changed", "Hash", "Payload", "PayloadURL", "PayloadAt", "Links", "LinksOf")

// hasContent tells a visit whose body, here or in an earlier run, is what the
// URL shows.
func (p *Page) hasContent() bool {
	return !p.IsCheck() && p.Fault == "" && p.Status == 200 && p.Truncated == "" && p.Damaged == ""
}

// compare holds a visit against the ones before.
func (p *Page) compare(last, good *Page) {
	p.FirstSeen, p.Changed, p.Unchanged = p.Fetched, p.Fetched, false
	switch {
	case last == nil:
	case last.Kind != KindExternal || p.Kind == KindExternal:
		p.FirstSeen = last.FirstSeen
	case good != nil: // another site's link led to it meanwhile
		p.FirstSeen = good.FirstSeen
	}
	if good != nil && p.Hash == good.Hash && p.hasContent() {
		p.Unchanged, p.Changed = true, good.Changed
	}
}

// Move implements Store.
func (b *Bolt) Move(ctx context.Context, p *Page) (err error) {
	defer wrap(&err, "move %s", p.URL)
	if p.URL.IsZero() || p.Run == 0 {
		return errNoVisit
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.visiting.RLock()
	defer b.visiting.RUnlock()
	raw, err := b.encodePage(p)
	if err != nil {
		return err
	}
	return b.replace(bucketPages, p.Run.with(p.URL.Key()), raw)
}

// encodePage makes the record of p, with its places where they are by now.
func (b *Bolt) encodePage(p *Page) ([]byte, error) {
	now := *p
	if err := b.bodies.relocate(&now.Request, &now.Record, &now.Payload); err != nil {
		return nil, err
	}
	return encodePage(&now)
}
