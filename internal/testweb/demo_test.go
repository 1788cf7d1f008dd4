package testweb

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/japanese"

	"crawl/internal/robots"
)

// visit is one answer of the demo.
type visit struct {
	url     string
	status  int
	header  http.Header
	body    string // decoded from gzip and Shift_JIS
	took    time.Duration
	skipped bool // disallowed by robots.txt
	links   []string
}

func (v visit) title() string {
	m := demoTitle.FindStringSubmatch(v.body)
	if m == nil || !v.isPage() {
		return ""
	}
	return m[1]
}

func (v visit) isPage() bool {
	return v.status == 200 && strings.HasPrefix(v.header.Get("Content-Type"), "text/html")
}

var demoTitle = regexp.MustCompile(`<title>([^<]*)</title>`)

var demoRefs = regexp.MustCompile(`(?:href|src)="([^"]+)"|url\("([^"]+)"\)|<loc>([^<]+)</loc>|<link>([^<]+)</link>`)

// demoLinks returns all absolute addresses that v refers to.
func demoLinks(t *testing.T, v visit) []string {
	t.Helper()
	base, err := url.Parse(v.url)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range demoRefs.FindAllStringSubmatch(v.body, -1) {
		to, err := base.Parse(strings.Join(m[1:], ""))
		if err != nil {
			t.Fatal(err)
		}
		to.Fragment = ""
		found = append(found, to.String())
	}
	if location := v.header.Get("Location"); location != "" {
		to, err := base.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, to.String())
	}
	return found
}

// walkDemo visits all that can be found from the shop's root and sitemap. It
// stays out of the calendar but for the month linked from elsewhere.
func walkDemo(t *testing.T, w *Web) map[string]visit {
	t.Helper()
	c := client(t, w)
	defer c.CloseIdleConnections()
	rules := map[string]*robots.File{}
	seen := map[string]visit{}
	queue := []string{w.URL("shop", "/robots.txt"), w.URL("blog", "/robots.txt"), w.URL("shop", "/sitemap.xml"), w.URL("shop", "/")}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		host, uri, ours := demoSplit(w, u)
		if _, known := seen[u]; known || !ours {
			continue
		}
		v := visit{url: u}
		if strings.HasSuffix(u, "/robots.txt") {
			v = demoGet(t, c, u)
			rules[host] = robots.AllowAll()
			if v.status == 200 {
				rules[host] = robots.Parse([]byte(v.body))
			}
		} else if v.skipped = !rules[host].Test("crawl", uri).Allowed; !v.skipped {
			v = demoGet(t, c, u)
			v.links = demoLinks(t, v)
			if !strings.Contains(uri, "/calendar") {
				queue = append(queue, v.links...)
			}
		}
		seen[u] = v
	}
	return seen
}

// demoSplit returns the host and path of u, and false for other sites.
func demoSplit(w *Web, u string) (host, uri string, ours bool) {
	for _, host := range []string{"shop", "blog"} {
		if uri, ok := strings.CutPrefix(u, w.Origin(host)); ok {
			return host, uri, true
		}
	}
	return "", "", false
}

func demoGet(t *testing.T, c *http.Client, u string) visit {
	t.Helper()
	begin := time.Now()
	resp, body := get(t, c, u)
	v := visit{url: u, status: resp.StatusCode, header: resp.Header, body: body, took: time.Since(begin)}
	if resp.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		v.body = string(plain)
	}
	if strings.Contains(body, `charset="shift_jis"`) {
		plain, err := japanese.ShiftJIS.NewDecoder().String(body)
		if err != nil {
			t.Fatal(err)
		}
		v.body = plain
	}
	return v
}

// onDemo walks the demo in virtual time and calls check with what was found.
func onDemo(t *testing.T, check func(t *testing.T, w *Web, seen map[string]visit)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, err := Config{Pipe: true}.Serve(Demo())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		check(t, w, walkDemo(t, w))
	})
}

