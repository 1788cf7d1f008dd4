package frontier

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestNoHostAwaitsLinksForEver: a host's queue is held for links that Done was
// told of, and goes on though such links, which turn out known or refused, never
// stop coming.
func TestNoHostAwaitsLinksForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewBolt(t.TempDir())
		if err := f.Open(t.Context(), "run", Config{Manners: func(string) Manners { return Manners{NoRobots: true} }}); err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		link, err := robotsLink("http://a.test")
		if err != nil {
			t.Fatal(err)
		}
		other, err := robotsLink("http://b.test")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Add(t.Context(), "run", Link{URL: other.URL}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Next(t.Context(), "run"); err != nil { // what is out may bring such links
			t.Fatal(err)
		}
		if _, err := f.Add(t.Context(), "run", Link{URL: link.URL, Rank: 9}); err != nil {
			t.Fatal(err)
		}
		r := f.runs["run"]
		told := func() *change {
			f.mu.Lock()
			defer f.mu.Unlock()
			op := &change{links: []found{{Link: Link{URL: link.URL, Rank: 1}}}}
			r.expect(op, time.Now())
			return op
		}
		last, leased := told(), make(chan error, 1)
		go func() {
			_, err := f.Next(t.Context(), "run")
			leased <- err
		}()
		for range 100 { // the next is told of before the one before is durable
			time.Sleep(50 * time.Millisecond)
			op := told()
			f.mu.Lock()
			r.arrived(last, time.Now())
			r.kick()
			f.mu.Unlock()
			last = op
		}
		synctest.Wait()
		select {
		case err := <-leased:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("after five seconds the host still waits")
		}
		f.mu.Lock()
		r.arrived(last, time.Now())
		r.kick()
		f.mu.Unlock()
	})
}
