package crawler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/weburl"
	"crawl/store"
)

// visit takes one URL from lease to done, and leaves its place at, for a room
// before the disk, once its page has been read. An error means that the crawl
// cannot go on; whatever the web did wrong is in the page.
func (w *Job) visit(ctx context.Context, l *frontier.Lease, at *place) error {
	if l.Kind == frontier.Robots {
		return w.visitRobots(ctx, l)
	}
	if l.Kind == frontier.Check {
		return w.unless(ctx, w.visitCheck(ctx, l, at))
	}
	barred, refused, err := w.refuse(ctx, l)
	if refused || err != nil {
		return w.unless(ctx, err)
	}
	last, good, err := w.Store.Latest(ctx, l.URL)
	if err != nil {
		return w.unless(ctx, err)
	}
	page, all, err := w.already(ctx, l, last)
	links := linked{all: all}
	switch {
	case err != nil:
	case page == nil && w.spec.leftOut(l) != "":
		return w.unless(ctx, w.skip(ctx, l, ReasonExcluded, w.spec.leftOut(l)))
	case page == nil:
		page, links, err = w.fetch(ctx, l, last, good, barred, at)
	case l.Kind != frontier.Reread:
		w.remind(l, page)
	}
	if page == nil || err != nil {
		return w.unless(ctx, err)
	}
	whole := context.WithoutCancel(ctx) // what is stored is not asked for again
	return w.unless(ctx, w.finishVisit(whole, l, page, links))
}

// finishVisit tells the frontier what came of a visit, but for links that it has
// been told of.
func (w *Job) finishVisit(ctx context.Context, l *frontier.Lease, p *store.Page, links linked) error {
	if !w.spec.leads(p) {
		return w.Frontier.Done(ctx, *l, w.spec.outcome(l, p, links.all, time.Now()))
	}
	n, err := w.news(ctx, l, p, links)
	if err == nil {
		err = w.Frontier.Done(ctx, *l, w.spec.outcome(l, p, n.links, time.Now()))
	}
	if err == nil {
		w.told.add(n)
	}
	return err
}

// news are the links of a stored visit that the frontier may not know.
func (w *Job) news(ctx context.Context, l *frontier.Lease, p *store.Page, links linked) (news, error) {
	switch {
	case links.news == nil:
		return w.told.pick(links.all, below(l)), nil
	case w.told.holds(links.news):
		return *links.news, nil
	}
	all, err := w.Store.Links(ctx, p)
	return w.told.pick(all, below(l)), err
}

// fetch asks for a URL, unless an earlier visit is kept, and stores what comes of it; last and good are what the
// store has of it. No page and no error: it was cut short, the lease lapses and
// the URL is fetched again.
func (w *Job) fetch(ctx context.Context, l *frontier.Lease, last, good *store.Page, barred string, at *place) (*store.Page, linked, error) {
	known := w.known(l, last, good)
	if w.keeps(l, last, known) {
		if page, links := w.stand(ctx, l, known); page != nil {
			page.Barred = barred
			w.release(l, frontier.Answer{}) // its host was not asked
			return w.put(ctx, page, linked{all: links}, nil, nil, at)
		}
	}
	resp, fault := w.askFor(ctx, l, known)
	if ctx.Err() != nil {
		return nil, linked{}, nil
	}
	ctx = context.WithoutCancel(ctx) // what has arrived is kept, whatever ends now
	page := w.newPage(l, resp, fault)
	page.Barred = barred
	w.answered(l, page, resp) // the host's part is over: what follows is ours
	at.mayRead()
	links, body := w.take(ctx, l, page, resp, known)
	if err := w.widen(ctx, l, page); err != nil {
		return nil, linked{}, err
	}
	return w.put(ctx, page, links, body, resp, at)
}

// put stores a visit that resp, or nothing, was the answer to: durable before
// forgotten. No page and no error: what it stands for was removed meanwhile; the
// lease lapses, and the next try asks for it whole.
func (w *Job) put(ctx context.Context, p *store.Page, links linked, body *store.Exchange, resp *fetcher.Response, at *place) (*store.Page, linked, error) {
	if err := at.land(ctx, resp); err != nil {
		return nil, links, err
	}
	err := w.Store.Put(ctx, p, links.all, body)
	if errors.Is(err, store.ErrNoContent) {
		w.Log.Info("an earlier visit was removed while it was needed", "url", p.URL.String())
		return nil, links, nil
	}
	if err != nil {
		return nil, links, err
	}
	w.note(p)
	return p, links, nil
}

// refuse ends the lease of a URL that is not to be fetched after all: what is
// said in robots.txt, and how many sitemaps there are, is known only now.
// barred is the rule of robots.txt that a run ignores and reports.
func (w *Job) refuse(ctx context.Context, l *frontier.Lease) (barred string, refused bool, err error) {
	if l.Kind == frontier.Reread {
		return "", false, nil
	}
	if l.Kind == frontier.Sitemap && l.Try == 1 && w.tooManySitemaps(l.For) {
		return "", true, w.skip(ctx, l, ReasonSitemaps, w.spec.tooMany(l.For))
	}
	return w.robots(ctx, l)
}

