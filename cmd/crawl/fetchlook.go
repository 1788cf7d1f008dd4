package main

import (
	"context"
	"log/slog"
	"net/http"

	"crawl/crawler"
	"crawl/fetcher"
	"crawl/internal/parse"
	"crawl/internal/robots"
	"crawl/internal/weburl"
	"crawl/store"
)

// looker looks at single URLs as a crawl would.
type looker struct {
	*asker
	spec  *crawler.Spec
	urls  []weburl.URL
	agent string // product token for robots.txt
	text  bool   // the main text is wanted
}

func newLooker(s *Settings, hosts map[string]HostSettings, urls []weburl.URL, log *slog.Logger) (*looker, error) {
	spec, err := newSpec(s, hosts, urls, s.room(1))
	if err != nil {
		return nil, newUsageError("", err.Error(), "")
	}
	spec.Verdict(urls[0]) // makes the scope before several ask for it
	a, err := newAsker(s, hosts, urls, log)
	if err != nil {
		return nil, err
	}
	return &looker{asker: a, spec: spec, urls: urls, agent: robots.Product(s.agent())}, nil
}

// visit is what came of one URL.
type visit struct {
	asked  weburl.URL
	local  bool // it was read from a file
	hops   []hop
	robots *robotsLine // of the last URL; nil if its robots.txt was not read
	scope  scopeVerdict

	resp   *fetcher.Response // nil if there was none
	page   *store.Page
	doc    parse.Doc
	fields []parse.FieldValue
	whence whence
	leaves int // links that leave the scope
}

// hop is a redirect that was followed.
type hop struct {
	URL    string `json:"url"`
	Status int    `json:"status"`
	Target string `json:"target"`
}

// scopeVerdict says whether a crawl of the URLs named would follow a link to the
// URL.
type scopeVerdict struct {
	In     bool   `json:"in"`
	Reason string `json:"reason,omitempty"`
	Rule   string `json:"rule,omitempty"`
}

// visit follows a URL to its page.
func (l *looker) visit(ctx context.Context, u weburl.URL) *visit {
	v := &visit{asked: u}
	for at := u; ; {
		if l.s.Robots != "ignore" && !l.admitted(ctx, v, at) {
			return v
		}
		resp, err := l.get(ctx, fetcher.Request{URL: at})
		next, redirects := target(resp, at)
		if !redirects || len(v.hops) >= l.s.MaxRedirects {
			l.see(v, at, resp, err)
			return v
		}
		v.hops = append(v.hops, hop{at.String(), resp.Status, next.String()})
		at = next
	}
}

func target(resp *fetcher.Response, at weburl.URL) (weburl.URL, bool) {
	if resp == nil || resp.Redirect == "" {
		return weburl.URL{}, false
	}
	next, err := resp.Location(at)
	return next, err == nil
}

// refusedByRobots is the Fault of a page that robots.txt keeps from being asked
// for.
const refusedByRobots = "robots"

// admitted asks the robots.txt of a URL's origin, and reports whether the URL may
// be fetched.
func (l *looker) admitted(ctx context.Context, v *visit, u weburl.URL) bool {
	file, note, err := l.robots(ctx, u)
	if err != nil {
		l.see(v, u, nil, err)
		return false
	}
	line := newRobotsLine(u, l.agent, file, note)
	v.robots = &line
	if line.Allowed || l.s.Robots == "report" {
		return true
	}
	l.see(v, u, nil, &fetcher.Fault{Kind: refusedByRobots, Sentence: "not fetched, robots.txt disallows it: " + line.why()})
	return false
}

// see notes what a crawl would make of the last answer, or of what prevented it.
func (l *looker) see(v *visit, u weburl.URL, resp *fetcher.Response, failed error) {
	v.resp = resp
	reason, rule := l.spec.Verdict(u)
	v.scope = scopeVerdict{reason == "", string(reason), rule}
	v.page, v.doc = l.spec.Look(l.log, u, resp, failed, l.text)
	if n := len(v.hops); n > 0 {
		v.page.From, v.page.Hops = v.hops[n-1].URL, n
	}
	if v.robots != nil && !v.robots.Allowed && resp != nil {
		v.page.Barred = v.robots.why()
	}
	if resp == nil {
		return
	}
	for _, link := range v.doc.Links {
		if reason, _ := l.spec.VerdictAt(link.URL, 1); reason == crawler.ReasonScope {
			v.leaves++
		}
	}
	crawler.Survive(l.log, "the parser", u, func() { v.whence = l.findWhence(u, resp, &v.doc) })
	if crawler.HasFields(v.page) {
		v.fields = l.spec.FieldsOf(l.log, u, resp.Header, resp.Body, true)
		v.page.Fields = crawler.StoreFields(v.fields)
	}
}

// whence says where the directives of a page stand.
type whence struct{ noindex, nofollow []string }

// findWhence reads the header alone, and the page without its directive, within
// the limits that hold for both together.
func (l *looker) findWhence(u weburl.URL, resp *fetcher.Response, doc *parse.Doc) (w whence) {
	if !doc.NoIndex && !doc.NoFollow {
		return w
	}
	const name = "X-Robots-Tag"
	o := l.spec.Reading(false)
	head := parse.Parse(u, http.Header{name: resp.Header.Values(name)}, nil, o)
	rest := resp.Header.Clone()
	rest.Del(name)
	body := parse.Parse(u, rest, resp.Body, o)
	for _, x := range []struct {
		where string
		doc   *parse.Doc
	}{{name, &head}, {"meta robots", &body}} {
		if x.doc.NoIndex {
			w.noindex = append(w.noindex, x.where)
		}
		if x.doc.NoFollow {
			w.nofollow = append(w.nofollow, x.where)
		}
	}
	return w
}
