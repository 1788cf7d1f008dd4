package frontier_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"crawl/frontier"
	"crawl/internal/weburl"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// web is a random web: each page links to some others.
type web struct {
	urls  []weburl.URL
	links [][]int
	dead  map[int]bool // fails for good
	kept  map[int]bool // is not asked for unless somebody says that it changed
	limit int          // deeper pages are refused
}

func newWeb(random *rand.Rand) *web {
	w := &web{dead: map[int]bool{}, kept: map[int]bool{}, limit: 3 + random.IntN(6)}
	n := 30 + random.IntN(120)
	for i := range n {
		u, err := weburl.Parse(fmt.Sprintf("http://h%d.test/%d", random.IntN(4), i))
		if err != nil {
			panic(err)
		}
		w.urls = append(w.urls, u)
		var to []int
		for range random.IntN(4) {
			to = append(to, random.IntN(n))
		}
		w.links = append(w.links, append(to, (i+1)%n)) // a chain through all, and ways across it
		w.dead[i], w.kept[i] = random.IntN(10) == 0, random.IntN(2) == 0
	}
	return w
}

// found is what page i holds when it is met at depth.
func (w *web) found(i, depth int) (links []frontier.Link) {
	for _, to := range w.links[i] {
		links = append(links, w.link(to, depth+1))
	}
	return links
}

func (w *web) link(i, depth int) frontier.Link {
	l := frontier.Link{URL: w.urls[i], Depth: depth, Rank: uint32(depth)}
	if depth > w.limit {
		l.Refused = "depth"
	}
	return l
}

// truth is the model: a breadth-first walk from page 0. A dead page leads nowhere.
func (w *web) truth() (depths map[weburl.URL]int, want frontier.Stats) {
	at, next := map[int]int{0: 0}, []int{0}
	for len(next) > 0 {
		i := next[0]
		next = next[1:]
		if w.dead[i] || at[i] > w.limit {
			continue
		}
		for _, to := range w.links[i] {
			if _, met := at[to]; !met {
				at[to], next = at[i]+1, append(next, to)
			}
		}
	}
	depths, want.Skipped = map[weburl.URL]int{}, map[frontier.Reason]uint64{}
	hosts := map[string]bool{}
	for i, d := range at {
		want.Found++
		switch {
		case d > w.limit:
			want.Skipped["depth"]++
			continue
		case w.dead[i]:
			want.Failed++
		default:
			depths[w.urls[i]] = d // the depth at which its links were handed in last
			want.Done++
		}
		want.Pages++
		hosts[w.urls[i].Origin()] = true
	}
	want.Hosts = len(hosts)
	return depths, want
}

// TestModel crawls random webs with random calls in between, in an order far
// from breadth-first, with lost and lapsed leases, retries and restarts. The
// end is that of an undisturbed walk: the same URLs, and each read at the least
// depth over all ways to it; and what was kept is asked for in the end if somebody
// said that it changed.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	for i := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			m := &model{t: t, random: rand.New(rand.NewPCG(seed, i)), dir: t.TempDir(), read: map[weburl.URL]int{}, said: map[int]bool{}, asked: map[int]bool{}}
			m.web = newWeb(m.random)
			m.open()
			m.crawl()
			depths, want := m.web.truth()
			got, err := m.f.Stats("run")
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("seed %d, %d: Stats: %v (-want +got):\n%s", seed, i, err, diff)
			}
			if diff := cmp.Diff(depths, m.read, cmp.Comparer(func(a, b weburl.URL) bool { return a == b })); diff != "" {
				t.Errorf("seed %d, %d: depths (-want +got):\n%s", seed, i, diff)
			}
			for page := range m.said {
				if m.web.kept[page] && !m.asked[page] {
					t.Errorf("seed %d, %d: page %d was never asked for", seed, i, page)
				}
			}
			if faults, err := m.f.Check(t.Context(), "run"); err != nil || len(faults) > 0 {
				t.Errorf("seed %d, %d: Check: %v %q", seed, i, err, faults)
			}
			if err := m.f.Close(); err != nil {
				t.Error(err)
			}
		})
		if t.Failed() {
			return
		}
	}
}

