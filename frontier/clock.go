package frontier

import (
	"maps"
	"math"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/time/rate"
)

// Pace of a host whose rate adapts, in requests a second, and how it moves:
// up by a step for each good answer, down by a factor when the host suffers
// (additive increase, multiplicative decrease).
const (
	startRate   = 2.0
	topRate     = 8.0
	leastRate   = 0.05 // one request in 20 seconds
	rateStep    = 0.25
	pushedBack  = 0.5
	slowedDown  = 0.8
	fastAnswer  = time.Second            // a slower one does not raise the rate
	slowAnswer  = 500 * time.Millisecond // a faster one is never slow
	addressPart = 4                      // hosts at one address share at most this many hosts' rates
)

// MaxRest is the longest rest, crawl-delay and wait for another try that is
// honoured: neither a site nor a wall clock that was set back can silence a
// host for longer.
const MaxRest = 24 * time.Hour

// Bounds on what is remembered of hosts that no open run knows.
const (
	maxClocks    = 1 << 16
	maxAddresses = 1 << 16
)

// clock is the pace of one host. All runs of the process share it. It is
// guarded by Bolt.mu.
type clock struct {
	lim       *rate.Limiter // burst 1; drained when the delay began
	rate      float64       // requests a second now; +Inf waits never
	start     float64       // what rate begins at
	top       float64       // never faster than this
	perHost   int
	inFlight  int
	began     time.Time // the delay counts from then
	asked     time.Time // when the last request went out
	turn      uint64    // how many exchanges have begun
	restUntil time.Time
	crawlWait time.Duration // crawl-delay of robots.txt
	latency   time.Duration // moving mean of the time to the head of an answer
	addr      netip.Addr
	users     []*host // hosts of the open runs that go by this clock
}

// join makes h go by the clock.
func (c *clock) join(h *host) {
	c.users = append(c.users, h)
	c.restUntil = latest(c.restUntil, h.manners.NotBefore)
	c.obey()
}

// drop ends h's use of the clock.
func (c *clock) drop(h *host) {
	c.users = slices.DeleteFunc(c.users, func(u *host) bool { return u == h })
	c.obey()
}

// obey takes over the strictest manners of the runs that share the clock.
// Without any the last ones stay.
func (c *clock) obey() {
	if len(c.users) == 0 {
		return
	}
	perHost, start, top := math.MaxInt, math.Inf(1), math.Inf(1)
	for _, h := range c.users {
		perHost = min(perHost, max(h.manners.PerHost, 1))
		if r := h.manners.Rate; r > 0 {
			start, top = min(start, r), min(top, r)
		} else {
			start, top = min(start, startRate), min(top, topRate)
		}
	}
	c.perHost = perHost
	if start != c.start || top != c.top {
		suffered := c.rate < c.start && !math.IsInf(start, 1)
		if !suffered || c.rate > start {
			c.rate = start
		}
		c.start, c.top = start, top
	}
	c.limit()
}

// delay is the wait between two requests.
func (c *clock) delay() time.Duration {
	d := c.crawlWait
	if !math.IsInf(c.rate, 1) {
		d = max(d, time.Duration(min(math.Ceil(float64(time.Second)/c.rate), float64(MaxRest))))
	}
	return d
}

// limit makes the limiter anew for the present delay, which counts from where
// it began.
func (c *clock) limit() {
	d := c.delay()
	if d == 0 {
		c.lim = rate.NewLimiter(rate.Inf, 1)
		return
	}
	c.lim = rate.NewLimiter(rate.Every(d), 1)
	if !c.began.IsZero() {
		c.lim.AllowN(c.began, 1)
	}
}

// touch starts the delay anew.
func (c *clock) touch(now time.Time) {
	c.began = now
	c.limit()
}

// begin starts an exchange and returns how to take that back if no request was sent.
func (c *clock) begin(now time.Time) (undo func()) {
	began, asked := c.began, c.asked
	c.inFlight++
	c.turn++
	turn := c.turn
	c.asked = now
	c.touch(now)
	return func() {
		if c.turn == turn {
			c.began, c.asked = began, asked
			c.limit()
		}
	}
}

// end is the end of an exchange. Where one request at a time is sent, the delay
// counts from here; where several are, from start to start.
func (c *clock) end(a Answer, now time.Time) {
	c.learn(a, now)
	if c.perHost == 1 {
		c.began = now
	}
	c.limit()
}

// next is when the host may be asked again.
func (c *clock) next(now time.Time) time.Time { return latest(c.paced(now), c.restUntil) }

// paced is when its pace alone would have it asked again.
func (c *clock) paced(now time.Time) time.Time {
	t := c.asked
	if l := c.lim.Limit(); l != rate.Inf {
		if missing := 1 - c.lim.TokensAt(now); missing > 0 {
			t = now.Add(time.Duration(math.Ceil(missing / float64(l) * float64(time.Second))))
		}
	}
	return t
}

// learn moves the pace by what an exchange told.
func (c *clock) learn(a Answer, now time.Time) {
	if a.Rest > 0 {
		c.restUntil = latest(c.restUntil, now.Add(min(a.Rest, MaxRest)))
	}
	if a.Addr.IsValid() {
		c.addr = a.Addr
	}
	if !math.IsInf(c.rate, 1) {
		c.rate = min(c.paceAfter(a), c.top)
	}
	if a.Conduct == Good && a.Took > 0 {
		if c.latency == 0 {
			c.latency = a.Took
		}
		c.latency += (a.Took - c.latency) / 8
	}
}

func (c *clock) paceAfter(a Answer) float64 {
	switch {
	case a.Conduct == PushBack, a.Conduct == Failing:
		return max(c.rate*pushedBack, leastRate)
	case a.Conduct == Slow, a.Conduct == Good && c.slow(a.Took):
		return max(c.rate*slowedDown, leastRate)
	case a.Conduct == Good && a.Took < fastAnswer:
		return c.rate + rateStep
	}
	return c.rate
}

// slow tells an answer that took much longer than this host's usual.
func (c *clock) slow(took time.Duration) bool {
	return c.latency > 0 && took > slowAnswer && took > 3*c.latency
}

// idle tells that forgetting the clock forgets no wait.
func (c *clock) idle(now time.Time) bool {
	return len(c.users) == 0 && c.inFlight == 0 && !c.next(now).After(now)
}

// addressNext is when the address of the host may be asked again.
func (f *Bolt) addressNext(c *clock) time.Time {
	if !c.addr.IsValid() || c.delay() == 0 {
		return time.Time{}
	}
	return f.addresses[c.addr]
}

// touchAddress keeps the clock of the host's address: requests to all of its
// hosts together come no faster than addressPart of them alone would send. It
// returns how to take that back.
func (f *Bolt) touchAddress(c *clock, now time.Time) (undo func()) {
	if !c.addr.IsValid() || c.delay() == 0 {
		return func() {}
	}
	if len(f.addresses) >= maxAddresses {
		maps.DeleteFunc(f.addresses, func(_ netip.Addr, next time.Time) bool { return !next.After(now) })
	}
	addr, before := c.addr, f.addresses[c.addr]
	next := latest(before, now.Add(c.delay()/addressPart))
	f.addresses[addr] = next
	return func() {
		if f.addresses[addr].Equal(next) {
			f.addresses[addr] = before
		}
	}
}

// tidy forgets clocks that nothing depends on when there are many.
func (f *Bolt) tidy(now time.Time) {
	if len(f.clocks) > maxClocks {
		maps.DeleteFunc(f.clocks, func(_ string, c *clock) bool { return c.idle(now) })
	}
}
