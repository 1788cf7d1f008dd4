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
	checkTries  = 3 // HEAD, GET, and a GET after a passing fault
	checkRank   = 1 // before the pages of its host: what limits those does not limit it
	forExternal = "external"
)

// No host that the run is not about may hold it up for long. It is given up if it
// fails so often in a row, or wants a rest that is longer; and when so much time has been
// spent on it, pauses between requests included, the rest stays unverified.
const (
	foreignFails    = 3
	foreignPatience = time.Minute
	foreignTime     = 10 * time.Minute
	leastPause      = 500 * time.Millisecond // that a check counts with, beside its exchange
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
	u, err := weburl.Parse(origin + "/")
	return s.External && err == nil && !s.scope.names(u)
}

func isCheck(p *store.Page) bool { return p.Kind == store.KindChecked || p.Kind == store.KindExternal }

// visitCheck is visit for a URL that is asked about alone.
func (w *Job) visitCheck(ctx context.Context, l frontier.Lease, at *place) error {
	barred, page, ended, err := w.mayCheck(ctx, &l)
	if ended || err != nil {
		return err
	}
	if page != nil { // robots.txt has told what comes of it
		return w.concludeCheck(ctx, l, page)
	}
	if page, err = w.checked(ctx, l); err != nil {
		return err
	}
	if page == nil {
		resp, failed := w.ask(ctx, fetcher.Request{URL: l.Address(), Head: l.Try == 1, MaxBody: checkBody, Accept: "*/*"})
		if ctx.Err() != nil {
			return nil
		}
		ctx = context.WithoutCancel(ctx)
		page = w.newPage(l, resp, failed)
		page.Barred = barred
		setHead(page, l, resp)
		w.Frontier.Release(l, w.spec.answer(l, page, resp))
		w.spend(l.URL.Origin(), page.Took)
		if resp != nil {
			resp.Free()
		}
		if err := at.land(ctx, nil); err != nil {
			return err
		}
		if err := w.Store.Put(ctx, page, nil, nil); err != nil {
			return err
		}
		w.note(page)
	} else {
		w.remind(l, page)
	}
	return w.Frontier.Done(context.WithoutCancel(ctx), l, w.spec.outcome(l, page, nil, time.Now()))
}

// checked returns what a lease brought before a crash, or nil.
func (w *Job) checked(ctx context.Context, l frontier.Lease) (*store.Page, error) {
	page, err := w.Store.Page(ctx, w.store.ID, l.URL)
	if errors.Is(err, store.ErrNotFound) || err == nil && (!isCheck(page) || int(page.Try) != l.Try) {
		return nil, nil
	}
	return page, err
}

// setHead says of a page what the head of an answer tells of a body that was not
// read.
func setHead(p *store.Page, l frontier.Lease, r *fetcher.Response) {
	p.Head, p.Depth = l.Try == 1, frontier.NoDepth
	if r == nil {
		return
	}
	if p.Fault == FaultIncomplete { // it was not to be read
		p.Fault, p.FaultText, p.Passing = "", "", false
	}
	whole := !p.Head && p.Truncated == ""
	p.Truncated, p.Damaged = "", ""
	if n, err := strconv.ParseInt(r.Header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		p.Size = n
	} else if !whole {
		p.Size = 0
	}
	p.MIME = parse.MediaType(r.Header)
}

// mayCheck is refuse for a check. What the robots.txt of a foreign host says by its
// absence is told as page: where there is no host, there is no page either.
func (w *Job) mayCheck(ctx context.Context, l *frontier.Lease) (barred string, page *store.Page, ended bool, err error) {
	skip := func(why frontier.Reason, rule string) (string, *store.Page, bool, error) {
		return "", nil, true, w.Frontier.Done(ctx, *l, frontier.Outcome{End: frontier.Skipped, Reason: why, Rule: rule})
	}
	origin := l.URL.Origin()
	if rule := firstMatch(w.spec.excludes(), l.URL); rule != "" && l.Try == 1 {
		return skip(ReasonExcluded, rule)
	}
	if w.spec.foreign(origin) {
		switch rec, err := w.unreachableRobots(ctx, origin); {
		case err != nil:
			return "", nil, false, err
		case rec != nil && rec.Fault != "":
			page := w.newPage(*l, nil, &fetcher.Fault{Kind: fetcher.Kind(rec.Fault), Sentence: rec.FaultText, Temporary: rec.Passing})
			page.Depth = frontier.NoDepth
			return "", page, false, nil
		case rec != nil:
			return skip(ReasonUnverified, robotsTrouble(rec))
		case w.spentAll(origin):
			return skip(ReasonUnverified, fmt.Sprintf("%v were spent on its host", foreignTime))
		}
	}
	rule, forbidden, err := w.forbids(ctx, l)
	switch {
	case err != nil || !forbidden:
		return "", nil, false, err
	case w.spec.Robots == "report":
		return rule, nil, false, nil
	case l.For == forExternal:
		return skip(ReasonUnverified, "robots.txt "+rule)
	}
	return skip(ReasonRobots, rule)
}

// concludeCheck ends a check for which nothing was asked.
func (w *Job) concludeCheck(ctx context.Context, l frontier.Lease, page *store.Page) error {
	w.Frontier.Release(l, frontier.Answer{}) // nothing was asked
	ctx = context.WithoutCancel(ctx)
	if err := w.Store.Put(ctx, page, nil, nil); err != nil {
		return err
	}
	w.note(page)
	return w.Frontier.Done(ctx, l, frontier.Outcome{})
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
func (w *Job) foreignRobotsUnreachable(l frontier.Lease, rec *store.Robots, wait time.Duration, o frontier.Outcome) frontier.Outcome {
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

// spend counts the time that a check took.
func (w *Job) spend(origin string, took time.Duration) {
	if !w.spec.foreign(origin) {
		return
	}
	pause := leastPause
	if f := w.rules.get(origin); f != nil {
		if d, ok := f.CrawlDelay(w.spec.Agent); ok && w.spec.Robots == "obey" {
			pause = max(pause, d)
		}
	}
	if rate := w.wish(origin).Rate; rate > 0 {
		pause = max(pause, time.Duration(float64(time.Second)/rate))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spent[origin] += took + pause
}

func (w *Job) spentAll(origin string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.spent[origin] >= foreignTime
}

// checkOutcome is outcome for a check.
func (s *Spec) checkOutcome(l frontier.Lease, p *store.Page, now time.Time) frontier.Outcome {
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
func (s *Spec) checkAgain(l frontier.Lease, p *store.Page, now time.Time) (time.Time, bool) {
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
func (s *Spec) giveUpCheck(l frontier.Lease, p *store.Page) frontier.Reason {
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
func (s *Spec) checkHop(l frontier.Lease, p *store.Page) []frontier.Link {
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