type model struct {
	t      *testing.T
	random *rand.Rand
	dir    string
	web    *web
	f      frontier.Frontier
	out    []frontier.Lease
	read   map[weburl.URL]int // the depth at which a page's links were handed in last
	said   map[int]bool       // of which pages it was said that they changed
	asked  map[int]bool       // which pages were asked for knowing that
}

func (m *model) open() {
	manners := func(string) frontier.Manners {
		return frontier.Manners{Rate: math.Inf(1), PerHost: 5, NoRobots: true}
	}
	m.f = frontier.NewBolt(m.dir)
	if err := m.f.Open(m.t.Context(), "run", frontier.Config{Manners: manners, LeaseTime: time.Minute, CacheBytes: m.random.IntN(2), KnownBytes: m.random.IntN(2)}); err != nil {
		m.t.Fatal(err)
	}
	if _, err := m.f.Add(m.t.Context(), "run", m.web.link(0, 0)); err != nil {
		m.t.Fatal(err)
	}
	m.out = nil
}

func (m *model) crawl() {
	for {
		switch n := m.random.IntN(100); {
		case n == 0:
			if err := m.f.Close(); err != nil {
				m.t.Fatal(err)
			}
			m.open()
		case n == 1:
			time.Sleep(time.Duration(m.random.IntN(90)) * time.Second)
		case n < 6: // what a list names
			i := m.random.IntN(len(m.web.urls))
			if _, known := m.read[m.web.urls[i]]; known {
				m.add(m.web.link(i, 1<<10+m.random.IntN(5)))
				m.add(frontier.Link{URL: m.web.urls[i], Depth: frontier.NoDepth, Changed: time.Now()})
				m.said[i] = true
			}
		case n < 60 || len(m.out) == 0:
			if !m.lease() && len(m.out) == 0 {
				return
			}
		default:
			m.end(m.random.IntN(len(m.out)))
		}
	}
}

func (m *model) add(links ...frontier.Link) {
	if _, err := m.f.Add(m.t.Context(), "run", links...); err != nil {
		m.t.Fatal(err)
	}
}

// lease tells whether anything is left to do.
func (m *model) lease() bool {
	wait := time.Duration(0)
	if len(m.out) == 0 {
		wait = time.Hour
	}
	ctx, cancel := context.WithTimeout(m.t.Context(), wait+1)
	defer cancel()
	l, err := m.f.Next(ctx, "run")
	switch {
	case errors.Is(err, frontier.ErrDrained):
		return false
	case errors.Is(err, context.DeadlineExceeded):
		return true
	case err != nil:
		m.t.Fatal(err)
	}
	m.out = append(m.out, l)
	return true
}

// checked has some of the links be checks first, or as well: the walk is the same.
func (m *model) checked(links []frontier.Link) []frontier.Link {
	for _, l := range links {
		if l.Refused == "" && m.random.IntN(3) == 0 {
			c := frontier.Link{URL: l.URL, Depth: frontier.NoDepth, Rank: 1, Kind: frontier.Check}
			if m.random.IntN(2) == 0 {
				m.add(c)
			} else {
				links = append(links, c)
			}
		}
	}
	return links
}

func (m *model) end(i int) {
	l := m.out[i]
	m.out = append(m.out[:i], m.out[i+1:]...)
	var page int
	fmt.Sscanf(l.URL.Path(), "/%d", &page)
	var o frontier.Outcome
	switch {
	case m.random.IntN(8) == 0:
		o.Again = time.Now().Add(time.Duration(m.random.IntN(100)) * time.Second)
	case m.web.dead[page]:
		o.End = frontier.Failed
	default:
		o.Links = m.checked(m.web.found(page, l.Depth))
		if m.web.kept[page] && !m.asked[page] && (l.Changed.IsZero() || l.Kind == frontier.Reread) {
			o.End = frontier.Kept
		}
	}
	if l.Kind == frontier.Check {
		o = frontier.Outcome{Again: o.Again}
	}
	err := m.f.Done(m.t.Context(), l, o)
	if err != nil && !errors.Is(err, frontier.ErrStale) {
		m.t.Fatal(err)
	}
	if err == nil && o.Links != nil {
		m.read[l.URL] = l.Depth
		m.asked[page] = m.asked[page] || o.End == frontier.Fetched
	}
}
