package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crawl/crawler"
	"crawl/frontier"
	"crawl/internal/web"
	"crawl/internal/weburl"
	"crawl/store"
)

// TestLiveScreen has a reporter paint a run of which 25 pages come each second,
// and reads what the terminal shows after 10 s, and when it is over.
func TestLiveScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		done := func() uint64 { return uint64(25 * time.Since(began) / time.Second) }
		from := sight{
			progress: func() crawler.Progress {
				p := crawler.Progress{Received: int64(1000 * done())}
				p.Done, p.Queued, p.Hosts = done(), 500-done(), 2
				return p
			},
			status: func() web.Progress {
				return web.Progress{
					State: web.StateRunning, Fetched: done(), Queued: 500 - done(), Skipped: 7, Found: 507, Rate: 25, Status2: done() - 1, Status4: 1,
					Limited: &web.Limited{Text: "CPU (2 processors at 95 %)"},
				}
			},
			hosts: func() ([]frontier.Host, error) {
				return []frontier.Host{
					{Origin: "https://slow.example", Done: 1, Queued: 9, Asked: began, Delay: 2 * time.Second, Fails: 2, RestUntil: began.Add(40 * time.Second)},
					{Origin: "https://named.example", Queued: 90},
					{Origin: "https://a.example", Done: 249, Queued: 241, Asked: began, Delay: 40 * time.Millisecond, Latency: 12 * time.Millisecond},
				}, nil
			},
		}
		g := newGlass(t, 120, 40)
		talk := newPainter(g)
		talk.size = g.size
		s := defaultSettings()
		r := newReporter(&strings.Builder{}, talk, &s, func() { t.Error("it was stopped") })
		run := &store.Run{Site: "acme", Number: 43, Seeds: []string{"https://acme.example/"}}
		base := &store.Run{Site: "acme", Number: 42, Started: began.Add(-time.Hour), Counts: store.Counts{Done: 990, Failed: 10}}
		over := r.begin(run, base, from)

		url, _ := weburl.Parse("https://a.example/%1b[31m/gone")
		r.event(crawler.Event{Run: run, Page: &store.Page{URL: url, Status: 404, From: "https://a.example/"}})
		r.event(crawler.Event{Run: run, Skip: &store.Skip{URL: url, Reason: string(crawler.ReasonExcluded), Rule: "/cart*"}})
		r.event(crawler.Event{Run: run, Skip: &store.Skip{URL: url, Reason: string(crawler.ReasonScope)}})
		r.event(crawler.Event{Run: run, Notice: "the seed leads elsewhere"})
		time.Sleep(10*time.Second + paintEvery + time.Millisecond) // behind what is painted at that moment

		shown := strings.Join(g.shown(), "\n")
		for _, want := range []string{
			"acme · run 43 · https://acme.example/ · scope host · baseline run 42 of ",
			"note: the seed leads elsewhere\n\n Fetched ",
			" Fetched       256  " + strings.Repeat("━", 10) + strings.Repeat("─", 30) + "  25 % of ~1,000 (run 42 had that)   eta 30s\n",
			" Found         507  = 256 fetched + 244 queued (falling) + 7 skipped\n",
			" Answers            2xx 255   3xx 0   4xx 1   5xx 0   no answer 0\n",
			" Speed      25.0/s  25 kB/s · limited by CPU (2 processors at 95 %)\n",
			" Elapsed       10s\n",
			" https://a.example                          249       241       25/s      12ms  ok\n https://slow.example                         1         9    1 in 2s        0s  rests 30s: 2 failures on end\n",
			"  404      https://a.example/%1b[31m/gone   from https://a.example/\n",
			"  skip     https://a.example/%1b[31m/gone   by your rules /cart*\n",
			" ^C stops, resumable · from another terminal: crawl pause · crawl tune acme ",
		} {
			if !strings.Contains(shown, want) {
				t.Errorf("%q is not in\n%s", want, shown)
			}
		}
		for _, not := range []string{"named.example", "outside scope", "fetched=", "\x1b"} {
			if strings.Contains(shown, not) {
				t.Errorf("%q is in\n%s", not, shown)
			}
		}

		g.lower(12) // room for the counts and the hosts
		time.Sleep(paintEvery)
		if shown = strings.Join(g.shown(), "\n"); !strings.Contains(shown, "slow.example") || strings.Contains(shown, "/gone") {
			t.Errorf("a low terminal:\n%s", shown)
		}
		g.lower(7) // and for the counts alone
		time.Sleep(paintEvery)
		if shown = strings.Join(g.shown(), "\n"); !strings.Contains(shown, " Elapsed") || strings.Contains(shown, "slow.example") {
			t.Errorf("a lower one:\n%s", shown)
		}
		g.lower(6)
		time.Sleep(paintEvery)
		if got, want := lastLine(g), "acme 43  275  27 % of ~1,000 (run 42 had that)  queue 225  25.0/s  4xx 1  5xx 0  eta 29s"; got != want {
			t.Errorf("one too low: %q, want %q", got, want)
		}
		g.narrow(50)
		time.Sleep(paintEvery)
		if got, want := lastLine(g), "acme 43  281  28 % of ~1,000 (run 42 had that)  …"; got != want {
			t.Errorf("a narrow terminal: %q, want %q", got, want)
		}
		over()
		if shown = strings.Join(g.shown(), "\n"); strings.Contains(shown, "of ~1,000") || !strings.HasSuffix(shown, "elsewhere\n") {
			t.Errorf("when it is over:\n%s", shown)
		}
	})
}

// lastLine is the line above the cursor.
func lastLine(g *glass) string {
	rows := g.shown()
	return rows[len(rows)-2]
}

// TestLiveScreenWithoutTotal: where no run came before, or it had less, nobody
// knows how much there will be.
func TestLiveScreenWithoutTotal(t *testing.T) {
	now := web.Progress{State: web.StatePaused, Fetched: 80, Queued: 40, Rate: 2}
	for _, base := range []*store.Run{nil, {Number: 1, Counts: store.Counts{Done: 100}}} {
		l := &liveScreen{run: &store.Run{Site: "acme", Number: 2}, base: base}
		got := l.line(&now)
		if want := "acme 2  80  of 120 known so far  queue 40  2.0/s  4xx 0  5xx 0  paused: crawl unpause goes on"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
