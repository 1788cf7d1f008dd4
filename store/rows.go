package store

import (
	"context"
	"fmt"
	"iter"

	"crawl/internal/weburl"

	bolt "go.etcd.io/bbolt"
)

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
	if err := checkOrigin(r.Run, r.Origin); err != nil {
		return err
	}
	b.visiting.RLock()
	defer b.visiting.RUnlock()
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

func checkOrigin(run RunID, origin string) error {
	if run == 0 || origin == "" || len(origin) > maxOrigin {
		return fmt.Errorf("run %d, %.100q: a run and an origin of up to %d bytes are needed", run, origin, maxOrigin)
	}
	return nil
}

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
		if err := checkOrigin(run, hosts[i].Origin); err != nil {
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

// Robots implements Store.
func (b *Bolt) Robots(ctx context.Context, run RunID, origin string) (_ *Robots, err error) {
	defer wrap(&err, "robots.txt of %s in run %d", origin, run)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &Robots{Run: run, Origin: origin}
	if err := b.get(bucketRobots, run.with([]byte(origin)), r); err != nil {
		return nil, err
	}
	return r, nil
}

// RobotsFiles implements Store.
func (b *Bolt) RobotsFiles(ctx context.Context, run RunID) iter.Seq2[*Robots, error] {
	return rows(ctx, b, bucketRobots, run, func(key, raw []byte) (*Robots, error) {
		r := &Robots{Origin: string(key), Run: run}
		return r, decode(raw, r)
	})
}

// Skips implements Store.
func (b *Bolt) Skips(ctx context.Context, run RunID) iter.Seq2[*Skip, error] {
	return rows(ctx, b, bucketSkipped, run, func(key, raw []byte) (*Skip, error) {
		u, err := urlOf(key)
		if err != nil {
			return nil, err
		}
		s := &Skip{URL: u, Run: run}
		return s, decode(raw, s)
	})
}

// Hosts implements Store.
func (b *Bolt) Hosts(ctx context.Context, run RunID) iter.Seq2[*Host, error] {
	return rows(ctx, b, bucketHosts, run, func(key, raw []byte) (*Host, error) {
		h := &Host{Origin: string(key), Run: run}
		return h, decode(raw, h)
	})
}

// Host implements Store.
func (b *Bolt) Host(ctx context.Context, origin string) (_ *Host, err error) {
	defer wrap(&err, "host %s", origin)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h := &Host{Origin: origin}
	err = b.db.View(func(tx *bolt.Tx) error {
		raw := rawIn(tx, bucketAskers, []byte(origin))
		if raw == nil {
			return ErrNotFound
		}
		if len(raw) != runSize {
			return b.named(fmt.Errorf("index is %w: %d bytes for a run", ErrDamaged, len(raw)))
		}
		h.Run = runOf(raw)
		return b.getIn(tx, bucketHosts, h.Run.with([]byte(origin)), h)
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}
