package crawler

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/store"
)

// stuck is a store whose disk takes the first page and then nothing, until open
// is closed.
type stuck struct {
	store.Store
	open chan struct{}
}

func (s stuck) Put(ctx context.Context, p *store.Page, links []store.Link, x *store.Exchange) error {
	if p.Depth > 0 {
		<-s.open
	}
	return s.Store.Put(ctx, p, links, x)
}

// A visit whose page has been read lets another begin, until what waits for the
// disk fills its room.
func TestPagesWaitForTheDiskOutsideThePool(t *testing.T) {
	const places, pages = 16, 40
	for name, test := range map[string]struct {
		body int
		want int // requests while the disk takes nothing
	}{
		"small": {10, 2 * places},
		"large": {roomBytes/8 - pageBytes, 8 + places},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				large := plain(strings.Repeat("x", test.body))
				w := newWorld(t, map[string]http.Handler{"a": many(pages, func(hrefs ...string) http.HandlerFunc {
					if len(hrefs) > 0 {
						return html(hrefs...)
					}
					return large
				})})
				_, end := w.getStuck(t, places)
				if got := len(w.asked("a")) - 1; got != test.want {
					t.Errorf("%d pages were asked for, want %d", got, test.want)
				}
				if r := end(); r.Counts.Done != pages+1 {
					t.Errorf("%d pages are done", r.Counts.Done)
				}
			})
		})
	}
}

// getStuck crawls a with so many places until the disk takes no more, which it
// does again when end is called: that returns the run when it is over.
func (w *world) getStuck(t *testing.T, places int) (job *Job, end func() *store.Run) {
	w.audit.PerHost = places
	s := spec(t, "http://a/")
	s.Manners, s.Workers, s.Sitemap = hurried, places, "off"
	c, disk := w.crawler(), stuck{w.store, make(chan struct{})}
	c.Store = disk
	r := w.newRun(s)
	job, err := c.Begin(t.Context(), r, s)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- job.Crawl(t.Context(), nil) }()
	time.Sleep(time.Minute)
	return job, func() *store.Run {
		close(disk.open)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		return r
	}
}

// Of pages that find no room before the disk no more than mostRead are read; all
// others are in the end.
func TestPagesWaitUnread(t *testing.T) {
	const places, pages = mostRead + 44, 2*mostRead + 200
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string]http.Handler{"a": many(pages, html)})
		job, end := w.getStuck(t, places)
		if got := len(w.asked("a")) - 1; got != 2*places {
			t.Errorf("%d pages were asked for, want %d", got, 2*places)
		}
		if n := len(job.reading); n != mostRead {
			t.Errorf("%d pages wait that were read, want %d", n, mostRead)
		}
		if disk := job.meter.disk.now(); disk != places {
			t.Errorf("%d pages wait for the disk, want %d", disk, places)
		}
		if r := end(); r.Counts.Done != pages+1 {
			t.Errorf("%d pages are done", r.Counts.Done)
		}
		if n := len(job.reading); n != 0 {
			t.Errorf("%d pages count as read and waiting", n)
		}
	})
}

// now is how many are at it.
func (g *gauge) now() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n
}
