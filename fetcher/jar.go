package fetcher

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"crawl/internal/weburl"

	"golang.org/x/net/publicsuffix"
)

const (
	maxCookieSites  = 2000     // sites with cookies; the one unused longest goes first
	maxSiteCookies  = 32 << 10 // bytes of all cookies of a site
	cookieStateV    = 1
	maxCookieState  = 256 << 20 // bytes read back
	maxCookieHeader = 16 << 10  // bytes of a Cookie header; servers refuse more
)

// jar keeps cookies by RFC 6265, 5.3 and 5.4, with two rules more: what https
// set is not sent in clear, and a server's cookie stays with the port it came
// from (80 counts as 443 too), because another port is another service. A nil
// jar holds nothing.
//
// net/http/cookiejar has no limits, cannot be written out, and sits behind a
// parser that refuses what browsers take.
type jar struct {
	keep bool // servers may set cookies
	most int  // cookies a site

	mu    sync.Mutex // guards what follows
	sites map[string]*cookieSite
	clock uint64 // counts changes and uses, for the order of both
}

type cookieSite struct {
	cookies []*cookie
	used    uint64
}

// cookie is one stored cookie; the exported fields are what state writes.
type cookie struct {
	Name, Value []byte // bytes: a server need not write UTF-8
	Domain      string
	HostOnly    bool `json:",omitempty"`
	Path        string
	Secure      bool   `json:",omitempty"`
	TLS         bool   `json:",omitempty"` // set over https
	Port        string `json:",omitempty"` // set by this port; "" = the user gave it, for any
	Expires     time.Time
	seq         uint64 // order of creation
	seeded      bool   // the user's own
}

// newJar returns nil where no cookie is ever sent.
func newJar(c *Config) (*jar, error) {
	if !c.Cookies && len(c.CookieSeed) == 0 {
		return nil, nil
	}
	j := &jar{keep: c.Cookies, most: c.MaxCookies, sites: make(map[string]*cookieSite)}
	now := time.Now()
	for i, s := range c.CookieSeed {
		k, err := s.cookie()
		if err != nil {
			return nil, fmt.Errorf("fetcher: cookie %d: %w", i+1, err)
		}
		j.put(k, now)
	}
	if c.Cookies {
		return j, j.load(c.CookieState, now)
	}
	return j, nil
}

// store takes the cookies that u's server set.
func (j *jar) store(u weburl.URL, h http.Header, now time.Time) {
	if j == nil || !j.keep {
		return
	}
	for _, line := range h.Values("Set-Cookie") {
		if s, ok := parseSetCookie(line, now); ok {
			j.accept(u, s, now)
		}
	}
}

// accept is RFC 6265, 5.3, with the prefixes and the rule about Secure of
// RFC 6265bis.
func (j *jar) accept(u weburl.URL, s setCookie, now time.Time) {
	tls := u.Scheme() == "https"
	c := &cookie{
		Name: []byte(s.name), Value: []byte(s.value), Domain: s.domain, Path: s.path,
		Secure: s.secure, TLS: tls, Port: u.Port(), Expires: s.expires,
	}
	if s.secure && !tls || !prefixKept(s, tls) || !c.setDomain(u.Hostname()) {
		return
	}
	if !strings.HasPrefix(c.Path, "/") {
		c.Path = defaultPath(u.Path())
	}
	j.put(c, now)
}

func prefixKept(s setCookie, tls bool) bool {
	name := strings.ToLower(s.name)
	switch {
	case strings.HasPrefix(name, "__host-"):
		return tls && s.secure && s.domain == "" && s.path == "/"
	case strings.HasPrefix(name, "__secure-"):
		return tls && s.secure
	}
	return true
}

// setDomain decides whom a cookie of host is for; false: the server may not set
// it. A public suffix may set one for itself only.
func (c *cookie) setDomain(host string) bool {
	if c.Domain == "" || c.Domain == host {
		suffix := c.Domain != "" && isSuffix(host)
		c.HostOnly = c.Domain == "" || suffix || isIP(host)
		c.Domain = host
		return true
	}
	return !isIP(host) && !isSuffix(c.Domain) && strings.HasSuffix(host, "."+c.Domain)
}

