package crawler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/parse"
	"crawl/internal/weburl"
	"crawl/store"
)

// A check asks whether a URL is there, and reads nothing: by HEAD, and where the
// answer to that is doubtful, or none, by a GET that is cut off after checkBody
// bytes. So it ends after three requests at most, and redirects.
const (
	checkBody   = 16 << 10
	checkTries  = 3       // HEAD, GET, and a GET after a passing fault
	mostSize    = 1 << 40 // bytes that a server may say a body has: sums of more do not fit
	checkRank   = 1       // before the pages of its host: what limits those does not limit it
	forExternal = "external"
)

// No host that the run is not about may hold it up for long. It is given up if it
// fails so often in a row, or wants a rest or pauses that are longer; and when so much
// time has been spent on it, pauses and rests included, what is left stays unverified.
const (
	foreignFails    = 3
	foreignPatience = time.Minute
	foreignTime     = 10 * time.Minute
	foreignRate     = 8 // requests a second: where the user wants more, the pace adapts
)

// toCheck makes of a link one that is asked about alone.
func (s *Spec) toCheck(f *frontier.Link, what string) {
	f.Kind, f.For, f.Depth, f.Rank = frontier.Check, what, frontier.NoDepth, checkRank
}

// external has a link be checked that is refused for the scope alone, if the run
// checks such. Exclude patterns hold for it too.
func (s *Spec) external(f *frontier.Link) {
	if !s.External || f.Refused != ReasonScope || f.Kind != frontier.Page {
		return
	}
	f.Refused, f.Rule, f.Shape = "", "", ""
	s.toCheck(f, forExternal)
	switch rule := firstMatch(s.excludes(), f.URL); {
	case f.URL.BadPort():
		f.Refused, f.Rule = ReasonPort, f.URL.Port()
	case rule != "":
		f.Refused, f.Rule = ReasonExcluded, rule
	}
}

// foreign tells an origin that the run is not about, and asks for the links to
// it alone.
func (s *Spec) foreign(origin string) bool {
	if !s.External {
		return false
	}
	u, err := weburl.Parse(origin + "/")
	return err == nil && !s.scope.names(u)
}

// visitCheck is visit for a URL that is asked about alone.
func (w *Job) visitCheck(ctx context.Context, l *frontier.Lease, at *place) error {
	last, err := w.checked(ctx, l)
	if err != nil {
		return err
	}
	if last != nil && int(last.Try) == l.Try { // a crash came between put and done
		w.remind(l, last)
		return w.Frontier.Done(ctx, *l, w.spec.outcome(l, last, nil, time.Now()))
	}
	v, err := w.mayCheck(ctx, l)
	switch {
	case err != nil:
		return err
	case v.why != "" && last != nil: // what it said before is all that is known of it
		return w.Frontier.Done(ctx, *l, frontier.Outcome{})
	case v.why != "":
		return w.skip(ctx, l, v.why, v.rule)
	case v.page != nil:
		w.release(l, frontier.Answer{}) // nothing was asked
		return w.concludeCheck(context.WithoutCancel(ctx), l, v.page, frontier.Outcome{})
	}
	began := time.Now()
	resp, failed := w.ask(ctx, fetcher.Request{URL: l.Address(), Head: l.Try == 1, MaxBody: checkBody, Accept: "*/*"})
	if ctx.Err() != nil {
		return nil
	}
	page := w.newPage(l, resp, failed)
	page.Barred = v.rule
	setHead(page, l, resp)
	answer := w.spec.answer(l, page, resp)
	w.release(l, answer)
	w.spend(l.URL.Origin(), time.Since(began)+max(l.Pause, answer.Rest))
	if resp != nil {
		resp.Free()
	}
	ctx = context.WithoutCancel(ctx)
	if err := at.land(ctx, nil); err != nil {
		return err
	}
	return w.concludeCheck(ctx, l, page, w.spec.outcome(l, page, nil, time.Now()))
}