// What follows is called where a visit waits deeper in its stack later, as thousands
// do, and hands over large values: in frames of its own, which are gone by then.

// askFor asks for the URL of a lease, see request.
//
//go:noinline
func (w *Job) askFor(ctx context.Context, l *frontier.Lease, known *store.Page) (*fetcher.Response, error) {
	return w.ask(ctx, request(l, known, w.spec))
}

// skip ends the lease of a URL that is not to be fetched.
//
//go:noinline
func (w *Job) skip(ctx context.Context, l *frontier.Lease, why frontier.Reason, rule string) error {
	return w.Frontier.Done(ctx, *l, frontier.Outcome{End: frontier.Skipped, Reason: why, Rule: rule})
}

// answered tells the clock of a host what it answered.
//
//go:noinline
func (w *Job) answered(l *frontier.Lease, p *store.Page, resp *fetcher.Response) {
	w.release(l, w.spec.answer(l, p, resp))
}

// release tells the clock of a host how it behaved.
//
//go:noinline
func (w *Job) release(l *frontier.Lease, a frontier.Answer) { w.Frontier.Release(*l, a) }

func (w *Job) tooManySitemaps(origin string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sitemaps[origin]++
	return w.spec.MaxSitemaps > 0 && w.sitemaps[origin] > w.spec.MaxSitemaps
}

// unless drops an error that comes of being stopped, or of a lease that lapsed
// meanwhile: somebody else has the URL.
func (w *Job) unless(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, frontier.ErrStale) {
		return nil
	}
	return err
}

// already returns what this run stored for the URL before: a crash came
// between put and done, or only its depth changed. last is its last visit.
func (w *Job) already(ctx context.Context, l *frontier.Lease, last *store.Page) (page *store.Page, _ []store.Link, err error) {
	switch {
	case last == nil:
		err = store.ErrNotFound
	case last.Run == w.store.ID:
		page = last
	case w.start.Sessions == 1 && l.Kind != frontier.Reread: // nothing came between put and done, and the URL is new to the run
		err = store.ErrNotFound
	default: // another run may have asked since
		page, err = w.Store.Page(ctx, w.store.ID, l.URL)
	}
	switch {
	case l.Kind == frontier.Reread && err != nil:
		return nil, nil, fmt.Errorf("crawler: read %s again: %w", l.URL, err)
	case errors.Is(err, store.ErrNotFound):
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	case l.Kind != frontier.Reread && (int(page.Try) != l.Try || page.Cached && outdated(l, page) || page.IsCheck() != (l.Kind == frontier.Check)):
		return nil, nil, nil
	}
	links, err := w.Store.Links(ctx, page)
	if err != nil || l.Depth == page.Depth {
		return page, links, err
	}
	page.Depth, page.Hops, page.From = l.Depth, l.Hops, l.From.String()
	return page, links, w.Store.Move(ctx, page)
}

// remind tells the clock of its host of a page that a crash came after, if the
// host asked for less or failed then: it has forgotten.
func (w *Job) remind(l *frontier.Lease, p *store.Page) {
	a := w.spec.answer(l, p, nil)
	if a.Conduct != frontier.PushBack && a.Conduct != frontier.Failing {
		return
	}
	since := max(time.Since(p.Fetched.Add(p.Took)), 0) // the wall clock may have been set back
	a.Rest = max(a.Rest-since, 0)
	w.release(l, a)
}

// note counts a stored visit and tells of it.
func (w *Job) note(p *store.Page) {
	switch p.Kind {
	case store.KindPage, store.KindChecked:
		w.status[class(p)].Add(1)
	case store.KindExternal:
		w.external.Add(1)
	}
	if n := w.received.Add(p.Wire); w.spec.MaxBytes > 0 && w.before+n >= w.spec.MaxBytes {
		w.reach(ReasonMaxBytes)
	}
	w.tell(Event{Page: p})
}

// class is the class of an answer, 1 to 5, or 0 for no answer of any.
func class(p *store.Page) int {
	if p.Fault != "" && p.Fault != FaultRedirects || p.Status >= 600 {
		return 0
	}
	return p.Status / 100
}

func (w *Job) tell(e Event) {
	if w.Watch != nil {
		e.Run = w.store
		w.Watch(e)
	}
}

// widen takes the host that a seed redirects to into the scope.
func (w *Job) widen(ctx context.Context, l *frontier.Lease, p *store.Page) error {
	if p.Redirect == "" || l.Depth != 0 || w.spec.Scope == ScopeList { // nothing but seeds has depth 0
		return nil
	}
	u, err := weburl.Parse(p.Redirect)
	if err != nil || !w.spec.scope.add(u) {
		return nil
	}
	w.told.forget()
	w.mu.Lock()
	w.store.Widened = append(w.store.Widened, u.String())
	w.mu.Unlock()
	w.record()
	w.tell(Event{Notice: fmt.Sprintf("seed %s redirects to %s: the scope is widened to %s", l.URL, u, u.Host())})
	if !w.spec.External {
		return nil
	}
	return w.Frontier.Reconsider(ctx, w.name) // its host may have been foreign
}
