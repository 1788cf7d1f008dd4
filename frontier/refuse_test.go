package frontier

import (
	"testing"

	"crawl/internal/weburl"
)

// TestGivenUpHostsAreSweptOnce: a run may give up thousands of hosts, and looks for
// what is queued of one each time; those that have nothing left are passed over.
func TestGivenUpHostsAreSweptOnce(t *testing.T) {
	f := NewBolt(t.TempDir())
	defer f.Close()
	if err := f.Open(t.Context(), "run", Config{Manners: func(string) Manners { return Manners{NoRobots: true} }}); err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{"http://a.test/1", "http://a.test/2"} {
		u, err := weburl.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Add(t.Context(), "run", Link{URL: u}); err != nil {
			t.Fatal(err)
		}
	}
	l, err := f.Next(t.Context(), "run")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Done(t.Context(), l, Outcome{GiveUp: "unreachable"}); err != nil {
		t.Fatal(err)
	}
	stats, err := f.Stats("run")
	if err != nil || stats.Skipped["unreachable"] != 1 || stats.Queued != 0 {
		t.Fatalf("%+v: %v", stats, err)
	}
	if left := (&batch{run: f.runs["run"]}).refusable(&refusal{givenUp: true}); len(left) > 0 {
		t.Errorf("%d hosts are looked at again", len(left))
	}
}