// checked returns what a check brought in this run before: at an earlier try, or
// before a crash. It is nil if there is nothing.
func (w *Job) checked(ctx context.Context, l *frontier.Lease) (*store.Page, error) {
	page, err := w.Store.Page(ctx, w.store.ID, l.URL)
	if errors.Is(err, store.ErrNotFound) || err == nil && !page.IsCheck() {
		return nil, nil
	}
	return page, err
}

// concludeCheck stores what a check brought, and ends its lease.
func (w *Job) concludeCheck(ctx context.Context, l *frontier.Lease, page *store.Page, o frontier.Outcome) error {
	if err := w.Store.Put(ctx, page, nil, nil); err != nil {
		return err
	}
	w.note(page)
	return w.Frontier.Done(ctx, *l, o)
}

// setHead says of a page what the head of an answer tells of a body that was not
// read.
func setHead(p *store.Page, l *frontier.Lease, r *fetcher.Response) {
	p.Head, p.Depth = l.Try == 1, frontier.NoDepth
	if r == nil {
		return
	}
	if p.Fault == FaultIncomplete { // it was not to be read
		p.Fault, p.FaultText, p.Passing = "", "", false
	}
	if p.Head || p.Truncated != "" || p.Damaged != "" {
		p.Size = saidSize(r.Header)
	}
	p.Truncated, p.Damaged = "", ""
	p.MIME = parse.MediaType(r.Header)
}

// saidSize is how large a body is as its server says; 0 if it does not, or says
// what cannot be.
func saidSize(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 || n > mostSize {
		return 0
	}
	return n
}

// verdict is what is known of a check before anything is asked: why it is not to
// be, or a page that needs no asking. With neither, rule is one of robots.txt that
// the run ignores and reports.
type verdict struct {
	why  frontier.Reason
	rule string
	page *store.Page
}

// mayCheck is refuse for a check. What the robots.txt of a foreign host says by its
// absence is told as a page: where there is no host, there is no page either.
func (w *Job) mayCheck(ctx context.Context, l *frontier.Lease) (v verdict, err error) {
	if rule := firstMatch(w.spec.excludes(), l.URL); rule != "" && l.Try == 1 {
		return verdict{why: ReasonExcluded, rule: rule}, nil
	}
	if origin := l.URL.Origin(); w.spec.foreign(origin) {
		rec, err := w.unreachableRobots(ctx, origin)
		switch {
		case err != nil:
			return v, err
		case rec != nil && rec.Fault != "":
			page := w.newPage(l, nil, &fetcher.Fault{Kind: fetcher.Kind(rec.Fault), Sentence: rec.FaultText, Temporary: rec.Passing})
			page.Depth = frontier.NoDepth
			return verdict{page: page}, nil
		case rec != nil:
			return verdict{why: ReasonUnverified, rule: robotsTrouble(rec)}, nil
		case w.spentAll(origin):
			return verdict{why: ReasonUnverified, rule: fmt.Sprintf("%v were spent on its host", foreignTime)}, nil
		}
	}
	rule, forbidden, err := w.forbids(ctx, l)
	switch {
	case err != nil || !forbidden:
		return v, err
	case w.spec.Robots == "report":
		return verdict{rule: rule}, nil
	case l.For == forExternal:
		return verdict{why: ReasonUnverified, rule: "robots.txt " + rule}, nil
	}
	return verdict{why: ReasonRobots, rule: rule}, nil
}

// unreachableRobots returns the robots.txt of an origin if it was asked for in
// vain, else nil.
func (w *Job) unreachableRobots(ctx context.Context, origin string) (*store.Robots, error) {
	if !w.spec.obeys() || w.rules.get(origin) != nil {
		return nil, nil
	}
	rec, err := w.Store.Robots(ctx, w.store.ID, origin)
	if errors.Is(err, store.ErrNotFound) || err == nil && !unreachable(rec) {
		return nil, nil
	}
	return rec, err
}

