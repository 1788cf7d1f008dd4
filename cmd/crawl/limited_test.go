package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"crawl/crawler"
	"crawl/store"
)

func TestLimitText(t *testing.T) {
	const s = int64(time.Second)
	for _, test := range []struct {
		load store.Load // of 100 s
		rate string
		want string
	}{
		{store.Load{Pace: 90 * s, Hosts: 3, Resting: 2, Delay: s / 8}, "adaptive", "the hosts' rate (adaptive, 2 of 3 hosts at 8/s; --rate sets it)"},
		{store.Load{Pace: 90 * s, Hosts: 1, Resting: 1, Delay: 20 * s}, "adaptive", "the hosts' rate (adaptive, 1 of 1 hosts at 1 in 20s; --rate sets it)"},
		{store.Load{Pace: 90 * s, Hosts: 1, Resting: 1, Delay: s / 4}, "4/s", "the hosts' rate (--rate 4/s, 1 of 1 hosts)"},
		{store.Load{Pace: 90 * s, Hosts: 1, Resting: 1, Delay: 5 * s, CrawlDelay: 5 * s}, "4/s", "the hosts' rate (robots.txt: Crawl-delay 5s, 1 of 1 hosts)"},
		{store.Load{Rest: 90 * s, Hosts: 2, Resting: 2}, "adaptive", "hosts at rest (2 of 2 hosts: they failed or asked for less, or a URL waits for another try)"},
		{store.Load{PerHost: 90 * s, Visits: 100 * s, Network: 91 * s}, "adaptive", "the network or the servers (91 % of the time of pages was waiting for answers; --per-host 1)"},
		{store.Load{Full: 88 * s, Places: 64, Visits: 100 * s, Network: 91 * s}, "adaptive", "--concurrency 64 (all in use 88 % of the time; 91 % of the time of pages was waiting for answers)"},
		{store.Load{CPU: 194 * s, Processors: 2}, "adaptive", "CPU (2 processors at 97 %)"},
		{store.Load{CPU: 97 * s, Processors: 1}, "adaptive", "CPU (1 processor at 97 %)"},
		{store.Load{Full: 88 * s, Visits: 100 * s, Disk: 62 * s}, "adaptive", "the disk (62 % of the time of pages was waiting for writes)"},
		{store.Load{Empty: 80 * s}, "adaptive", "few known pages (nothing was queued 80 % of the time)"},
	} {
		set := defaultSettings()
		if err := set.Rate.UnmarshalText([]byte(test.rate)); err != nil {
			t.Fatal(err)
		}
		test.load.Elapsed = 100 * s
		got := newLimitedBy(&test.load, &set)
		if got == nil || got.Text != test.want {
			t.Errorf("%+v:\n%+v, want\n%s", test.load, got, test.want)
		}
	}
	unsynced := Settings{Durability: durableProcess}
	load := store.Load{Elapsed: 100 * s, Full: 88 * s, Visits: 100 * s, Disk: 62 * s}
	if got, want := newLimitedBy(&load, &unsynced).Text, "commits (62 % of the time of pages was waiting for them; none was synced)"; got != want {
		t.Errorf("without syncs: %s", got)
	}
	if got := newLimitedBy(&store.Load{}, &Settings{}); got != nil {
		t.Errorf("of nothing: %+v", got)
	}
}

// TestLimitIsTold sees it in a progress line, in the summary and in JSON.
func TestLimitIsTold(t *testing.T) {
	load := store.Load{Elapsed: int64(100 * time.Second), Empty: int64(90 * time.Second)}
	const text = "limited by few known pages (nothing was queued 90 % of the time)"
	s := defaultSettings()
	s.JSON = true
	var out, talk bytes.Buffer
	r := newReporter(&out, &talk, &s, func() {})
	run := &store.Run{Site: "acme", Number: 1, State: store.Complete, Load: &load, Active: int64(100 * time.Second)}
	run.Counts.Done = 250
	r.run = run
	r.status(r.statusOf(crawler.Progress{Load: load}, crawler.Progress{}), time.Minute)
	if !strings.Contains(talk.String(), " · "+text+"\n") {
		t.Errorf("progress: %s", talk.String())
	}
	talk.Reset()
	if err := r.end(run, nil, exitDone); err != nil || !strings.Contains(talk.String(), "\n  SPEED    2.5 URLs/s, "+text+"\n") {
		t.Errorf("summary: %v %s", err, talk.String())
	}
	for line := range strings.Lines(out.String()) {
		var told struct {
			Type    string
			Limited *limitedBy `json:"limited_by"`
			Found   *int
		}
		if err := json.Unmarshal([]byte(line), &told); err != nil {
			t.Fatal(err)
		}
		if last := told.Type == "status" && told.Limited == nil; !last && (told.Limited.By != crawler.LimitPages || told.Limited.Empty != 0.9) {
			t.Errorf("JSON: %s", line)
		}
	}
}
