package crawler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"crawl/frontier"
	"crawl/internal/weburl"
	"crawl/store"
)

// skipsAtOnce is how many skipped URLs go to the store in one transaction.
const skipsAtOnce = 2000

// finish records how a run, or this session of it, ended. A run that can go on
// keeps its queue.
func (w *Job) finish(ctx context.Context, interrupted bool) error {
	stats, err := w.Frontier.Stats(w.name)
	if err != nil {
		return err
	}
	why := w.limited(stats)
	interrupted = interrupted && w.limit.Load() == nil && stats.Queued+stats.InFlight > 0
	if !interrupted && why != "" {
		if _, err := w.Frontier.Refuse(ctx, w.name, why); err != nil {
			return err
		}
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	if !interrupted {
		if err := w.index(ctx); err != nil {
			return err
		}
	}
	w.conclude(ctx, interrupted, why)
	if err := w.Store.Update(ctx, w.store); err != nil {
		return err
	}
	if interrupted {
		return w.Frontier.Leave(w.name)
	}
	return w.Frontier.Drop(w.name)
}

// index lets the store answer who links to whom. A run that can go on is not
// indexed before somebody asks. Links that are damaged keep no run from ending.
func (w *Job) index(ctx context.Context) error {
	err := w.Store.IndexLinks(ctx, w.store.ID, store.Identity{Name: w.spec.DropParams.String(), Of: w.spec.identity})
	if errors.Is(err, store.ErrDamaged) {
		w.Log.Error("the links of the run could not be indexed", "cause", err)
		return nil
	}
	return err
}

// limited tells which limit keeps URLs of a run that has come to its end from
// being fetched; "" if there are none.
func (w *Job) limited(s frontier.Stats) frontier.Reason {
	if s.Queued+s.InFlight == 0 {
		for _, why := range []frontier.Reason{ReasonMaxTime, ReasonMaxBytes, ReasonMaxPages, frontier.ReasonPagesPerHost} {
			if s.Skipped[why] > 0 { // a crash came when they had been refused
				return why
			}
		}
		return ""
	}
	switch why := w.limit.Load(); {
	case why != nil:
		return *why
	case w.spec.MaxPages > 0 && s.Pages >= uint64(w.spec.MaxPages):
		return ReasonMaxPages
	}
	return frontier.ReasonPagesPerHost
}

// conclude sets the state of the run as it ended.
func (w *Job) conclude(ctx context.Context, interrupted bool, why frontier.Reason) {
	r := w.store
	r.Ended, r.Paused = time.Now(), r.Paused && interrupted
	switch answers := r.Counts.Status; {
	case interrupted:
		r.State, r.Why = store.Interrupted, ""
	case answers[2] == 0 && (answers[3] == 0 || w.spec.Scope != ScopeList): // whoever lists URLs may want to know where they lead
		r.State, r.Why = store.Empty, w.whyEmpty(ctx, why)
	case why != "":
		r.State, r.Why = store.Partial, string(why)
	default:
		r.State, r.Why = store.Complete, ""
	}
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
	for s, err := range skipsOf(ctx, f, r.ID) {
		if err != nil {
			return err
		}
		batch = append(batch, s)
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
	rows, err := hostsOf(f, r.ID)
	if err != nil {
		return err
	}
	r.Counts.PushBacks = 0
	for _, h := range rows {
		r.Counts.PushBacks += uint64(h.PushBacks)
	}
	return st.PutHosts(ctx, r.ID, rows)
}

// countedFields are all that count reads of a page.
var countedFields = store.FieldsOf("Kind", "Status", "Fault", "Unchanged", "Cached", "Wire", "Request", "Record", "Fields")

// count makes a run's counts from the frontier's and from its pages.
func count(ctx context.Context, st store.Store, r *store.Run, stats frontier.Stats) error {
	c := store.Counts{
		Found: stats.Found, Queued: stats.Queued + stats.InFlight, Done: stats.Done, Failed: stats.Failed,
		Skipped: map[string]uint64{}, PushBacks: r.Counts.PushBacks, Requests: r.Counts.Requests,
		Fields: CoverageOf(r.Rules), // also of rules that no page knows
	}
	for reason, n := range stats.Skipped {
		c.Skipped[string(reason)] = n
	}
	var reader store.PageReader
	p := &store.Page{}
	for rec, err := range st.PageRecords(ctx, r.ID, nil) {
		if *p = (store.Page{}); err == nil {
			err = reader.Read(rec, p, countedFields)
		}
		if err != nil {
			return err
		}
		switch p.Kind {
		case store.KindPage, store.KindChecked:
			c.Status[class(p)]++
		case store.KindExternal:
			c.External++
		}
		if p.Unchanged {
			c.Unchanged++
		}
		if p.Cached {
			c.Cached++
		}
		c.Received += uint64(p.Wire)
		c.Stored += uint64(p.Request.Length + p.Record.Length)
		c.Fields = CountFields(c.Fields, p)
	}
	r.Counts = c
	return nil
}

// whyEmpty says in words why a run fetched nothing: what became of the first
// seed that something is known of, or else the limit that ended the run.
func (w *Job) whyEmpty(ctx context.Context, limit frontier.Reason) string {
	for _, seed := range w.spec.Seeds {
		if why := w.whyNot(ctx, seed); why != "" {
			return why
		}
	}
	if limit != "" {
		return fmt.Sprintf("no seed brought a page before %s", limit)
	}
	return "no seed brought a page"
}

// whyNot says why a seed, or what it redirects to, brought no page; "" if that
// is not known.
func (w *Job) whyNot(ctx context.Context, u weburl.URL) string {
	for seed, hops := u, 0; ; hops++ {
		p, err := w.Store.Page(ctx, w.store.ID, w.spec.identity(u))
		if err != nil {
			break
		}
		next, err := weburl.Parse(p.Redirect)
		switch {
		case p.Fault != "":
			return fmt.Sprintf("%s: %s", p.Address(), p.FaultText)
		case p.Redirect == "" || err != nil:
			return fmt.Sprintf("%s answered %d", p.Address(), p.Status)
		case hops >= w.spec.MaxRedirects:
			return fmt.Sprintf("%s redirects more than %d times", seed, w.spec.MaxRedirects)
		}
		u = next
	}
	return w.whyNotAsked(ctx, u)
}

// whyNotAsked says what its host's robots.txt has to do with it.
func (w *Job) whyNotAsked(ctx context.Context, u weburl.URL) string {
	rec, err := w.Store.Robots(ctx, w.store.ID, u.Origin())
	if err != nil {
		return ""
	}
	if unreachable(rec) {
		return fmt.Sprintf("%s: %s", u.Origin(), robotsTrouble(rec))
	}
	if v := w.parseRobots(rec).Test(w.spec.Agent, u.RequestURI()); !v.Allowed {
		return fmt.Sprintf("%s is disallowed by robots.txt, line %d %q", u, v.Line, v.Rule)
	}
	return ""
}
