package crawler

import (
	"context"
	"errors"
	"iter"
	"time"

	"crawl/frontier"
	"crawl/store"
)

// ID is the number of the run in the store.
func (w *Job) ID() store.RunID { return w.store.ID }

// GoesOn is the Why of a run that Now returned.
const GoesOn = "it goes on"

// Now returns the run as it is by now. What only its end tells is left as the
// session found it: the counts of fields and unchanged pages.
func (w *Job) Now() *store.Run {
	w.mu.Lock()
	r := w.start
	r.Widened = append([]string(nil), w.store.Widened...)
	r.Settings = w.store.Settings
	w.mu.Unlock()
	p := w.Progress()
	r.Why = GoesOn
	r.Active += int64(time.Since(w.began))
	r.Counts.Requests += w.requests.Load()
	r.Counts.Received += uint64(p.Received)
	r.Counts.External += w.external.Load()
	for i, n := range p.Status {
		r.Counts.Status[i] += n
	}
	if p.Found > 0 { // else the queue has just gone
		r.Counts.Found, r.Counts.Queued, r.Counts.Done, r.Counts.Failed = p.Found, p.Queued+p.InFlight, p.Done, p.Failed
		r.Counts.Skipped = map[string]uint64{}
		for reason, n := range p.Skipped {
			r.Counts.Skipped[string(reason)] = n
		}
	}
	return &r
}

// Tuning is what may change of a run that goes on.
type Tuning struct {
	Exclude []Pattern
	Manners func(origin string) frontier.Manners
}

// ErrOver tells that a run has come to its end.
var ErrOver = errors.New("crawler: the run has ended")

// Tune replaces patterns and manners of the run, and records the settings that
// say so. A URL that is queued already is skipped when its turn comes, if a
// pattern leaves it out now; one that was refused is taken when it is met again.
func (w *Job) Tune(ctx context.Context, t *Tuning, settings []byte) error {
	if err := w.keep(func(r *store.Run) { r.Settings = settings }); err != nil {
		return err
	}
	w.tuned.Store(t)
	w.spec.exclude.Store(&t.Exclude)
	w.told.forget()
	err := w.Frontier.Reconsider(ctx, w.name)
	if gone(err) {
		return ErrOver
	}
	return err
}

// Pause stops leasing URLs, or goes on with it. Fetches under way end. A later
// session is paused, too.
func (w *Job) Pause(on bool) error {
	if err := w.keep(func(r *store.Run) { r.Paused = on }); err != nil {
		return err
	}
	return w.holdBack()
}

// PauseForSpace is Pause for want of room on the disk; no later session knows of
// it. The run goes on when neither keeps it.
func (w *Job) PauseForSpace(on bool) error {
	w.pausing.Lock()
	changed := w.starved != on
	w.starved = on
	w.pausing.Unlock()
	switch {
	case changed && on:
		w.meter.space.add(1)
	case changed:
		w.meter.space.add(-1)
	}
	return w.holdBack()
}

// holdBack has the frontier lease nothing while there is a reason.
func (w *Job) holdBack() error {
	w.pausing.Lock()
	defer w.pausing.Unlock()
	w.mu.Lock()
	on := w.store.Paused || w.starved
	w.mu.Unlock()
	return w.Frontier.Pause(w.name, on)
}

// keep records what change does to the run, so that a later session has it.
func (w *Job) keep(change func(*store.Run)) error {
	w.saving.Lock()
	defer w.saving.Unlock()
	if w.over {
		return ErrOver
	}
	w.mu.Lock()
	settings, paused := w.store.Settings, w.store.Paused
	change(w.store)
	w.mu.Unlock()
	err := w.save()
	if err != nil {
		w.mu.Lock()
		w.store.Settings, w.store.Paused = settings, paused
		w.mu.Unlock()
	}
	return err
}

// tooLate has the run be written by its end alone.
func (w *Job) tooLate() {
	w.saving.Lock()
	defer w.saving.Unlock()
	w.over = true
}

// wish is how the user wants a host to be treated by now.
func (w *Job) wish(origin string) frontier.Manners {
	manners := w.spec.Manners
	if t := w.tuned.Load(); t != nil {
		manners = t.Manners
	}
	if manners == nil {
		return frontier.Manners{}
	}
	return manners(origin)
}

// leftOut returns the pattern that leaves a queued URL out, if the user has given
// it since the URL was met. What he named himself he wants all the same, and so
// he does what was asked for already.
func (s *Spec) leftOut(l *frontier.Lease) (rule string) {
	if l.Kind != frontier.Page || l.From.IsZero() || l.Try > 1 {
		return ""
	}
	return firstMatch(s.excludes(), l.URL)
}

// excludes are the patterns of the run by now.
func (s *Spec) excludes() []Pattern {
	if tuned := s.exclude.Load(); tuned != nil {
		return *tuned
	}
	return s.Exclude
}

// Skips yields the URLs that the run has refused so far, in no order.
func (w *Job) Skips(ctx context.Context) iter.Seq2[*store.Skip, error] {
	return func(yield func(*store.Skip, error) bool) {
		first := true
		for s, err := range skipsOf(ctx, w.Frontier, w.store.ID) {
			if first && gone(err) { // the store has them all
				w.Store.Skips(ctx, w.store.ID)(yield)
				return
			}
			if first = false; !yield(&s, err) || err != nil {
				return
			}
		}
	}
}

// gone tells that the run has just ended, and its queue with it.
func gone(err error) bool {
	return errors.Is(err, frontier.ErrNoRun) || errors.Is(err, frontier.ErrClosed)
}

// skipsOf yields what the frontier knows of a run's refused URLs.
func skipsOf(ctx context.Context, f frontier.Frontier, id store.RunID) iter.Seq2[store.Skip, error] {
	return func(yield func(store.Skip, error) bool) {
		for s, err := range f.Skips(ctx, Name(id)) {
			skip := store.Skip{URL: s.URL, Reason: string(s.Reason), Rule: s.Rule, From: s.From.String(), Depth: s.Depth, Run: id}
			if !yield(skip, err) || err != nil {
				return
			}
		}
	}
}

// Hosts yields what the run knows so far of the hosts it asked, in no order.
func (w *Job) Hosts(ctx context.Context) iter.Seq2[*store.Host, error] {
	return func(yield func(*store.Host, error) bool) {
		hosts, err := hostsOf(w.Frontier, w.store.ID)
		switch {
		case gone(err):
			w.Store.Hosts(ctx, w.store.ID)(yield)
			return
		case err != nil:
			yield(nil, err)
			return
		}
		for i := range hosts {
			if !yield(&hosts[i], nil) {
				return
			}
		}
	}
}

// Queues returns what the run knows of its hosts, and what each has to be asked
// for, in no order. The queue is locked meanwhile.
func (w *Job) Queues() ([]frontier.Host, error) { return w.Frontier.Hosts(w.name) }

// hostsOf returns what the frontier knows of the hosts that a run asked.
func hostsOf(f frontier.Frontier, id store.RunID) ([]store.Host, error) {
	hosts, err := f.Hosts(Name(id))
	rows := make([]store.Host, 0, len(hosts))
	for _, h := range hosts {
		if h.Asked.IsZero() {
			continue // only named by links
		}
		rows = append(rows, store.Host{
			Origin: h.Origin, Run: id, Done: h.Done, Delay: h.Delay, CrawlDelay: h.CrawlDelay, Latency: h.Latency,
			PushBacks: h.PushBacks, Fails: h.Fails, GivenUp: string(h.GivenUp), Asked: h.Asked, RestUntil: h.RestUntil, External: h.Foreign,
		})
	}
	return rows, err
}
