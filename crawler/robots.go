package crawler

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/robots"
	"crawl/internal/weburl"
	"crawl/store"
)

// defaultRules is Spec.RulesBytes where that is not set.
const defaultRules = 32 << 20

// ruleCache holds parsed robots.txt files by origin. Whatever it forgets is in
// the store. Reading takes no lock.
type ruleCache struct {
	most int // bytes

	files sync.Map // origin to *sizedRules

	mu   sync.Mutex // guards size, and is held while files are put
	size int
}

type sizedRules struct {
	*robots.File
	size int // estimate, in bytes
}

func newRuleCache(most int) *ruleCache { return &ruleCache{most: cmp.Or(most, defaultRules)} }

func (c *ruleCache) get(origin string) *robots.File {
	if rules, ok := c.files.Load(origin); ok {
		return rules.(*sizedRules).File
	}
	return nil
}

// put remembers what was made of a text; others give way, any ones.
func (c *ruleCache) put(origin string, f *robots.File, text []byte) {
	rules := &sizedRules{f, sizeOfRules(text)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(origin)
	c.files.Range(func(other, _ any) bool {
		if c.size+rules.size <= c.most {
			return false
		}
		c.drop(other.(string))
		return true
	})
	c.files.Store(origin, rules)
	c.size += rules.size
}

func (c *ruleCache) drop(origin string) {
	if rules, ok := c.files.LoadAndDelete(origin); ok {
		c.size -= rules.(*sizedRules).size
	}
}

// sizeOfRules is about what a parsed robots.txt takes: its lines are short, and
// each is kept in two readings.
func sizeOfRules(text []byte) int {
	return 1<<10 + 3*len(text) + 256*bytes.Count(text, []byte("\n"))
}

// robots holds a leased URL against its origin's robots.txt. A disallowed URL
// is ended here, refused true, or named barred where the run only reports. Of a
// URL that is linked in a spelling which alone is disallowed, as sites do with the
// parameters that follow visitors, the plain one is asked for.
func (w *Job) robots(ctx context.Context, l *frontier.Lease) (barred string, refused bool, err error) {
	rule, forbidden, err := w.forbids(ctx, l)
	if err != nil || !forbidden || w.spec.Robots == "report" {
		return rule, false, err
	}
	return "", true, w.skip(ctx, l, ReasonRobots, rule)
}

// forbids tells whether robots.txt disallows what a lease asks for, and by which
// rule.
func (w *Job) forbids(ctx context.Context, l *frontier.Lease) (rule string, forbidden bool, err error) {
	if !w.spec.obeys() {
		return "", false, nil
	}
	file, err := w.fileOf(ctx, l.URL.Origin())
	if err != nil {
		return "", false, err
	}
	v := file.Test(w.spec.Agent, l.Address().RequestURI())
	if !v.Allowed && !l.Ask.IsZero() && l.Respelled == 0 && file.Test(w.spec.Agent, l.URL.RequestURI()).Allowed {
		l.Ask = weburl.URL{}
		return "", false, nil
	}
	if v.Allowed {
		return "", false, nil
	}
	return fmt.Sprintf("line %d %s", v.Line, v.Rule), true, nil
}

func (w *Job) fileOf(ctx context.Context, origin string) (*robots.File, error) {
	if f := w.rules.get(origin); f != nil {
		return f, nil
	}
	rec, err := w.Store.Robots(ctx, w.store.ID, origin)
	if errors.Is(err, store.ErrNotFound) {
		return robots.DisallowAll(), nil // the frontier hands out nothing of an origin before its rules
	}
	if err != nil {
		return nil, err
	}
	f := w.parseRobots(rec)
	w.rules.put(origin, f, rec.Text)
	return f, nil
}

func (w *Job) parseRobots(rec *store.Robots) *robots.File { return RobotsRules(rec, w.spec.MaxRobots) }

// visitRobots asks for the robots.txt of an origin, or for the next hop of its
// redirects.
func (w *Job) visitRobots(ctx context.Context, l *frontier.Lease) error {
	rec, err := w.Store.Robots(ctx, w.store.ID, l.For)
	known := err == nil && rec.URL == l.URL.String() && int(rec.Try) == l.Try && rec.Until.After(time.Now())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return w.unless(ctx, err)
	}
	if !known { // else a crash came between put and done
		resp, failed := w.ask(ctx, RobotsRequest(l.URL, w.spec.MaxRobots))
		if ctx.Err() != nil {
			return nil
		}
		var x *store.Exchange
		rec, x = w.newRobots(l, resp, failed)
		w.release(l, w.spec.robotsAnswer(l, rec, resp))
		if err := w.Store.PutRobots(ctx, rec, x); err != nil {
			return w.unless(ctx, err)
		}
	}
	o := w.robotsOutcome(l, rec, time.Now())
	if o.Rules != nil && !o.Rules.Pending && !o.Rules.Unknown && !unreachable(rec) {
		w.rules.put(l.For, w.parseRobots(rec), rec.Text)
	}
	return w.unless(ctx, w.Frontier.Done(ctx, *l, o))
}

