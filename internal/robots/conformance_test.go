//go:build conformance

package robots

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"crawl/internal/conformance"
)

type matchCase struct {
	Name      string
	Robots    string   `json:"robots_txt"`
	RobotsB64 string   `json:"robots_txt_b64"`
	Agent     string   `json:"user_agent"`
	Agents    []string `json:"user_agents"`
	URL       string
	Allowed   bool
	Conflict  bool
	Reference bool `json:"google_reference"`
}

// ask answers a case as the crawler would: it is allowed if each name of the
// agent is. product tells whether names are User-Agent strings.
func (c matchCase) ask(t *testing.T, product bool) bool {
	f := Parse(conformance.Bytes(t, c.Robots, c.RobotsB64))
	agents := c.Agents
	if len(agents) == 0 {
		agents = []string{c.Agent}
	}
	for _, agent := range agents {
		if product && agent != "*" {
			agent = Product(agent)
		}
		if !f.Test(agent, c.URL).Allowed {
			return false
		}
	}
	return true
}

func TestConformanceMatch(t *testing.T) {
	for _, set := range []struct {
		file    string
		product bool
		skip    map[string]string
	}{
		{"google", false, map[string]string{
			"ID_Encoding.3": "asks with a raw ツ, which no request line holds (the set's note); we escape it, as section 2.2.2 says",
			"ID_Encoding.5": "the same",
		}},
		{"protego", true, map[string]string{}},
		{"temoto", true, map[string]string{}},
		{"crawler_commons", true, map[string]string{
			"SimpleRobotRulesParserTest.testMultiAgentNames.1": "two names in one line: section 2.2.1 has one product token a line; Problems says so",
		}},
	} {
		t.Run(set.file, func(t *testing.T) {
			cases := conformance.Load[matchCase](t, "robots/"+set.file+".json")
			passed, likeReference, conflicts := 0, 0, 0
			for _, c := range cases {
				got := c.ask(t, set.product)
				switch why := set.skip[c.Name]; {
				case c.Conflict:
					conflicts++
					if got == c.Reference {
						likeReference++
					} else {
						t.Logf("%s: like the project, not like the reference", c.Name)
					}
				case why != "":
					t.Logf("skipped %s: %s", c.Name, why)
					if got == c.Allowed {
						t.Errorf("%s passes: take it off the list", c.Name)
					}
				case got != c.Allowed:
					t.Errorf("%s: %q may fetch %q = %t, want %t\n%.300s", c.Name, c.Agent, c.URL, got, c.Allowed, c.Robots)
				default:
					passed++
				}
			}
			t.Logf("%d of %d passed, %d skipped, %d in conflict (%d answered like the reference)",
				passed, len(cases), len(set.skip), conflicts, likeReference)
		})
	}
}

func TestConformanceCorpus(t *testing.T) {
	type check struct {
		Agent   string `json:"user_agent"`
		URL     string
		Allowed bool
		Protego *bool
	}
	type corpusCase struct {
		Name      string
		Robots    string `json:"robots_txt"`
		RobotsB64 string `json:"robots_txt_b64"`
		Checks    []check
		Sitemaps  []string
	}
	// Only the sitemaps of these files are answered differently.
	skip := map[string]string{
		"store.usps.com":   "UTF-16 with a mark: we decode it, the reference reads noise",
		"www.myvue.com":    "UTF-16 with a mark: we decode it, the reference reads noise",
		"www.fido.ca":      "bare sitemap URLs are taken, as crawler-commons has it (its testSitemap.1)",
		"www.immihelp.com": "bare sitemap URLs are taken, as crawler-commons has it (its testSitemap.1)",
	}
	passed, disputed := 0, 0
	for _, c := range conformance.Load[corpusCase](t, "robots/corpus.json") {
		f := Parse(conformance.Bytes(t, c.Robots, c.RobotsB64))
		for _, q := range c.Checks {
			got := f.Test(q.Agent, q.URL).Allowed
			switch {
			case q.Protego != nil:
				if got != q.Allowed {
					disputed++
					t.Logf("disputed %s: %q %q = %t: %+v", c.Name, q.Agent, q.URL, got, f.Test(q.Agent, q.URL))
				}
			case got != q.Allowed:
				t.Errorf("%s: %q may fetch %q = %t, want %t (%+v)", c.Name, q.Agent, q.URL, got, q.Allowed, f.Test(q.Agent, q.URL))
			default:
				passed++
			}
		}
		if why := skip[c.Name]; why != "" {
			t.Logf("skipped the sitemaps of %s: %s", c.Name, why)
		} else if diff := cmp.Diff(unique(c.Sitemaps), f.Sitemaps()); diff != "" {
			t.Errorf("%s: sitemaps (-want +got):\n%s", c.Name, diff)
		}
	}
	t.Logf("%d checks passed, %d disputed ones answered unlike the reference", passed, disputed)
}

// unique drops repetitions, as Sitemaps does.
func unique(values []string) []string {
	var u []string
	for _, v := range values {
		if v != "" && !slices.Contains(u, v) {
			u = append(u, v)
		}
	}
	return u
}

