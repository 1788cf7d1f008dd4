//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"crawl/internal/testweb"
)

// watchedSite is a site that changes, and knows how often.
type watchedSite struct {
	web *testweb.Web

	mu       sync.Mutex // guards what follows
	versions []int      // of the pages
	changes  int        // made so far
	next     int        // the page that changes next
}

const watchedPages = 24

func serveWatched(t *testing.T) *watchedSite {
	t.Helper()
	s := &watchedSite{versions: make([]int, watchedPages)}
	var err error
	if s.web, err = testweb.Serve(map[string]http.Handler{"watched": s}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.web.Close)
	return s
}

// ServeHTTP implements http.Handler.
func (s *watchedSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil || n >= watchedPages {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	version := s.versions[n]
	s.mu.Unlock()
	tag := fmt.Sprintf(`"%d.%d"`, n, version)
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, "<title>page %d, version %d</title>", n, version)
	for to := range watchedPages {
		fmt.Fprintf(w, `<a href="/%d">%d</a>`, to, to)
	}
}

// change gives some pages another version, each in its turn, so that none changes
// twice before a run has seen it.
func (s *watchedSite) change(pages int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range pages {
		s.versions[s.next]++
		s.changes++
		s.next = (s.next + 1) % watchedPages
	}
}

// watcher is a daemon that crawls a site by a schedule, and is killed.
type watcher struct {
	t     *testing.T
	bin   *crawlBinary
	site  *watchedSite
	data  string
	delay time.Duration
	rnd   *rand.Rand
	proc  *crawlProcess
	at    string // where the API listens
	token string
}

// everySchedule is how often the site is crawled.
const everySchedule = "5s"

