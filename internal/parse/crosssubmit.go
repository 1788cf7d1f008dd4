package parse

import "crawl/internal/weburl"

// SitemapMayName applies the cross-submission rule of sitemaps.org: a sitemap
// may name the pages of its own host and of hosts whose robots.txt points at
// it. robotsHosts are those hosts as in weburl.URL.Hostname; site maps a host
// to the unit that is compared, for example the registrable domain; nil
// compares hosts.
func SitemapMayName(sitemap weburl.URL, robotsHosts []string, u weburl.URL, site func(host string) string) bool {
	if site == nil {
		site = func(host string) string { return host }
	}
	if u.IsZero() || sitemap.IsZero() {
		return false
	}
	unit := site(u.Hostname())
	if site(sitemap.Hostname()) == unit {
		return true
	}
	for _, h := range robotsHosts {
		if site(lower(h)) == unit {
			return true
		}
	}
	return false
}