func isSuffix(domain string) bool {
	s, _ := publicsuffix.PublicSuffix(domain)
	return s == domain
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// siteOf is the unit of the limits: no cookie is sent to another one.
func siteOf(host string) string {
	if s, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil && !isIP(host) {
		return s
	}
	return host
}

// put adds c, in place of the one with the same name, domain and path.
func (j *jar) put(c *cookie, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.clock++
	c.seq = j.clock
	key := siteOf(c.Domain)
	site := j.sites[key]
	if site == nil {
		site = new(cookieSite)
	}
	site.used = j.clock
	for i, old := range site.cookies {
		if string(old.Name) != string(c.Name) || old.Domain != c.Domain || old.Path != c.Path || old.HostOnly != c.HostOnly {
			continue
		}
		if old.Secure && !c.TLS && !c.seeded {
			return // a server in clear may not replace a secure cookie
		}
		c.seq = old.seq
		site.cookies = slices.Delete(site.cookies, i, i+1)
		break
	}
	if c.Expires.IsZero() || c.Expires.After(now) {
		site.cookies = append(site.cookies, c)
	}
	site.shrink(j.most, now)
	if len(site.cookies) == 0 {
		delete(j.sites, key)
		return
	}
	j.sites[key] = site
	j.dropSite()
}

// shrink drops what has expired, then the oldest, down to the limits.
func (s *cookieSite) shrink(most int, now time.Time) {
	s.cookies = slices.DeleteFunc(s.cookies, func(c *cookie) bool { return c.expired(now) })
	slices.SortFunc(s.cookies, func(a, b *cookie) int { return cmp.Compare(a.seq, b.seq) })
	bytes := 0
	for i := len(s.cookies) - 1; i >= 0; i-- {
		bytes += s.cookies[i].size()
		if len(s.cookies)-i > most || bytes > maxSiteCookies {
			s.cookies = slices.Delete(s.cookies, 0, i+1)
			return
		}
	}
}

func (c *cookie) expired(now time.Time) bool { return !c.Expires.IsZero() && !c.Expires.After(now) }

func (c *cookie) size() int { return len(c.Name) + len(c.Value) + len(c.Domain) + len(c.Path) }

// dropSite keeps the number of sites. The map is walked only when it is full.
func (j *jar) dropSite() {
	if len(j.sites) <= maxCookieSites {
		return
	}
	oldest, used := "", j.clock+1
	for key, s := range j.sites {
		if s.used < used {
			oldest, used = key, s.used
		}
	}
	delete(j.sites, oldest)
}

// header is the Cookie header for u, "" where there is none.
func (j *jar) header(u weburl.URL, now time.Time) string {
	if j == nil {
		return ""
	}
	host, path := u.Hostname(), u.Path()
	j.mu.Lock()
	defer j.mu.Unlock()
	site := j.sites[siteOf(host)]
	if site == nil {
		return ""
	}
	j.clock++
	site.used = j.clock
	var send []*cookie
	for _, c := range site.cookies {
		if !c.expired(now) && c.reaches(u.Scheme(), host, u.Port()) && pathMatch(path, c.Path) {
			send = append(send, c)
		}
	}
	slices.SortFunc(send, func(a, b *cookie) int {
		return cmp.Or(cmp.Compare(len(b.Path), len(a.Path)), cmp.Compare(a.seq, b.seq))
	})
	var b strings.Builder
	for _, c := range send {
		if b.Len()+len(c.Name)+len(c.Value)+3 > maxCookieHeader {
			break
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.Write(c.Name)
		b.WriteByte('=')
		b.Write(c.Value)
	}
	return b.String()
}

// reaches decides whether c may go to a server at all.
func (c *cookie) reaches(scheme, host, port string) bool {
	switch {
	case (c.Secure || c.TLS) && scheme != "https":
		return false
	case c.Port != "" && c.Port != port && !(c.Port == "80" && port == "443"):
		return false
	case c.Domain == host:
		return true
	}
	return !c.HostOnly && strings.HasSuffix(host, "."+c.Domain)
}

// state writes what servers set, in order of creation.
func (j *jar) state(now time.Time) []byte {
	if j == nil || !j.keep {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	out := cookieState{Version: cookieStateV}
	for _, s := range j.sites {
		for _, c := range s.cookies {
			if !c.seeded && !c.expired(now) {
				out.Cookies = append(out.Cookies, c)
			}
		}
	}
	slices.SortFunc(out.Cookies, func(a, b *cookie) int { return cmp.Compare(a.seq, b.seq) })
	raw, err := json.Marshal(out)
	if err != nil {
		return nil // cannot be: strings, bytes and times of ours
	}
	return raw
}

// cookieState is the stored form of a jar: JSON.
type cookieState struct {
	Version int
	Cookies []*cookie
}

// load reads what state wrote, under the limits of today.
func (j *jar) load(raw []byte, now time.Time) error {
	if len(raw) == 0 {
		return nil
	}
	if len(raw) > maxCookieState {
		return fmt.Errorf("fetcher: cookie state of %d bytes is over the limit", len(raw))
	}
	var in cookieState
	if err := json.Unmarshal(raw, &in); err != nil {
		return fmt.Errorf("fetcher: cookie state: %w", err)
	}
	if in.Version != cookieStateV {
		return fmt.Errorf("fetcher: cookie state has version %d, not %d", in.Version, cookieStateV)
	}
	for i, c := range in.Cookies {
		if c == nil || len(c.Name) == 0 || !printable(string(c.Name)+string(c.Value)) || c.Domain == "" || !strings.HasPrefix(c.Path, "/") {
			return fmt.Errorf("fetcher: cookie state: cookie %d is broken", i+1)
		}
		j.put(c, now)
	}
	return nil
}