func (w *Job) newRobots(l *frontier.Lease, resp *fetcher.Response, failed error) (*store.Robots, *store.Exchange) {
	rec := ReadRobots(l.URL, l.Hops, resp, failed)
	rec.Origin, rec.Run, rec.Try = l.For, w.store.ID, uint16(l.Try)
	if !unreachable(rec) {
		rec.Until = rec.Fetched.Add(robotsHold)
	}
	if failed != nil {
		return rec, nil
	}
	return rec, w.exchange(resp)
}

// robotsAnswer is the answer of a robots.txt for its host's clock: one that is
// unreachable keeps everything else waiting, so it counts as a failure.
func (s *Spec) robotsAnswer(l *frontier.Lease, r *store.Robots, resp *fetcher.Response) frontier.Answer {
	a := s.answer(l, robotsPage(r), resp)
	if unreachable(r) && a.Conduct != frontier.PushBack {
		a.Conduct = frontier.Failing
	}
	return a
}

// robotsPage shows a robots.txt to the rules that judge a page's answer.
func robotsPage(r *store.Robots) *store.Page {
	return &store.Page{Status: r.Status, Fault: r.Fault, Passing: r.Passing, HasAfter: r.HasAfter, After: r.After}
}

// robotsOutcome says what a robots.txt means (RFC 9309, 2.3.1): rules, no
// rules for a 4xx, another hop, or nothing yet for a 5xx or no answer.
func (w *Job) robotsOutcome(l *frontier.Lease, rec *store.Robots, now time.Time) frontier.Outcome {
	s := w.spec
	if u, err := weburl.Parse(rec.Hop); rec.Hop != "" && err == nil {
		hop := frontier.Link{URL: u, From: l.URL, Depth: frontier.NoDepth, Hops: l.Hops + 1, Kind: frontier.Robots, For: l.For}
		return frontier.Outcome{Links: []frontier.Link{hop}, Rules: &frontier.Rules{Pending: true}}
	}
	if unreachable(rec) {
		return w.robotsUnreachable(l, rec, now)
	}
	file := w.parseRobots(rec)
	o := frontier.Outcome{Rules: &frontier.Rules{Until: rec.Until}, Links: s.sitemapsOf(l.For, l.URL, file)}
	if d, ok := file.CrawlDelay(s.Agent); ok && s.Robots == "obey" {
		o.Rules.Delay = d
		if d > foreignPatience && s.foreign(l.For) {
			o.GiveUp = ReasonPushedBack
		}
	}
	return o
}

func (w *Job) robotsUnreachable(l *frontier.Lease, rec *store.Robots, now time.Time) frontier.Outcome {
	wait := spread(backoff(l.Fails+1), l.URL, l.Fails)
	if isPushBack(rec.Status) {
		wait = w.spec.rest(l, robotsPage(rec))
	}
	o := frontier.Outcome{Rules: &frontier.Rules{Unknown: true, Until: now.Add(wait)}}
	if w.spec.foreign(l.For) {
		return w.foreignRobotsUnreachable(l, rec, wait, o)
	}
	tries := robotsTries
	if isPushBack(rec.Status) || rec.Fault == string(fetcher.Local) { // neither says that it will not answer
		tries = maxPushBacks
	}
	passing := rec.Fault == "" || passing(robotsPage(rec))
	switch {
	case passing && l.Fails+1 < tries && w.spec.Retry > 0:
	case rec.Fault == string(fetcher.RefusedAddress):
		o.GiveUp = ReasonPrivate
	case rec.Fault != "":
		o.GiveUp = ReasonUnreachable
	default:
		o.GiveUp = ReasonRobotsUnreachable
	}
	if o.GiveUp != "" {
		w.tell(Event{Notice: fmt.Sprintf("%s: %s; given up", l.For, robotsTrouble(rec))})
	}
	return o
}

// manners are what the user asks for, and what earlier runs learnt: a rest
// that is not over, and the time a host was last asked.
func (w *Job) manners(origin string) frontier.Manners {
	m := w.wish(origin)
	m.NoRobots, m.Foreign = !w.spec.obeys(), w.spec.foreign(origin)
	if m.Foreign { // what the user lets his own site bear is not for others
		m.PerHost = 1
		if m.Rate > foreignRate {
			m.Rate = 0
		}
	}
	h, err := w.Store.Host(context.Background(), origin)
	if err != nil { // never asked, or the next write will tell of a sick store
		return m
	}
	m.NotBefore = h.RestUntil
	if next := h.Asked.Add(h.Delay); next.After(m.NotBefore) {
		m.NotBefore = next
	}
	if limit := time.Now().Add(frontier.MaxRest); m.NotBefore.After(limit) {
		m.NotBefore = limit
	}
	if m.Foreign && time.Until(m.NotBefore) > foreignPatience {
		m.GivenUp = ReasonPushedBack // it wanted a rest, and has it
	}
	return m
}