func TestConformanceDirectives(t *testing.T) {
	type directiveCase struct {
		Name      string
		Robots    string `json:"robots_txt"`
		RobotsB64 string `json:"robots_txt_b64"`
		Agent     string `json:"user_agent"`
		Op        string
		Result    any
	}
	for _, file := range []string{"protego_directives", "crawler_commons_directives"} {
		for _, c := range conformance.Load[directiveCase](t, "robots/"+file+".json") {
			f := Parse(conformance.Bytes(t, c.Robots, c.RobotsB64))
			agent := c.Agent
			if agent != "*" {
				agent = Product(agent)
			}
			switch c.Op {
			case "sitemaps":
				var want []string
				for _, s := range c.Result.([]any) {
					want = append(want, s.(string))
				}
				if diff := cmp.Diff(want, f.Sitemaps()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.Name, diff)
				}
			case "crawl_delay", "request_rate":
				got, ok := f.CrawlDelay(agent)
				want, wantOK := seconds(c.Result)
				if got != want || ok != wantOK {
					t.Errorf("%s: delay of %q = %v, %t, want %v, %t", c.Name, agent, got, ok, want, wantOK)
				}
			default:
				t.Logf("%s: %s is not read", c.Name, c.Op)
			}
		}
	}
}

// seconds reads a crawl_delay, a number, or a request_rate, an object.
func seconds(result any) (time.Duration, bool) {
	switch r := result.(type) {
	case float64:
		return time.Duration(r * float64(time.Second)), true
	case map[string]any:
		return time.Duration(r["seconds"].(float64) * float64(time.Second) / r["requests"].(float64)), true
	}
	return 0, false
}

func TestConformanceStatus(t *testing.T) {
	for _, c := range conformance.Load[struct {
		Status  int
		Allowed bool
	}](t, "robots/status.json") {
		f := map[State]*File{Found: Parse(nil), Unavailable: AllowAll(), Unreachable: DisallowAll()}[Answer(c.Status)]
		if got := f.Test("bot", "/x").Allowed; got != c.Allowed {
			t.Errorf("%d: allowed = %t, want %t", c.Status, got, c.Allowed)
		}
	}
}

func TestConformancePaths(t *testing.T) {
	skip := map[string]string{
		"//a/b/c": "Test is asked with request lines: what starts with a slash is a path, even with two",
	}
	for _, c := range conformance.Load[struct {
		Op, URL, Path, Pattern, Escaped string
	}](t, "robots/google_paths.json") {
		got, want := normal(c.Pattern, true, false), c.Escaped
		if c.Op == "url_to_match_path" {
			got, want = requestPath(c.URL), c.Path
		}
		if why := skip[c.URL]; why != "" {
			t.Logf("skipped %s: %s", c.URL, why)
		} else if got != want {
			t.Errorf("%s %q%q = %q, want %q", c.Op, c.URL, c.Pattern, got, want)
		}
	}
}

func TestConformanceParse(t *testing.T) {
	type tag struct {
		Line int
		Tag  string
		Typo bool `json:"accepted_typo"`
	}
	for i, c := range conformance.Load[struct {
		Name      string
		Robots    string `json:"robots_txt"`
		RobotsB64 string `json:"robots_txt_b64"`
		Valid     *int   `json:"valid_directives"`
		Unknown   *int   `json:"unknown_directives"`
		LastLine  *int   `json:"last_line"`
		Sitemaps  []string
		Tags      []tag `json:"line_tags"`
	}](t, "robots/google_parse.json") {
		t.Run(c.Name+"."+strconv.Itoa(i), func(t *testing.T) {
			body := conformance.Bytes(t, c.Robots, c.RobotsB64)
			valid, unread, last := 0, 0, 0
			var tags []tag
			n := 0
			for s := decode(body); s != ""; {
				var raw string
				raw, s = nextLine(s)
				n++
				l := split(raw)
				name := map[directive]string{
					unknown: "unknown", userAgent: "user-agent", allow: "allow", disallow: "disallow",
					sitemap: "sitemap", crawlDelay: "unused", requestRate: "unused", foreign: "unused",
				}[l.is]
				switch {
				case l.text == "" && raw == "":
					name = "empty"
				case l.text == "":
					name = "comment"
				case l.is == unknown:
					unread++
				case name != "unused":
					valid++
					last = n
				}
				tags = append(tags, tag{n, name, l.odd == misspelt})
			}
			want := func(what string, want *int, got int) {
				if want != nil && *want != got {
					t.Errorf("%s = %d, want %d", what, got, *want)
				}
			}
			want("valid lines", c.Valid, valid)
			want("unknown lines", c.Unknown, unread)
			want("last line", c.LastLine, last)
			if diff := cmp.Diff(c.Sitemaps, Parse(body).Sitemaps()); c.Sitemaps != nil && diff != "" {
				t.Errorf("sitemaps (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.Tags, tags); c.Tags != nil && diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
		})
	}
}
