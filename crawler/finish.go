package crawler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"crawl/frontier"
	"crawl/store"
)

// skipsAtOnce is how many skipped URLs go to the store in one transaction.
const skipsAtOnce = 2000

// finish records how a run, or this session of it, ended. A run that can go on
// keeps its queue.
func (w *Job) finish(ctx context.Context, interrupted bool) error {
	r := w.store
	r.State = store.Complete
	if why := w.limit.Load(); why != nil {
		r.State, r.Why, interrupted = store.Partial, string(*why), false
	}
	stats, err := w.Frontier.Stats(w.name)
	if err != nil {
		return err
	}
	switch left := stats.Queued + stats.InFlight; {
	case left == 0:
		interrupted = false
	case interrupted:
		r.State = store.Interrupted
	default:
		if r.State == store.Complete {
			r.State, r.Why = store.Partial, string(ReasonMaxPages)
		}
		if _, err := w.Frontier.Refuse(ctx, w.name, frontier.Reason(r.Why)); err != nil {
			return err
		}
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	if !interrupted && r.Counts.Status[2]+r.Counts.Status[3] == 0 {
		r.State, r.Why = store.Empty, w.whyEmpty(ctx)
	}
	r.Ended = time.Now()
	if err := w.Store.Update(ctx, r); err != nil {
		return err
	}
	if interrupted {
		return w.Frontier.Leave(w.name)
	}
	return w.Frontier.Drop(w.name)
}

// settle copies to the store what the frontier knows and the store will be
// asked for: skipped URLs, hosts, counts.
func (w *Job) settle(ctx context.Context) error {
	err := Settle(ctx, w.Frontier, w.Store, w.store)
	if err != nil || w.Watch == nil {
		return err
	}
	for s, err := range w.Store.Skips(ctx, w.store.ID) {
		if err != nil {
			return err
		}
		w.tell(Event{Skip: s})
	}
	return nil
}

// Settle copies the skipped URLs, the hosts and the counts of an open run from
// the frontier to the store, and counts its answers.
func Settle(ctx context.Context, f frontier.Frontier, st store.Store, r *store.Run) error {
	name := Name(r.ID)
	var batch []store.Skip
	flush := func() error {
		err := st.PutSkips(ctx, r.ID, batch)
		batch = batch[:0]
		return err
	}
	for s, err := range f.Skips(ctx, name) {
		if err != nil {
			return err
		}
		batch = append(batch, store.Skip{URL: s.URL, Reason: string(s.Reason), Rule: s.Rule, From: s.From.String(), Depth: s.Depth})
		if len(batch) == skipsAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if err := settleHosts(ctx, f, st, r); err != nil {
		return err
	}
	stats, err := f.Stats(name)
	if err != nil {
		return err
	}
	return count(ctx, st, r, stats)
}

func settleHosts(ctx context.Context, f frontier.Frontier, st store.Store, r *store.Run) error {
	hosts, err := f.Hosts(Name(r.ID))
	if err != nil {
		return err
	}
	rows := make([]store.Host, 0, len(hosts))
	r.Counts.PushBacks = 0
	for _, h := range hosts {
		if h.Asked.IsZero() {
			continue // only named by links
		}
		r.Counts.PushBacks += uint64(h.PushBacks)
		rows = append(rows, store.Host{
			Origin: h.Origin, Done: h.Done, Delay: h.Delay, CrawlDelay: h.CrawlDelay, Latency: h.Latency,
			PushBacks: h.PushBacks, Fails: h.Fails, GivenUp: string(h.GivenUp), Asked: h.Asked, RestUntil: h.RestUntil,
		})
	}
	return st.PutHosts(ctx, r.ID, rows)
}

// count makes a run's counts from the frontier's and from its pages.
func count(ctx context.Context, st store.Store, r *store.Run, stats frontier.Stats) error {
	c := store.Counts{
		Found: stats.Found, Queued: stats.Queued + stats.InFlight, Done: stats.Done, Failed: stats.Failed,
		Skipped: map[string]uint64{}, PushBacks: r.Counts.PushBacks,
	}
	for reason, n := range stats.Skipped {
		c.Skipped[string(reason)] = n
	}
	for p, err := range st.Pages(ctx, r.ID) {
		if err != nil {
			return err
		}
		if p.Kind == store.KindPage {
			class := p.Status / 100
			if p.Fault != "" || class > 5 {
				class = 0
			}
			c.Status[class]++
		}
		if p.Unchanged {
			c.Unchanged++
		}
		c.Received += uint64(p.Wire)
		c.Stored += uint64(p.Record.Length)
	}
	r.Counts = c
	return nil
}

// whyEmpty says in words why a run fetched nothing.
func (w *Job) whyEmpty(ctx context.Context) string {
	for _, seed := range w.spec.Seeds {
		u := seed.DropParams(w.spec.DropParams)
		if p, err := w.Store.Page(ctx, w.store.ID, u); err == nil {
			if p.Fault != "" {
				return fmt.Sprintf("%s: %s", u, p.FaultText)
			}
			return fmt.Sprintf("%s answered %d", u, p.Status)
		}
		rec, err := w.Store.Robots(ctx, w.store.ID, u.Origin())
		if err == nil && w.parseRobots(rec).Test(w.spec.Agent, u.RequestURI()).Allowed {
			continue
		}
		if err == nil && (rec.Fault != "" || rec.Status >= 500 || rec.Status == 429) {
			return fmt.Sprintf("%s: %s", u.Origin(), robotsTrouble(rec))
		}
		if err == nil {
			v := w.parseRobots(rec).Test(w.spec.Agent, u.RequestURI())
			return fmt.Sprintf("%s is disallowed by robots.txt, line %d %q", u, v.Line, v.Rule)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err.Error()
		}
	}
	if len(w.spec.Seeds) == 0 {
		return "there is no seed"
	}
	return "no seed brought a page"
}
