package frontier

import (
	"testing"
	"testing/synctest"

	"crawl/internal/weburl"
)

// TestLeaveWhileDoneIsUnderWay: what Done was told becomes durable in two
// batches, one under way when the run is left and one behind it. The second
// builds on the first all the same.
func TestLeaveWhileDoneIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, slow := t.TempDir(), make(chan bool)
		blocks := true
		config := Config{Manners: func(origin string) Manners {
			if origin == "http://b.test" && blocks {
				<-slow // the batch that makes this host is under way
			}
			return Manners{NoRobots: true, PerHost: 2}
		}}
		link := func(text string) Link {
			u, err := weburl.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			return Link{URL: u}
		}
		f := NewBolt(dir)
		if err := f.Open(t.Context(), "run", config); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Add(t.Context(), "run", link("http://a.test/1"), link("http://a.test/2")); err != nil {
			t.Fatal(err)
		}
		var leases []Lease
		for range 2 {
			l, err := f.Next(t.Context(), "run")
			if err != nil {
				t.Fatal(err)
			}
			leases = append(leases, l)
		}
		for i, to := range []string{"http://b.test/", "http://c.test/"} {
			if err := f.Done(t.Context(), leases[i], Outcome{Links: []Link{link(to), link("http://a.test/x" + to[7:8])}}); err != nil {
				t.Fatal(err)
			}
			f.runs["run"].db.Hurry()
			synctest.Wait()
		}
		left := make(chan error)
		go func() { left <- f.Leave("run") }()
		synctest.Wait()
		close(slow)
		if err := <-left; err != nil {
			t.Fatal(err)
		}
		blocks = false
		if err := f.Open(t.Context(), "run", config); err != nil {
			t.Fatal(err)
		}
		faults, err := f.Check(t.Context(), "run")
		if err != nil || len(faults) > 0 {
			t.Errorf("the file does not add up: %q, %v", faults, err)
		}
		s, err := f.Stats("run")
		if err != nil || s.Found != 6 || s.Done != 2 || s.Queued != 4 || s.Hosts != 3 {
			t.Errorf("%+v, %v", s, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}
