package crawler

import (
	"cmp"
	"fmt"

	"crawl/frontier"
	"crawl/internal/weburl"
	"crawl/store"
)

// named makes a link of u, which is known without the parameters that follow
// visitors, and asked for as it is spelt.
func (s *Spec) named(u weburl.URL) frontier.Link {
	l := frontier.Link{URL: s.identity(u)}
	if l.URL != u {
		l.Ask = u
	}
	return l
}

// respelt tells a redirect to another spelling of the URL that was asked for. As
// a link it would be dropped, since the URL is known; so one that is too long is.
func (s *Spec) respelt(l *frontier.Lease, p *store.Page) (to weburl.URL, ok bool) {
	to, err := weburl.Parse(p.Redirect)
	if err != nil || l.Kind != frontier.Page && l.Kind != frontier.Check || s.tooLong(to) {
		return to, false
	}
	return to, s.identity(to) == l.URL && to.String() != cmp.Or(p.Asked, l.URL.String())
}

// loops gives a page its fault whose spellings lead to each other for too long.
func (s *Spec) loops(l *frontier.Lease, p *store.Page) {
	if to, ok := s.respelt(l, p); ok && p.Fault == "" && l.Hops >= s.MaxRedirects {
		p.Fault = FaultRedirects
		p.FaultText = fmt.Sprintf("more than %d redirects in a row, the last from one spelling of this address to another: %s", s.MaxRedirects, to)
	}
}
