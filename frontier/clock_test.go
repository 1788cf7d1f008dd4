package frontier

import (
	"math"
	"net/netip"
	"testing"
	"time"
)

func clockOf(m ...Manners) *clock {
	c := &clock{}
	for _, one := range m {
		c.join(&host{manners: one, clock: c})
	}
	return c
}

func TestStrictestManners(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name      string
		manners   []Manners
		rate, top float64
		perHost   int
	}{
		{"none given", []Manners{{}}, 2, 8, 1},
		{"fixed", []Manners{{Rate: 5, PerHost: 3}}, 5, 5, 3},
		{"infinite", []Manners{{Rate: inf, PerHost: 9}}, inf, inf, 9},
		{"two", []Manners{{Rate: 5, PerHost: 3}, {Rate: 3, PerHost: 4}}, 3, 3, 3},
		{"fixed and adaptive", []Manners{{Rate: 5}, {}}, 2, 5, 1},
		{"slow and adaptive", []Manners{{Rate: 0.5}, {}}, 0.5, 0.5, 1},
		{"infinite and adaptive", []Manners{{Rate: inf, PerHost: 3}, {PerHost: 2}}, 2, 8, 2},
	} {
		if got := clockOf(c.manners...); got.rate != c.rate || got.top != c.top || got.perHost != c.perHost {
			t.Errorf("%s: rate %v of %v, %d at a time", c.name, got.rate, got.top, got.perHost)
		}
	}
}

func TestMannersThatLeave(t *testing.T) {
	c := clockOf(Manners{Rate: 10}, Manners{Rate: 1})
	c.drop(c.users[1])
	if c.rate != 10 || c.delay() != 100*time.Millisecond {
		t.Errorf("rate %v after the strict run left", c.rate)
	}
	c.learn(Answer{Conduct: PushBack}, time.Time{})
	c.drop(c.users[0])
	if c.join(&host{manners: Manners{Rate: 20}}); c.rate != 5 {
		t.Errorf("rate %v: what the host suffered is forgotten", c.rate)
	}
	c.drop(c.users[0])
	if c.join(&host{manners: Manners{Rate: math.Inf(1)}}); c.delay() != 0 {
		t.Errorf("an infinite rate waits %v", c.delay())
	}
}

func TestDelay(t *testing.T) {
	for _, c := range []struct {
		rate  float64
		crawl time.Duration
		want  time.Duration
	}{
		{2, 0, 500 * time.Millisecond},
		{3, 0, 333333334},
		{math.Inf(1), 0, 0},
		{math.Inf(1), time.Second, time.Second},
		{2, 10 * time.Second, 10 * time.Second},
		{2, time.Millisecond, 500 * time.Millisecond},
		{1e-300, 0, MaxRest},
		{1e300, 0, 1},
	} {
		k := clockOf(Manners{Rate: c.rate})
		k.crawlWait = c.crawl
		if got := k.delay(); got != c.want {
			t.Errorf("rate %v, crawl-delay %v: %v, want %v", c.rate, c.crawl, got, c.want)
		}
	}
}

// TestNextIsExact: never before the delay is over, and never much later.
func TestNextIsExact(t *testing.T) {
	for _, rate := range []float64{0.001, 0.3, 1, 1.1, 3, 7.77, 1000, 123456} {
		c, began := clockOf(Manners{Rate: rate}), time.Now()
		if got := c.next(began); got.After(began) {
			t.Errorf("rate %v: a new host waits %v", rate, got.Sub(began))
		}
		c.begin(began)
		for i := range 20 {
			now := began.Add(c.delay() * time.Duration(i) / 20)
			if off := c.next(now).Sub(began.Add(c.delay())); off < 0 || off > time.Microsecond {
				t.Errorf("rate %v: asked at %v of the delay it is off by %v", rate, i, off)
			}
		}
		c.crawlWait = 2 * c.delay() // learnt meanwhile: counts from the same beginning
		c.limit()
		if off := c.next(began).Sub(began.Add(c.delay())); off < 0 || off > time.Microsecond {
			t.Errorf("rate %v: with another delay it is off by %v", rate, off)
		}
	}
}

func TestUndo(t *testing.T) {
	c, now := clockOf(Manners{Rate: 1, PerHost: 2}), time.Now()
	c.begin(now)
	undo := c.begin(now.Add(10 * time.Second))
	undo()
	if got := c.next(now); got.Sub(now) > time.Second+time.Microsecond {
		t.Errorf("after undo it waits %v", got.Sub(now))
	}
	first := c.begin(now.Add(20 * time.Second))
	c.begin(now.Add(21 * time.Second))
	first() // another request was sent since
	if got := c.next(now.Add(21 * time.Second)); got.Before(now.Add(22 * time.Second)) {
		t.Errorf("undo of an earlier exchange took back the later one: %v", got.Sub(now))
	}
}

func TestMoment(t *testing.T) {
	now := time.Unix(1e9, 5)
	for _, c := range []struct {
		name        string
		nanos       int64
		moment, due time.Duration
	}{
		{name: "past", nanos: now.Add(-time.Hour).UnixNano(), moment: -time.Hour, due: -time.Hour},
		{name: "soon", nanos: now.Add(time.Hour).UnixNano(), moment: time.Hour, due: time.Hour},
		{name: "last", nanos: now.Add(MaxRest).UnixNano(), moment: MaxRest, due: MaxRest},
		{name: "clock set back", nanos: now.Add(MaxRest + 1).UnixNano(), moment: MaxRest, due: 0},
		{name: "far", nanos: math.MaxInt64, moment: MaxRest, due: 0},
	} {
		if got := moment(c.nanos, now).Sub(now); got != c.moment {
			t.Errorf("%s: moment is %v off", c.name, got)
		}
		if got := dueAt(c.nanos, now).Sub(now); got != c.due {
			t.Errorf("%s: due %v off", c.name, got)
		}
	}
	if !moment(0, now).IsZero() {
		t.Error("never is a moment")
	}
}

func TestForgottenClocks(t *testing.T) {
	f, now := NewBolt(""), time.Now()
	for i := range maxClocks + 10 {
		f.clocks[netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i)}).String()] = clockOf()
	}
	rests := clockOf()
	rests.limit()
	rests.restUntil = now.Add(time.Hour)
	used := clockOf(Manners{})
	f.clocks["rests"], f.clocks["used"] = rests, used
	for _, c := range f.clocks {
		c.limit()
	}
	if f.tidy(now); len(f.clocks) != 2 || f.clocks["rests"] == nil || f.clocks["used"] == nil {
		t.Errorf("%d clocks are left", len(f.clocks))
	}
	addr := netip.MustParseAddr("192.0.2.1")
	used.addr = addr
	for i := range maxAddresses {
		f.addresses[netip.AddrFrom4([4]byte{1, byte(i >> 16), byte(i >> 8), byte(i)})] = now.Add(-time.Second)
	}
	if f.touchAddress(used, now); len(f.addresses) != 1 {
		t.Errorf("%d addresses are left", len(f.addresses))
	}
}