func TestDemoTruthIsComplete(t *testing.T) {
	onDemo(t, func(t *testing.T, w *Web, seen map[string]visit) {
		want, got := map[string]int{}, map[string]int{}
		pages := 0
		for _, u := range DemoTruth() {
			if _, twice := want[w.URL(u.Host, u.Path)]; twice {
				t.Errorf("%s%s stands twice in the table", u.Host, u.Path)
			}
			want[w.URL(u.Host, u.Path)] = u.Status
			if u.Fault == FaultDisallowed {
				want[w.URL(u.Host, u.Path)] = 0
			}
		}
		for u, v := range seen {
			if _, inTable := want[u]; !inTable && strings.Contains(u, "/calendar?") {
				continue
			}
			got[u] = v.status
			if v.isPage() {
				pages++
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-DemoTruth +found:\n%s", diff)
		}
		if pages < 40 {
			t.Errorf("%d pages, want 40 at least", pages)
		}
		shopRules := func(host string) string {
			if host == "shop" {
				return seen[w.URL(host, "/robots.txt")].body
			}
			return "" // answered 404
		}
		if got := (Audit{Agent: "crawl"}).Check(w.Hits(), shopRules); got != nil {
			t.Errorf("the walk itself:\n%s", strings.Join(got, "\n"))
		}
	})
}

func TestDemoFaults(t *testing.T) {
	onDemo(t, func(t *testing.T, w *Web, seen map[string]visit) {
		titles := map[string]int{}
		for _, v := range seen {
			if v.title() != "" {
				titles[v.title()]++
			}
		}
		for _, u := range DemoTruth() {
			v := seen[w.URL(u.Host, u.Path)]
			if duplicate := titles[v.title()] > 1; duplicate != (u.Fault == FaultDuplicateTitle) {
				t.Errorf("%s%s: title %q on %d pages", u.Host, u.Path, v.title(), titles[v.title()])
			}
			if slow := v.took >= demoSlow; slow != (u.Fault == FaultSlow) {
				t.Errorf("%s%s took %v", u.Host, u.Path, v.took)
			}
			if noindex := strings.Contains(v.body, "noindex"); noindex != (u.Fault == FaultNoindex) {
				t.Errorf("%s%s: noindex is %v", u.Host, u.Path, noindex)
			}
			if untitled := v.isPage() && v.title() == ""; untitled != (u.Fault == FaultNoTitle) {
				t.Errorf("%s%s: without title: %v", u.Host, u.Path, untitled)
			}
			if orphan := linkedFrom(seen, v.url) == nil && u.Path != "/robots.txt" && u.Path != "/sitemap.xml"; orphan != (u.Fault == FaultOrphan) {
				t.Errorf("%s%s: orphan is %v", u.Host, u.Path, orphan)
			}
			checkTarget(t, w, u, v)
		}
	})
}

// linkedFrom returns the pages that link to u, but for the sitemap.
func linkedFrom(seen map[string]visit, u string) []string {
	var from []string
	for _, v := range seen {
		if !strings.HasSuffix(v.url, "/sitemap.xml") && slices.Contains(v.links, u) {
			from = append(from, v.url)
		}
	}
	return from
}

// checkTarget checks where u leads and where it is linked from.
func checkTarget(t *testing.T, w *Web, u DemoURL, v visit) {
	t.Helper()
	switch u.Fault {
	case FaultRedirect, FaultChain, FaultLoop:
		if got := v.header.Get("Location"); got != u.To {
			t.Errorf("%s%s leads to %q, want %q", u.Host, u.Path, got, u.To)
		}
	case FaultCanonical:
		if !strings.Contains(v.body, `<link rel="canonical" href="`+w.URL(u.Host, u.To)+`">`) {
			t.Errorf("%s%s: canonical link missing", u.Host, u.Path)
		}
	case FaultDisallowed:
		if !v.skipped {
			t.Errorf("%s%s is allowed", u.Host, u.Path)
		}
	}
}

func TestDemoDeadLinks(t *testing.T) {
	onDemo(t, func(t *testing.T, w *Web, seen map[string]visit) {
		for _, u := range DemoTruth() {
			if u.From != "" && !slices.Contains(seen[w.URL(u.Host, u.From)].links, w.URL(u.Host, u.Path)) {
				t.Errorf("%s is not linked from %s", u.Path, u.From)
			}
		}
		if n := len(linkedFrom(seen, w.URL("shop", "/warranty"))); n < 30 {
			t.Errorf("/warranty is linked from %d pages, want every page of the shop", n)
		}
		from := linkedFrom(seen, w.URL("shop", "/products/anvil-5kg"))
		slices.Sort(from)
		want := []string{w.URL("blog", "/choosing-your-first-anvil"), w.URL("shop", "/faq"), w.URL("shop", "/products/"), w.URL("shop", "/sizes")}
		if diff := cmp.Diff(want, from); diff != "" {
			t.Errorf("links to the 5 kg anvil, -want +got:\n%s", diff)
		}
	})
}

func TestDemoOtherFaults(t *testing.T) {
	onDemo(t, func(t *testing.T, w *Web, seen map[string]visit) {
		ja := seen[w.URL("shop", "/ja")]
		if ja.header.Get("Content-Type") != "text/html" || ja.title() != "アクメ鉄床" {
			t.Errorf("/ja: %s, title %q", ja.header.Get("Content-Type"), ja.title())
		}
		c := client(t, w)
		defer c.CloseIdleConnections()
		_, raw := get(t, c, w.URL("shop", "/ja"))
		if !bytes.Contains([]byte(raw), []byte{0x83, 0x41, 0x83, 0x4e, 0x83, 0x81}) {
			t.Error("/ja is not in Shift_JIS")
		}
		if got := seen[w.URL("shop", "/catalogue")]; got.header.Get("Content-Encoding") != "gzip" || !strings.Contains(got.body, "<h1>Catalogue") {
			t.Errorf("/catalogue: %v", got.header)
		}
		if got := seen[w.URL("shop", "/robots.txt")].body; !strings.Contains(got, "Sitemap: "+w.URL("shop", "/sitemap.xml")) {
			t.Errorf("robots.txt names no sitemap: %q", got)
		}
		for page, ref := range map[string]string{"/about": w.URL("union", "/members/acme"), "/contact": "mailto:hello@acme.example", "/": w.URL("blog", "/")} {
			if !slices.Contains(seen[w.URL("shop", page)].links, ref) {
				t.Errorf("%s does not refer to %s", page, ref)
			}
		}
		trap := seen[w.URL("shop", "/calendar?month=2026-01")].links
		for _, month := range []string{"2025-12", "2026-02"} {
			if !slices.Contains(trap, w.URL("shop", "/calendar?month="+month)) {
				t.Errorf("the calendar does not lead to %s: %q", month, trap)
			}
		}
		for u, v := range seen {
			if strings.Contains(v.body, "{{") {
				t.Errorf("%s: unfilled braces", u)
			}
		}
	})
}

func TestDemoValidators(t *testing.T) {
	onDemo(t, func(t *testing.T, w *Web, seen map[string]visit) {
		c := client(t, w)
		defer c.CloseIdleConnections()
		for u, v := range seen {
			if v.status != 200 || strings.Contains(u, "/calendar") {
				continue
			}
			for request, answer := range map[string]string{"If-None-Match": "ETag", "If-Modified-Since": "Last-Modified"} {
				resp, _ := get(t, c, u, request, v.header.Get(answer))
				if resp.StatusCode != http.StatusNotModified {
					t.Errorf("%s with %s %q: %d, want 304", u, request, v.header.Get(answer), resp.StatusCode)
				}
			}
		}
	})
}

func TestDemoHidesItsFiles(t *testing.T) {
	onDemo(t, func(t *testing.T, w *Web, _ map[string]visit) {
		c := client(t, w)
		defer c.CloseIdleConnections()
		for _, p := range []string{"/layout", "/layout.html", "/index", "/index.html", "/products", "/products/index", "/nothing", "/img/"} {
			resp, body := get(t, c, w.URL("shop", p))
			if resp.StatusCode != 404 || !strings.Contains(body, "<title>Not found</title>") {
				t.Errorf("%s: %d %.60q", p, resp.StatusCode, body)
			}
		}
	})
}
