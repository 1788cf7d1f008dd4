package query

import (
	"fmt"
	"strings"

	"crawl/store"
)

// Faults of a page that say more of it than that there was no answer. They are
// those of the fetcher and the crawler, which a test compares.
const (
	FaultDNS        = "dns"
	FaultTimeout    = "timeout"
	FaultIncomplete = "incomplete"
	FaultRedirects  = "redirects"
)

// section is the first folder of a path that may have a query.
func section(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return store.Section(path)
}

// ClassFields are the fields of a page that its class depends on, and whether
// a search engine would list it.
var (
	classFields    = store.FieldsOf("Kind", "Head", "Status", "Fault", "Passing")
	listableFields = classFields.With(store.FieldsOf("NoIndex", "Barred", "Canonical", "Asked", "Type"))
)

// Class sorts answers by what they mean to whoever looks after the site: only
// broken and server are the site's faults.
func Class(p *store.Page) string {
	switch p.Fault {
	case "", FaultRedirects:
	case FaultDNS:
		if p.Passing { // a name server failed: there may be such a host
			return "unverified"
		}
		return "broken"
	case FaultTimeout, FaultIncomplete:
		return "timeout"
	default:
		return "unverified"
	}
	switch s := p.Status; {
	case p.Head && s >= 400: // servers answer otherwise to GET, and the run ended before that
		return "unverified"
	case s >= 200 && s < 300, s == 304:
		return "ok"
	case p.Kind == store.KindSitemap && (s == 404 || s == 410) && p.URL.RequestURI() == "/sitemap.xml":
		return "absent" // asked for on the chance that it is there
	case s >= 300 && s < 400:
		return "redirect"
	case s == 404, s == 410:
		return "broken"
	case s == 401, s == 403, s == 429, s == 451, s == 999:
		return "blocked"
	case s >= 400 && s < 500:
		return "client"
	case s >= 500 && s < 600:
		return "server"
	}
	return "unverified"
}

// WhyNot says why a search engine would not list the page; "" if nothing keeps
// it from that.
func WhyNot(p *store.Page) string {
	switch {
	case p.Fault != "":
		return p.Fault
	case Class(p) != "ok":
		return fmt.Sprintf("status %d", p.Status)
	case p.IsCheck():
		return "not read"
	case p.NoIndex:
		return "noindex"
	case p.Barred != "":
		return "robots.txt"
	case p.Canonical != "" && p.Canonical != p.URL.String() && p.Canonical != p.Address():
		return "canonical elsewhere"
	case p.Type != "html":
		return "not html"
	}
	return ""
}
