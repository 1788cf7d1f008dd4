package testweb

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// hit makes a Hit that begins and ends so many milliseconds after epoch; an
// end below 0 is none.
func hit(uri string, start, end, status int) Hit {
	h := Hit{Host: "h", Method: "GET", URI: uri, Start: epoch.Add(time.Duration(start) * time.Millisecond), Status: status}
	if end >= 0 {
		h.End = epoch.Add(time.Duration(end) * time.Millisecond)
	}
	return h
}

func broken(h Hit) Hit { h.Broken = true; return h }

func retry(h Hit, d time.Duration) Hit { h.RetryAfter = d; return h }

func on(host string, h Hit) Hit { h.Host = host; return h }

func second(string) time.Duration { return time.Second }

const noTolerance = -1

func TestAudit(t *testing.T) {
	robot := hit("/robots.txt", 0, 10, 200)
	tests := []struct {
		name  string
		audit Audit
		hits  []Hit
		want  []string
	}{
		{"nothing", Audit{}, nil, nil},
		{"polite", Audit{Delay: second}, []Hit{robot, hit("/a", 1010, 1500, 200), hit("/b", 2500, 2510, 404)}, nil},
		{
			"too soon after the end",
			Audit{Delay: second},
			[]Hit{robot, hit("/a", 1010, 1500, 200), hit("/b", 2400, 2410, 200)},
			[]string{"h: GET /b arrived 900ms after GET /a was answered; the delay is 1s"},
		},
		{
			"too soon after robots.txt",
			Audit{Delay: second},
			[]Hit{robot, hit("/a", 500, 510, 200)},
			[]string{"h: GET /a arrived 490ms after GET /robots.txt was answered; the delay is 1s"},
		},
		{"within the tolerance", Audit{Delay: second}, []Hit{robot, hit("/a", 990, 1000, 200)}, nil},
		{
			"no tolerance",
			Audit{Delay: second, Tolerance: noTolerance},
			[]Hit{robot, hit("/a", 1009, 1020, 200)},
			[]string{"h: GET /a arrived 999ms after GET /robots.txt was answered; the delay is 1s"},
		},
		{"own tolerance", Audit{Delay: second, Tolerance: 100 * time.Millisecond}, []Hit{robot, hit("/a", 911, 920, 200)}, nil},
		{
			"unsorted",
			Audit{Delay: second},
			[]Hit{hit("/b", 2400, 2410, 200), robot, hit("/a", 1010, 1500, 200)},
			[]string{"h: GET /b arrived 900ms after GET /a was answered; the delay is 1s"},
		},
		{
			"start to start",
			Audit{Delay: second, PerHost: 2},
			[]Hit{robot, hit("/a", 1000, 5000, 200), hit("/b", 2000, 2100, 200), hit("/c", 2900, 2950, 200)},
			[]string{"h: GET /c arrived 900ms after GET /b arrived; the delay is 1s"},
		},
		{
			"overlap",
			Audit{},
			[]Hit{robot, hit("/a", 20, 30, 200), hit("/b", 29, 40, 200)},
			[]string{"h: GET /b arrived while GET /a was being answered: 2 at once, 1 allowed"},
		},
		{"end to end", Audit{}, []Hit{robot, hit("/a", 20, 30, 200), hit("/b", 30, 40, 200)}, nil},
		{"overlap of a broken answer", Audit{}, []Hit{robot, broken(hit("/a", 20, 30, 200)), hit("/b", 29, 40, 200)}, nil},
		{
			"overlap of one unanswered",
			Audit{},
			[]Hit{robot, hit("/a", 20, -1, 0), hit("/b", 9000, 9001, 200)},
			[]string{"h: GET /b arrived while GET /a was being answered: 2 at once, 1 allowed"},
		},
		{
			"three of two",
			Audit{PerHost: 2},
			[]Hit{robot, hit("/a", 20, 90, 200), hit("/b", 30, 90, 200), hit("/c", 40, 50, 200), hit("/d", 60, 70, 200)},
			[]string{
				"h: GET /c arrived while GET /a was being answered: 3 at once, 2 allowed",
				"h: GET /d arrived while GET /a was being answered: 3 at once, 2 allowed",
			},
		},
		{"hosts apart", Audit{Delay: second}, []Hit{robot, on("g", hit("/robots.txt", 1, 11, 200))}, nil},
		{
			"no robots.txt",
			Audit{},
			[]Hit{hit("/a", 20, 30, 200), hit("/b", 30, 40, 200)},
			[]string{"h: GET /a arrived before robots.txt was answered"},
		},
		{
			"robots.txt too late",
			Audit{PerHost: 2},
			[]Hit{robot, on("g", hit("/a", 5, 20, 200)), on("g", hit("/robots.txt", 0, 10, 200))},
			[]string{"g: GET /a arrived before robots.txt was answered"},
		},
		{
			"robots.txt twice",
			Audit{},
			[]Hit{robot, hit("/robots.txt", 20, 30, 200)},
			[]string{"h: GET /robots.txt was asked again, 20ms after its answer 200"},
		},
		{
			"robots.txt twice after 404",
			Audit{},
			[]Hit{hit("/robots.txt", 0, 10, 404), hit("/robots.txt", 20, 30, 404)},
			[]string{"h: GET /robots.txt was asked again, 20ms after its answer 404"},
		},
		{"robots.txt retried", Audit{}, []Hit{hit("/robots.txt", 0, 10, 503), hit("/robots.txt", 20, 30, 429), broken(hit("/robots.txt", 40, 50, 200)), hit("/robots.txt", 60, 70, 200)}, nil},
		{
			"page twice",
			Audit{},
			[]Hit{robot, hit("/a", 20, 30, 200), hit("/a", 30, 40, 200)},
			[]string{"h: GET /a was asked again, 10ms after its answer 200"},
		},
		{
			"304 is a repeat",
			Audit{},
			[]Hit{robot, hit("/a", 20, 30, 200), hit("/a", 30, 40, 304), hit("/b", 40, 50, 304), hit("/b", 50, 60, 304)},
			[]string{"h: GET /a was asked again, 10ms after its answer 200", "h: GET /b was asked again, 10ms after its answer 304"},
		},
		{"retries", Audit{}, []Hit{robot, hit("/a", 20, 30, 500), broken(hit("/a", 40, 50, 200)), hit("/a", 60, 70, 200), hit("/A", 80, 90, 200), hit("/a?", 100, 110, 200)}, nil},
		{"HEAD is another request", Audit{}, []Hit{robot, hit("/a", 20, 30, 200), {Host: "h", Method: "HEAD", URI: "/a", Start: epoch.Add(time.Second), End: epoch.Add(time.Second), Status: 200}}, nil},
		{
			"may repeat",
			Audit{MayRepeat: func(h Hit) bool { return h.URI == "/a" }},
			[]Hit{robot, hit("/a", 20, 30, 200), hit("/a", 30, 40, 200), hit("/b", 40, 50, 200), hit("/b", 50, 60, 200)},
			[]string{"h: GET /b was asked again, 10ms after its answer 200"},
		},
		{
			"Retry-After ignored",
			Audit{},
			[]Hit{robot, retry(hit("/a", 20, 30, 429), 5*time.Second), hit("/b", 40, 50, 200), hit("/a", 5000, 5001, 200), hit("/c", 5010, 5020, 200)},
			[]string{
				"h: GET /b arrived 10ms after GET /a was answered 429 with Retry-After 5s",
				"h: GET /a arrived 4.97s after GET /a was answered 429 with Retry-After 5s",
			},
		},
		{"Retry-After and a request on its way", Audit{PerHost: 2}, []Hit{robot, retry(hit("/a", 20, 30, 503), 5*time.Second), hit("/b", 25, 50, 200), hit("/a", 5030, 5031, 200)}, nil},
		{"Retry-After above the cap", Audit{RetryCap: time.Second}, []Hit{robot, retry(hit("/a", 20, 30, 503), time.Hour), hit("/a", 1030, 1031, 200)}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.audit.Check(test.hits, nil)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAuditReadsRobots(t *testing.T) {
	texts := map[string]string{"h": "User-agent: crawl\nDisallow: /no\n\nUser-agent: *\nDisallow: /\n"}
	hits := []Hit{
		hit("/robots.txt", 0, 10, 200), hit("/yes", 20, 30, 200), hit("/no?x", 40, 50, 200),
		on("g", hit("/robots.txt", 0, 10, 200)), on("g", hit("/no", 20, 30, 200)),
	}
	got := Audit{Agent: "crawl"}.Check(hits, func(host string) string { return texts[host] })
	want := []string{"h: GET /no?x is disallowed by robots.txt"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAuditCountsTheRest(t *testing.T) {
	hits := []Hit{hit("/robots.txt", 0, 1, 200)}
	for i := range MaxBreaches + 5 {
		hits = append(hits, hit(fmt.Sprintf("/%d", i), 2+i, 2+i, 200))
	}
	got := Audit{Delay: second}.Check(hits, nil)
	if len(got) != MaxBreaches+1 || got[MaxBreaches] != "and 5 more" {
		t.Errorf("%d sentences, the last %q", len(got), got[len(got)-1])
	}
}

// TestAuditOfARealLog holds that a client on the edge of what is allowed, at
// full speed over several connections, is never accused.
func TestAuditOfARealLog(t *testing.T) {
	w := serve(t, Config{}, map[string]http.Handler{"a": hello(strings.Repeat("x", 5000))})
	c := client(t, w)
	for i := range 300 {
		if i%3 == 0 {
			c.CloseIdleConnections()
		}
		uri := "/robots.txt"
		if i > 0 {
			uri = fmt.Sprintf("/%d", i)
		}
		get(t, c, w.URL("a", uri))
	}
	if got := (Audit{Tolerance: noTolerance}).Check(w.Hits(), nil); got != nil {
		t.Errorf("accused:\n%s", strings.Join(got, "\n"))
	}
}