// foreignRobotsUnreachable is robotsUnreachable for an origin that the run is not
// about: it is soon given up, and what is unreachable says what comes of the
// links. o has it asked again, after a wait.
func (w *Job) foreignRobotsUnreachable(l *frontier.Lease, rec *store.Robots, wait time.Duration, o frontier.Outcome) frontier.Outcome {
	pushed := isPushBack(rec.Status)
	passing := rec.Fault == "" || passing(robotsPage(rec))
	switch {
	case passing && l.Fails+1 < foreignFails-1 && w.spec.Retry > 0 && wait <= foreignPatience:
	case rec.Fault == string(fetcher.RefusedAddress):
		o.GiveUp = ReasonPrivate
	case pushed:
		o.GiveUp = ReasonPushedBack
	default:
		o.Rules = &frontier.Rules{}
	}
	return o
}

// spend counts the time that a check took of its host, and keeps it from the next.
func (w *Job) spend(origin string, took time.Duration) {
	if !w.spec.foreign(origin) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spent[origin] += took
}

func (w *Job) spentAll(origin string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.spent[origin] >= foreignTime
}

// checkOutcome is outcome for a check.
func (s *Spec) checkOutcome(l *frontier.Lease, p *store.Page, now time.Time) frontier.Outcome {
	if to, ok := s.respelt(l, p); ok && p.Fault == "" {
		return frontier.Outcome{Again: now, Ask: to}
	}
	if p.Redirect != "" && p.Fault == "" {
		return frontier.Outcome{Links: s.checkHop(l, p)}
	}
	o := frontier.Outcome{GiveUp: s.giveUpCheck(l, p)}
	if at, ok := s.checkAgain(l, p, now); ok && o.GiveUp == "" {
		o.Again = at
	}
	return o
}

// checkAgain says when to ask again: with GET what HEAD has left in doubt, and
// once more what may pass.
func (s *Spec) checkAgain(l *frontier.Lease, p *store.Page, now time.Time) (time.Time, bool) {
	pushed := isPushBack(p.Status)
	failed := p.Fault != "" || pushed || p.Status/100 == 5
	switch try := l.Try - l.Respelled; {
	case p.Fault == "" && p.Status < http.StatusBadRequest, p.Fault != "" && !passing(p):
		return now, false
	case !p.Head && (!failed || s.Retry == 0), try >= checkTries:
		return now, false
	case pushed:
		return now.Add(s.rest(l, p)), true
	case failed:
		return now.Add(spread(backoff(try), l.URL, try)), true
	}
	return now, true
}

// giveUpCheck is giveUp for a check: of a host that the run is not about less is
// put up with.
func (s *Spec) giveUpCheck(l *frontier.Lease, p *store.Page) frontier.Reason {
	if !s.foreign(l.URL.Origin()) {
		return s.giveUp(l, p)
	}
	kind := fetcher.Kind(p.Fault)
	fails := l.Fails+1 >= foreignFails
	switch {
	case isPushBack(p.Status) && (fails || s.rest(l, p) > foreignPatience):
		return ReasonPushedBack
	case kind == "" || kind == fetcher.Local || kind == fetcher.Proxy || kind == fetcher.RefusedAddress || answered(kind):
		return ""
	case fails:
		return ReasonUnreachable
	}
	return ""
}

// checkHop makes the link that the redirect of a check is: another check,
// wherever it leads.
func (s *Spec) checkHop(l *frontier.Lease, p *store.Page) []frontier.Link {
	u, err := weburl.Parse(p.Redirect)
	if err != nil {
		return nil
	}
	depth := 0
	if s.Scope == ScopeList || s.Scope == ScopePage { // what a link of theirs leads to is out of it
		depth = 1
	}
	next := s.link(u, l.URL, depth)
	next.Hops = l.Hops + 1
	switch s.external(&next); {
	case next.Refused == "" && next.Hops > s.MaxRedirects:
		next.Refused = ReasonRedirects
	case next.Refused == "":
		s.toCheck(&next, next.For)
	}
	return []frontier.Link{next}
}
