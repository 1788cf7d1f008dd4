package testweb

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"crawl/internal/robots"
)

// MaxBreaches is how many sentences Audit.Check returns; one more counts the
// rest.
const MaxBreaches = 100

// DefaultTolerance is by how much a request may come too early unless Audit
// says otherwise: the clock of the client and the arrival at the server differ
// by the way between them.
const DefaultTolerance = 20 * time.Millisecond

// Audit holds a log against the manners a crawler promised.
type Audit struct {
	// Delay is the rest between two requests to host, crawl-delay included.
	// nil: none.
	Delay func(host string) time.Duration
	// PerHost is how many requests to one host may run at once. 0: one.
	PerHost int
	// Tolerance is the jitter of arrivals. 0: DefaultTolerance; below: none.
	Tolerance time.Duration
	// Agent is the product token that robots.txt is read for (RFC 9309, 2.2.1).
	Agent string
	// MayRepeat excuses a second request for what was answered before, such
	// as one after the crawler was killed. nil: none is excused.
	MayRepeat func(Hit) bool
	// RetryCap is the longest Retry-After a crawler must obey. 0: an hour.
	RetryCap time.Duration
}

// Check returns one sentence for each breach of these rules, host by host in
// order of time:
//
//   - no more than PerHost requests run at once;
//   - each comes at least Delay after the end of the answer before it, or, if
//     PerHost is above one, after the request before it;
//   - none comes earlier than a 429 or 503 asked for;
//   - none is for what robots.txt of its host disallows (robotsOf returns its
//     text; nil or "" allows all), nor comes before robots.txt was answered;
//   - none repeats one that was answered in whole with 200 or 304;
//   - robots.txt is asked for once; again only after 429, 5xx or a broken answer.
//
// Hits may come in any order. A hit without End is one still being answered.
func (a Audit) Check(hits []Hit, robotsOf func(host string) string) []string {
	byHost := map[string][]Hit{}
	for _, h := range hits {
		byHost[h.Host] = append(byHost[h.Host], h)
	}
	names := make([]string, 0, len(byHost))
	for name := range byHost {
		names = append(names, name)
	}
	slices.Sort(names)
	var b breaches
	for _, name := range names {
		log := byHost[name]
		slices.SortStableFunc(log, func(x, y Hit) int { return x.Start.Compare(y.Start) })
		a.overlaps(&b, log)
		a.gaps(&b, log)
		a.retries(&b, log)
		a.allowed(&b, log, robotsOf)
		a.robotsFirst(&b, log)
		a.repeats(&b, log)
	}
	if b.more > 0 {
		b.list = append(b.list, fmt.Sprintf("and %d more", b.more))
	}
	return b.list
}

// breaches are the sentences found so far.
type breaches struct {
	list []string
	more int
}

func (b *breaches) add(h Hit, format string, args ...any) {
	if len(b.list) == MaxBreaches {
		b.more++
		return
	}
	b.list = append(b.list, h.Host+": "+name(h)+" "+fmt.Sprintf(format, args...))
}

func name(h Hit) string { return h.Method + " " + h.URI }

func (a Audit) tolerance() time.Duration {
	return max(0, cmp.Or(a.Tolerance, DefaultTolerance))
}

func (a Audit) perHost() int { return max(1, a.PerHost) }

func (a Audit) delay(host string) time.Duration {
	if a.Delay == nil {
		return 0
	}
	return a.Delay(host)
}

// overlaps counts, for each arrival, the requests still being answered. Only
// where the client broke off is there jitter: the server learns of it late.
func (a Audit) overlaps(b *breaches, log []Hit) {
	var open []Hit
	for _, h := range log {
		open = slices.DeleteFunc(open, func(o Hit) bool {
			end := o.End
			if o.Broken {
				end = end.Add(-a.tolerance())
			}
			return !o.End.IsZero() && !end.After(h.Start)
		})
		open = append(open, h)
		if len(open) > a.perHost() {
			b.add(h, "arrived while %s was being answered: %d at once, %d allowed",
				name(open[0]), len(open), a.perHost())
		}
	}
}

// gaps measures the rest before each request.
func (a Audit) gaps(b *breaches, log []Hit) {
	if len(log) == 0 {
		return
	}
	least := a.delay(log[0].Host)
	for i := 1; i < len(log); i++ {
		before, h := log[i-1], log[i]
		from, what := before.Start, "arrived"
		if a.perHost() == 1 {
			from, what = before.End, "was answered"
			if from.IsZero() {
				continue // an overlap, and named there
			}
		}
		if gap := h.Start.Sub(from); gap < least-a.tolerance() {
			b.add(h, "arrived %v after %s %s; the delay is %v",
				gap.Round(time.Microsecond), name(before), what, least)
		}
	}
}

// retries holds the host's own wish for a rest.
func (a Audit) retries(b *breaches, log []Hit) {
	longest := cmp.Or(a.RetryCap, time.Hour)
	for i, asked := range log {
		if asked.RetryAfter == 0 || asked.End.IsZero() {
			continue
		}
		rest := min(asked.RetryAfter, longest)
		for _, h := range log[i+1:] {
			gap := h.Start.Sub(asked.End)
			if gap >= rest-a.tolerance() {
				break // sorted: all later ones rest longer
			}
			if gap > 0 { // else it was on its way already
				b.add(h, "arrived %v after %s was answered %d with Retry-After %v",
					gap.Round(time.Microsecond), name(asked), asked.Status, asked.RetryAfter)
			}
		}
	}
}

// isRobots tells whether h asks for robots.txt, which rules never forbid.
func isRobots(h Hit) bool { return h.URI == "/robots.txt" }

// allowed finds the requests that robots.txt forbids.
func (a Audit) allowed(b *breaches, log []Hit, text func(string) string) {
	if text == nil || len(log) == 0 {
		return
	}
	rules := robots.Parse([]byte(text(log[0].Host)))
	for _, h := range log {
		if !isRobots(h) && !rules.Test(a.Agent, h.URI).Allowed {
			b.add(h, "is disallowed by robots.txt")
		}
	}
}

// robotsFirst finds the requests made before robots.txt was answered; one
// sentence a host.
func (a Audit) robotsFirst(b *breaches, log []Hit) {
	var answered time.Time
	for _, h := range log {
		if isRobots(h) && !h.End.IsZero() && (answered.IsZero() || h.End.Before(answered)) {
			answered = h.End
		}
	}
	for _, h := range log {
		if !isRobots(h) && (answered.IsZero() || h.Start.Before(answered)) {
			b.add(h, "arrived before robots.txt was answered")
			return
		}
	}
}

// repeats finds requests for what the client already had.
func (a Audit) repeats(b *breaches, log []Hit) {
	had := map[string]Hit{}
	for _, h := range log {
		key := name(h)
		if before, ok := had[key]; ok && (a.MayRepeat == nil || !a.MayRepeat(h)) {
			b.add(h, "was asked again, %v after its answer %d",
				h.Start.Sub(before.Start).Round(time.Microsecond), before.Status)
		}
		if final(h) {
			had[key] = h
		}
	}
}

// final tells whether the answer to h leaves nothing to ask for again.
func final(h Hit) bool {
	switch {
	case h.Broken || h.End.IsZero():
		return false
	case isRobots(h): // any 4xx means that all is allowed (RFC 9309, 2.3.1.3)
		return h.Status != http.StatusTooManyRequests && h.Status < 500
	default:
		return h.Status == http.StatusOK || h.Status == http.StatusNotModified
	}
}
