package store

import (
	"bytes"
	"context"
	"errors"
	"time"

	"crawl/internal/weburl"

	bolt "go.etcd.io/bbolt"
)

var errNoVisit = errors.New("a visit needs a URL and a run")

// Put implements Store.
func (b *Bolt) Put(ctx context.Context, p *Page, links []Link, x *Exchange) (err error) {
	defer wrap(&err, "put %s", p.URL)
	if p.URL.IsZero() || p.Run == 0 {
		return errNoVisit
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	last, good, err := b.earlier(p)
	if err != nil {
		return err
	}
	p.compare(last, good)
	p.Request, p.Record, p.Payload, p.PayloadURL, p.PayloadAt, p.Kept = Place{}, Place{}, Place{}, "", time.Time{}, 0
	key := p.URL.Key()
	puts := make([]put, 0, 5)
	var brought *[32]byte
	if x != nil {
		if puts, brought, err = b.archive(puts, p, good, x); err != nil {
			return err
		}
	} else if p.Unchanged {
		p.Payload, p.PayloadURL, p.PayloadAt = good.Payload, good.PayloadURL, good.PayloadAt
	}
	if puts, err = b.putLinks(puts, key, p, last, good, links); err != nil {
		return err
	}
	raw, err := encode(p)
	if err != nil {
		return err
	}
	seen := history{last: p.Run}
	if good != nil {
		seen.before = good.Run
	}
	puts = append(puts,
		put{bucketPages, p.Run.with(key), raw},
		put{bucketLatest, key, seen.value()},
		put{bucketSkipped, p.Run.with(key), nil})
	if err := b.commit(puts...); err != nil {
		return err
	}
	b.arrived(brought)
	return nil
}

// earlier returns the last visit of p's URL, and the last one before p's run
// that brought content.
func (b *Bolt) earlier(p *Page) (last, good *Page, err error) {
	last, good, err = b.visits(p.URL)
	if err != nil || last == nil {
		return nil, nil, err
	}
	if last.Run != p.Run && last.hasContent() {
		good = last
	}
	if good != nil && good.Run == p.Run { // two runs take turns
		good = nil
	}
	return last, good, nil
}

// hasContent tells a visit whose body, here or in an earlier run, is what the
// URL shows.
func (p *Page) hasContent() bool {
	return p.Fault == "" && p.Status == 200 && p.Truncated == "" && p.Damaged == ""
}

// compare holds a visit against the ones before.
func (p *Page) compare(last, good *Page) {
	p.FirstSeen, p.Changed, p.Unchanged = p.Fetched, p.Fetched, false
	if last != nil {
		p.FirstSeen = last.FirstSeen
	}
	if good != nil && p.Hash == good.Hash && p.hasContent() {
		p.Unchanged, p.Changed = true, good.Changed
	}
}

// putLinks keeps the links of a visit, or points at those of an earlier run.
func (b *Bolt) putLinks(puts []put, key []byte, p, last, good *Page, links []Link) ([]put, error) {
	p.Links, p.LinksOf = len(links), 0
	if p.Unchanged && links == nil {
		p.Links, p.LinksOf = good.Links, good.LinksOf
		return puts, nil
	}
	if len(links) > 0 {
		raw, err := encode(packLinks(p.URL, links))
		if err != nil {
			return nil, err
		}
		if p.Unchanged && good.Links == len(links) {
			same, err := b.holds(bucketLinks, good.LinksOf.with(key), raw)
			if err != nil {
				return nil, err
			}
			if same {
				p.LinksOf = good.LinksOf
				return puts, nil
			}
		}
		p.LinksOf = p.Run
		return append(puts, put{bucketLinks, p.Run.with(key), raw}), nil
	}
	if last != nil && last.Run == p.Run && last.LinksOf == p.Run {
		puts = append(puts, put{bucketLinks, p.Run.with(key), nil}) // of the visit that gives way
	}
	return puts, nil
}

// holds tells whether a record has this value.
func (b *Bolt) holds(bucket, key, value []byte) (same bool, err error) {
	err = b.db.View(func(tx *bolt.Tx) error {
		same = bytes.Equal(rawIn(tx, bucket, key), value)
		return nil
	})
	return same, err
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
	raw, err := encode(p)
	if err != nil {
		return err
	}
	return b.replace(bucketPages, p.Run.with(p.URL.Key()), raw)
}

// PutRobots implements Store.
func (b *Bolt) PutRobots(ctx context.Context, r *Robots, x *Exchange) (err error) {
	defer wrap(&err, "put robots.txt of %s", r.Origin)
	if err := ctx.Err(); err != nil {
		return err
	}
	u, err := weburl.Parse(r.URL)
	if err != nil {
		return err
	}
	if err := checkOrigin(r.Origin); err != nil || r.Run == 0 {
		return errors.Join(err, errNoVisit)
	}
	var puts []put
	var brought *[32]byte
	r.Request, r.Record, r.Payload = Place{}, Place{}, Place{}
	if x != nil {
		p := &Page{URL: u, Run: r.Run}
		if puts, brought, err = b.archive(nil, p, nil, x); err != nil {
			return err
		}
		r.Request, r.Record, r.Payload = p.Request, p.Record, p.Payload
	}
	raw, err := encode(r)
	if err != nil {
		return err
	}
	if err := b.commit(append(puts, put{bucketRobots, r.Run.with([]byte(r.Origin)), raw})...); err != nil {
		return err
	}
	b.arrived(brought)
	return nil
}

func checkOrigin(origin string) error {
	if origin == "" || len(origin) > maxOrigin {
		return errOrigin
	}
	return nil
}

var errOrigin = errors.New("an origin has 1 to 512 bytes")

// PutSkips implements Store.
func (b *Bolt) PutSkips(ctx context.Context, run RunID, skips []Skip) (err error) {
	defer wrap(&err, "put %d skipped URLs of run %d", len(skips), run)
	if err := ctx.Err(); err != nil || len(skips) == 0 {
		return err
	}
	puts := make([]put, len(skips))
	for i := range skips {
		if skips[i].URL.IsZero() || run == 0 {
			return errNoVisit
		}
		raw, err := encode(&skips[i])
		if err != nil {
			return err
		}
		puts[i] = put{bucketSkipped, run.with(skips[i].URL.Key()), raw}
	}
	return b.commit(puts...)
}

// PutHosts implements Store.
func (b *Bolt) PutHosts(ctx context.Context, run RunID, hosts []Host) (err error) {
	defer wrap(&err, "put %d hosts of run %d", len(hosts), run)
	if err := ctx.Err(); err != nil || len(hosts) == 0 {
		return err
	}
	var puts []put
	for i := range hosts {
		if err := checkOrigin(hosts[i].Origin); err != nil {
			return err
		}
		raw, err := encode(&hosts[i])
		if err != nil {
			return err
		}
		origin := []byte(hosts[i].Origin)
		puts = append(puts, put{bucketHosts, run.with(origin), raw}, put{bucketAskers, origin, run.key()})
	}
	return b.commit(puts...)
}
