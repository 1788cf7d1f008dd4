package storetest

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crawl/store"
)

var runTests = []test{
	{"runs are numbered within their site", testNumbers},
	{"runs begun at once have numbers of their own", testNumbersAtOnce},
	{"a run is kept whole", testRunWhole},
	{"runs come newest first", testRunsOrder},
	{"a site needs a name", testSiteNames},
	{"an unknown run is not found", testUnknownRun},
}

func testNumbers(t *testing.T, h *house) {
	for i, want := range []store.Run{
		{Site: "a", ID: 1, Number: 1},
		{Site: "b", ID: 2, Number: 1},
		{Site: "a", ID: 3, Number: 2, Baseline: 1},
		{Site: "a", ID: 4, Number: 3, Baseline: 3},
		{Site: "b", ID: 5, Number: 2, Baseline: 2},
	} {
		if i == 3 {
			h.reopen()
		}
		got := store.Run{Site: want.Site, ID: 77, Number: 77, Baseline: 77} // not for the caller to choose
		if err := h.Begin(h.ctx, &got); err != nil {
			t.Fatal(err)
		}
		want.State = store.Running
		diff(t, "begun", want, got)
	}
}

func testNumbersAtOnce(t *testing.T, h *house) {
	const n = 40
	runs := make([]store.Run, n)
	var wait sync.WaitGroup
	for i := range runs {
		runs[i].Site = "a"
		wait.Go(func() {
			if err := h.Begin(h.ctx, &runs[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	slices.SortFunc(runs, func(x, y store.Run) int { return int(x.ID) - int(y.ID) })
	for i, r := range runs {
		diff(t, "begun", store.Run{Site: "a", ID: store.RunID(i + 1), Number: i + 1, Baseline: store.RunID(i), State: store.Running}, r)
	}
}

func testRunWhole(t *testing.T, h *house) {
	r := &store.Run{
		Site: "a", State: store.Running, Why: "w", Seeds: []string{"https://a.example/"}, Widened: []string{"https://www.a.example/"},
		Settings: []byte(`{"depth":3}`), Program: "crawl/1", Started: noon, Ended: noon.Add(time.Hour), Active: 5, Sessions: 2,
		Counts: store.Counts{
			Found: 10, Queued: 1, Done: 2, Failed: 3, Skipped: map[string]uint64{"scope": 4}, Status: [6]uint64{1, 2, 3, 4, 5, 6},
			Unchanged: 1, PushBacks: 2, Requests: 3, Received: 4, Stored: 5,
		},
		Cookies: []byte{0, 255},
	}
	if err := h.Begin(h.ctx, r); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := h.Run(h.ctx, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "run", r, got)
		r.State, r.Why, r.Ended = store.Interrupted, "", noon.Add(2*time.Hour)
		r.Counts, r.Cookies, r.Widened = store.Counts{}, nil, nil
		if err := h.Update(h.ctx, r); err != nil {
			t.Fatal(err)
		}
		h.reopen()
	}
}

func testRunsOrder(t *testing.T, h *house) {
	// Names that are each other's beginnings, and that sort around the zero byte.
	sites := []string{"a", "a.example", "a\x01", "a\xff", "b", "a", "a.example", "a"}
	var ids []store.RunID
	for _, s := range sites {
		ids = append(ids, h.begin(s).ID)
	}
	slices.Reverse(ids)
	listed := func(site string) (list []store.RunID) {
		for _, r := range all(t, "Runs", h.Runs(h.ctx, site)) {
			list = append(list, r.ID)
		}
		return list
	}
	diff(t, "all", ids, listed(""))
	for site, want := range map[string][]store.RunID{
		"a": {8, 6, 1}, "a.example": {7, 2}, "a\x01": {3}, "a\xff": {4}, "b": {5}, "": ids, "c": nil, "A": nil,
	} {
		diff(t, "runs of "+site, want, listed(site))
	}
	for r, err := range h.Runs(h.ctx, "a") {
		if err != nil || r.ID != 8 {
			t.Errorf("the newest run is %v: %v", r, err)
		}
		break
	}
}

func testSiteNames(t *testing.T, h *house) {
	for _, bad := range []string{"", "a\x00b", strings.Repeat("x", 513)} {
		if err := h.Begin(h.ctx, &store.Run{Site: bad}); err == nil {
			t.Errorf("%.20q is taken for a name", bad)
		}
	}
	h.begin(strings.Repeat("x", 512))
	h.begin("\xff\xfe \n")
}

func testUnknownRun(t *testing.T, h *house) {
	_, err := h.Run(h.ctx, 1)
	wantError(t, "Run", err, store.ErrNotFound)
	wantError(t, "Update", h.Update(h.ctx, &store.Run{ID: 1, Site: "a"}), store.ErrNotFound)
	h.begin("a")
	_, err = h.Run(h.ctx, 2)
	wantError(t, "Run", err, store.ErrNotFound)
	if r, err := h.Run(h.ctx, 1); err != nil || r.Site != "a" {
		t.Errorf("Run: %v, %v", r, err)
	}
}
