package frontier

import "time"

// Waits is for how long Next has found no URL that might be asked for, by the
// cause, since the run was opened; and what it found when it last waited for
// Pace or Rest.
type Waits struct {
	Pace    time.Duration // the hosts of which URLs are queued rest between two requests
	Rest    time.Duration // they rest for longer: one failed or asked for less, or the URL waits for another try
	PerHost time.Duration // as many requests as their manners allow are out to most of them
	Empty   time.Duration // no URL is queued that may be asked for; pages under way may bring some

	Hosts      int           // of which URLs were queued
	Resting    int           // those of them that only their clocks kept from being asked
	Delay      time.Duration // between two requests, of the host that was to be asked next
	CrawlDelay time.Duration // asked for by its robots.txt
}

// Waits implements Frontier.
func (f *Bolt) Waits(name string) (Waits, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.find(name)
	if err != nil {
		return Waits{}, err
	}
	now := time.Now()
	r.charge(now)
	return r.waits, nil
}

// beginWait notes that a caller is about to wait, and why. Where several do, the
// time of one is counted.
func (r *run) beginWait(now time.Time) {
	r.charge(now)
	r.waitsFor = r.cause(now)
}

func (r *run) endWait(now time.Time) {
	r.charge(now)
	r.waitsFor = nil
}

// charge adds the time that went by to what a caller waits for.
func (r *run) charge(now time.Time) {
	if r.waitsFor != nil {
		*r.waitsFor += now.Sub(r.waitsSince)
	}
	r.waitsSince = now
}

// cause tells why no URL can be leased now; nil if that is not the hosts' doing.
func (r *run) cause(now time.Time) *time.Duration {
	w := &r.waits
	switch {
	case r.paused || r.held > 0:
		return nil
	case r.live == 0:
		return &w.Empty
	case 2*len(r.ready) < r.live:
		return &w.PerHost
	}
	next := r.ready[0]
	w.Hosts, w.Resting = r.live, len(r.ready)
	w.Delay, w.CrawlDelay = next.clock.delay(), next.clock.crawlWait
	if next.at.After(latest(next.clock.paced(now), r.frontier.addressNext(next.clock)).Add(clockError)) {
		return &w.Rest
	}
	return &w.Pace
}

// clockError is by how much two readings of a limiter may differ.
const clockError = time.Millisecond
