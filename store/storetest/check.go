package storetest

import (
	"strings"
	"testing"

	"crawl/store"
)

var checkTests = []test{
	{"check counts runs, pages and bodies", testReport},
	{"check holds counts against rows", testCounts},
}

func testReport(t *testing.T, h *house) {
	r := h.begin("a")
	h.begin("b")
	h.fetch(r, home, []byte("hello"))
	h.put(failure(r, home+"2"), nil, nil)
	got, err := h.Check(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got.Runs != 2 || got.Pages != 2 || got.Records < 2 || got.Bytes < 5 || len(got.Faults) > 0 {
		t.Errorf("Check returns %+v", got)
	}
}

func testCounts(t *testing.T, h *house) {
	h.torn = true
	r := h.begin("a")
	h.fetch(r, home, []byte("hello"))
	h.put(failure(r, home+"2"), nil, nil)
	h.put(failure(r, home+"3"), nil, nil)
	skips := []store.Skip{{URL: at(home + "3"), Reason: "robots"}, {URL: at(home + "4"), Reason: "scope"}}
	if err := h.PutSkips(h.ctx, r.ID, skips); err != nil {
		t.Fatal(err)
	}
	counts := func(found, queued, done, failed, robots, scope uint64) store.Counts {
		return store.Counts{Found: found, Queued: queued, Done: done, Failed: failed, Skipped: map[string]uint64{"robots": robots, "scope": scope}}
	}
	for _, c := range []struct {
		name   string
		counts store.Counts
		ended  string // fault of a run that has ended, "" for none
		paused string // of one that was interrupted
	}{
		{"right", counts(4, 0, 1, 1, 1, 1), "", ""},
		{"done and failed are not told apart", counts(4, 0, 2, 0, 1, 1), "", ""},
		{"stored and not yet counted", counts(4, 1, 1, 0, 1, 1), "visited", ""},
		{"too few pages", counts(5, 0, 2, 1, 1, 1), "visited", "visited"},
		{"a skip too few", counts(5, 0, 1, 1, 2, 1), "robots", ""},
		{"a skip too many", counts(3, 0, 1, 1, 0, 1), "robots", ""},
		{"a sum that is none", counts(5, 0, 1, 1, 1, 1), "found", "found"},
		{"queued at the end", counts(5, 1, 1, 1, 1, 1), "queued", ""},
	} {
		for _, state := range []string{store.Running, store.Interrupted, store.Complete, store.Partial, store.Empty} {
			r.State, r.Counts = state, c.counts
			if err := h.Update(h.ctx, r); err != nil {
				t.Fatal(err)
			}
			report, err := h.Check(h.ctx)
			if err != nil {
				t.Fatal(err)
			}
			want := c.ended
			switch state {
			case store.Running:
				want = ""
			case store.Interrupted:
				want = c.paused
			}
			faults := strings.Join(report.Faults, "\n")
			if (want == "") != (faults == "") || !strings.Contains(faults, want) {
				t.Errorf("%s, %s: Check finds %q, want %q", c.name, state, faults, want)
			}
		}
	}
}
