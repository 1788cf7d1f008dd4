package main

import (
	"encoding/json"
	"testing"

	"crawl/frontier"
	"crawl/internal/weburl"
	"crawl/store"

	"github.com/google/go-cmp/cmp"
)

// What keeps a run from a page that another run has.
func TestJudge(t *testing.T) {
	page := func(url string, p store.Page) store.Page {
		u, err := weburl.Parse(url)
		if err != nil {
			t.Fatal(err)
		}
		p.URL = u
		return p
	}
	const home = "https://a.example/"
	linked := store.Page{From: home, Depth: 1}
	deep := store.Page{From: home, Depth: 4}
	mapped := store.Page{From: home + "sitemap.xml", Depth: frontier.NoDepth}
	for _, tt := range []struct {
		name string
		set  func(*Settings)
		page store.Page
		want string
	}{
		{"its seed", nil, page(home, store.Page{}), ""},
		{"the seed of the other run", nil, page("https://b.example/", store.Page{}), "seeds "},
		{"a page", nil, page(home+"x", linked), ""},
		{"elsewhere", nil, page("https://b.example/x", linked), "scope host"},
		{"excluded", func(s *Settings) { s.Exclude = []string{"/x*"} }, page(home+"x", linked), "excluded /x*"},
		{"too deep", func(s *Settings) { s.Depth = 3 }, page(home+"x", deep), "depth "},
		{"not too deep", func(s *Settings) { s.Depth = 4 }, page(home+"x", deep), ""},
		{"named by a sitemap", func(s *Settings) { s.Depth = 3 }, page(home+"x", mapped), ""},
		{"named by a sitemap, the seeds alone", func(s *Settings) { s.Depth = 0 }, page(home+"x", mapped), "depth "},
		{"a sitemap", nil, page("https://b.example/sitemap.xml", store.Page{Kind: store.KindSitemap}), ""},
		{"a sitemap that is not read", func(s *Settings) { s.Sitemap = "off" }, page(home+"sitemap.xml", store.Page{Kind: store.KindSitemap}), "sitemap off"},
		{"a link where sitemaps alone are read", func(s *Settings) { s.Sitemap = "only" }, page(home+"x", linked), "sitemap only"},
		{"a link of a list", func(s *Settings) { s.Scope = "list" }, page(home+"x", linked), "scope list"},
	} {
		s := defaultSettings()
		if tt.set != nil {
			tt.set(&s)
		}
		kept, err := json.Marshal(runSettings{Settings: s})
		if err != nil {
			t.Fatal(err)
		}
		judge, err := judgeOf(&store.Run{Site: "a", Number: 1, Seeds: []string{home}, Settings: kept})
		if err != nil {
			t.Fatal(err)
		}
		if reason, rule := judge(&tt.page); reason == "" && tt.want != "" || reason != "" && reason+" "+rule != tt.want {
			t.Errorf("%s: %s %s, want %s", tt.name, reason, rule, tt.want)
		}
	}
}

// Settings that make two runs unlike are named, private ones without what they say.
func TestUnlike(t *testing.T) {
	run := func(set func(*Settings), seeds ...string) *store.Run {
		s := defaultSettings()
		set(&s)
		kept, err := json.Marshal(runSettings{Settings: s})
		if err != nil {
			t.Fatal(err)
		}
		return &store.Run{Settings: kept, Seeds: seeds, Rules: s.Extract}
	}
	before := run(func(s *Settings) { s.Depth, s.Include, s.Concurrency = 5, []string{"/de/*"}, 7 }, "https://a.example/")
	for _, tt := range []struct {
		after *store.Run
		want  []string
	}{
		{run(func(s *Settings) { s.Depth, s.Include = 5, []string{"/de/*"} }, "https://a.example/"), nil},
		{run(func(s *Settings) { s.Include = []string{"/de/*", "/fr/*"} }, "https://a.example/"), []string{`include "/fr/*" added`, "depth 5 → unlimited"}},
		{run(func(s *Settings) {
			s.Depth, s.Header, s.Auth, s.Extract = 5, []string{"X-Key: file:k"}, "file:pw", []string{"h=css:h1"}
		}, "https://b.example/"), []string{`seed "https://b.example/" added`, `seed "https://a.example/" removed`, `include "/de/*" removed`, "header is another", "auth is another", `extract "h=css:h1" added`}},
	} {
		got, err := unlike(before, tt.after)
		if d := cmp.Diff(tt.want, got); err != nil || d != "" {
			t.Errorf("%v (-want +got)\n%s", err, d)
		}
	}
}