func newWatcher(t *testing.T) *watcher {
	t.Helper()
	w := &watcher{t: t, bin: buildCrawl(t), site: serveWatched(t), data: filepath.Join(t.TempDir(), "data"), delay: 40 * time.Millisecond, rnd: crashDice(t)}
	yaml := fmt.Sprintf("sites:\n  watched:\n    seeds: [%q]\n    rate: %s\n    schedules: [{name: often, every: %s, jitter: 0s}]\n", w.site.web.URL("watched", "/0"), rateOf(w.delay), everySchedule)
	if err := os.WriteFile(filepath.Join(w.bin.home, "config.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// start starts the daemon, again if it was killed.
func (w *watcher) start() {
	w.t.Helper()
	w.proc = w.bin.start(w.t, "serve", "--listen", "127.0.0.1:0", "--data", w.data)
	w.proc.says(w.t, "msg=ready")
	w.at = regexp.MustCompile(`the API listens" address=(\S+)`).FindStringSubmatch(w.proc.talk.String())[1]
	raw, err := os.ReadFile(filepath.Join(w.data, "token"))
	if err != nil {
		w.t.Fatal(err)
	}
	words := strings.Fields(string(raw))
	w.token = words[len(words)-1]
}

// apiRun is a run as the API tells it.
type apiRun struct {
	Run, State string
	Answers    map[string]int
	Unchanged  int
}

// runs are all runs, newest first.
func (w *watcher) runs() (all []apiRun) {
	w.t.Helper()
	req, err := http.NewRequest("GET", "http://"+w.at+"/v1/runs?limit=1000", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct{ Runs []apiRun }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || resp.StatusCode != 200 {
		w.t.Fatalf("%s, %v", resp.Status, err)
	}
	return list.Runs
}

// complete counts the runs that have come to their end.
func (w *watcher) complete() (n int) {
	w.t.Helper()
	for _, r := range w.runs() {
		if r.State == "complete" {
			n++
		}
	}
	return n
}

// until waits until so many runs are complete, and changes the site after each.
func (w *watcher) until(runs int, change bool) {
	w.t.Helper()
	last := w.complete()
	for over := time.After(10 * time.Minute); last < runs; {
		select {
		case <-over:
			w.t.Fatalf("only %d runs were complete:\n%s", last, w.proc.talk.String())
		case <-w.proc.ended:
			w.t.Fatalf("the daemon ended:\n%s", w.proc.talk.String())
		case <-time.After(50 * time.Millisecond): // looks again: a run takes as long as it takes
		}
		if n := w.complete(); n > last {
			last = n
			if change {
				w.site.change(1 + w.rnd.IntN(2))
			}
		}
	}
}

// kill kills the daemon amid a run.
func (w *watcher) kill() {
	w.t.Helper()
	more := len(w.site.web.Hits()) + 3 + w.rnd.IntN(watchedPages)
	for over := time.After(time.Minute); len(w.site.web.Hits()) < more; {
		select {
		case <-over:
			w.t.Fatalf("nothing more is asked for:\n%s", w.proc.talk.String())
		case <-time.After(time.Millisecond):
		}
	}
	w.proc.kill(w.t)
}

// watchAndKill is what a user relies on who watches a site: each change is found
// once, nothing is lost and nothing fetched in vain, whatever becomes of the
// daemon meanwhile, and the site is asked no faster than it was promised.
func watchAndKill(t *testing.T, runs, kills int) {
	w := newWatcher(t)
	w.start()
	for n := range kills {
		w.until(2+n*max(1, (runs-4)/kills), true)
		w.kill()
		w.start()
	}
	w.until(runs, true)
	w.until(w.complete()+2, false) // one may have begun before the last change
	w.proc.signal(t, os.Interrupt)
	if code := w.proc.exit(t, time.Minute); code != 0 {
		t.Errorf("told to stop it ends with %d:\n%s", code, w.proc.talk.String())
	}
	w.judge()
}

func (w *watcher) judge() {
	w.t.Helper()
	w.bin.check(w.t, w.data)
	var all []struct{ Run, State string }
	w.query(&all, "", "SELECT run, state FROM runs ORDER BY started")
	found, same, complete := 0, 0, 0
	for _, r := range all {
		var n []struct{ Pages, Good, Same, Changed int }
		if r.State != "complete" {
			continue
		}
		complete++
		w.query(&n, r.Run, "SELECT count(*) AS pages, sum(status IN (200, 304)) AS good, sum(unchanged) AS same, (SELECT count(*) FROM changes WHERE kind = 'title') AS changed FROM pages WHERE kind = 'page'")
		if n[0].Pages != watchedPages || n[0].Good != watchedPages {
			w.t.Errorf("run %s has %d pages, %d of them good; the site has %d", r.Run, n[0].Pages, n[0].Good, watchedPages)
		}
		found += n[0].Changed
		same += n[0].Same
	}
	if unfinished := len(all) - complete; unfinished > 1 { // the last one was stopped
		w.t.Errorf("%d runs are not complete", unfinished)
	}
	if found != w.site.changes {
		w.t.Errorf("%d changes were found, %d were made", found, w.site.changes)
	}
	if want := complete*watchedPages - watchedPages - w.site.changes; same != want {
		w.t.Errorf("%d visits found a page unchanged, %d should have", same, want)
	}
	w.history(complete)
	w.manners()
	w.t.Logf("%d runs complete, %d changes, %d visits unchanged, %d requests", complete, found, same, len(w.site.web.Hits()))
}

// history wants a row for each time of the schedule, and a run done for as many as
// are complete.
func (w *watcher) history(complete int) {
	w.t.Helper()
	var rows []struct {
		State      string
		Times      int
		First, Due time.Time
	}
	w.query(&rows, "", "SELECT state, times, coalesce(first, due) AS first, due FROM schedule_runs ORDER BY due")
	every, err := time.ParseDuration(everySchedule)
	if err != nil || len(rows) == 0 {
		w.t.Fatalf("%d rows, %v", len(rows), err)
	}
	times, states := 0, map[string]int{}
	for _, r := range rows {
		times += r.Times
		states[r.State] += r.Times
	}
	if want := int(rows[len(rows)-1].Due.Sub(rows[0].First)/every) + 1; times != want {
		w.t.Errorf("the history knows of %d times, %d have come: %v", times, want, rows)
	}
	if states["done"] != complete {
		w.t.Errorf("%d runs are complete, the history has %v", complete, states)
	}
	w.t.Logf("times of the schedule: %v", states)
}

// manners holds the server's log against the rate, and counts answers 304.
func (w *watcher) manners() {
	w.t.Helper()
	audit := testweb.Audit{Delay: func(string) time.Duration { return w.delay }, Agent: "crawl", MayRepeat: func(testweb.Hit) bool { return true }}
	for _, breach := range audit.Check(w.site.web.Hits(), nil) {
		w.t.Error(breach)
	}
	whole := 0
	for _, h := range w.site.web.Hits() {
		if h.Status == http.StatusOK {
			whole++
		}
	}
	// What was fetched whole and killed before it was stored is fetched whole again.
	if most := watchedPages + w.site.changes + 2*underWay; whole < watchedPages+w.site.changes || whole > most {
		w.t.Errorf("%d pages were sent whole; at least %d, at most %d should have been", whole, watchedPages+w.site.changes, most)
	}
}

// query asks a statement of the store.
func (w *watcher) query(to any, run, statement string) {
	w.t.Helper()
	args := []string{"query", "--data", w.data, "-f", "json"}
	if run != "" {
		args = append(args, run)
	}
	out := w.bin.must(w.t, append(args, statement)...)
	if err := json.Unmarshal(out, to); err != nil {
		w.t.Fatalf("%s: %v", out, err)
	}
}

// TestWatchAndKill is the short of TestAcceptanceWatchAndKill.
func TestWatchAndKill(t *testing.T) { watchAndKill(t, 4, 1) }
