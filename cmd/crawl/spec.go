package main

import (
	"bufio"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"crawl/crawler"
	"crawl/fetcher"
	"crawl/frontier"
	"crawl/internal/parse"
	"crawl/internal/robots"
	"crawl/internal/weburl"
)

// runSettings is what a run stores of its settings: enough to go on later.
type runSettings struct {
	Settings Settings                `json:"settings"`
	Hosts    map[string]HostSettings `json:"hosts,omitempty"`
	Drop     int                     `json:"drop"` // weburl.DropVersion by which its URLs are known
	// Guest says that the seeds are the wish of somebody who may start runs and
	// no more: they get no secrets, and no private address.
	Guest bool `json:"guest,omitempty"`
}

// agent is the User-Agent that a run sends.
func (s *Settings) agent() string {
	if s.UserAgent != "" {
		if s.Contact == "" {
			return s.UserAgent
		}
		return s.UserAgent + " (+" + s.Contact + ")"
	}
	name := "crawl/" + version()
	if s.Contact != "" {
		name += " (+" + s.Contact + ")"
	}
	return name
}

// readSeeds reads the seeds of the command line and of --list. Every fault is
// reported at once.
func readSeeds(s *Settings, args []string, in io.Reader) ([]weburl.URL, error) {
	var faults []fault
	var seeds []weburl.URL
	add := func(where, text string) {
		u, err := seedURL(text)
		if err != nil {
			faults = append(faults, fault{where, err.Error(), "write it as https://example.com/"})
			return
		}
		seeds = append(seeds, u)
	}
	for _, a := range args {
		add("", a)
	}
	if s.List != "" {
		if s.List != "-" {
			f, err := os.Open(s.List)
			if err != nil {
				return nil, newUsageError("list", err.Error(), "name a file with a URL a line, or - for standard input")
			}
			defer f.Close()
			in = f
		}
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, 64<<10)
		for n := 1; lines.Scan(); n++ {
			if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
				add(fmt.Sprintf("%s:%d", s.List, n), line)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, newUsageError(s.List, err.Error(), "")
		}
	}
	if len(faults) == 0 && len(seeds) == 0 {
		return nil, newUsageError("", "there is no URL to crawl", "name one: crawl run https://example.com/")
	}
	return seeds, asUsageError(faults)
}

// seedURL reads a URL as people type it: without a scheme it is https, or
// http for names and addresses of this machine.
func seedURL(text string) (weburl.URL, error) {
	if u, err := url.Parse(text); err == nil && u.User != nil {
		return weburl.URL{}, errors.New("a URL with a password: give it with --auth file:PATH instead")
	}
	if !strings.Contains(text, "://") {
		if u, err := weburl.Parse("http://" + text); err == nil && isLoopback(u) {
			return u, nil
		}
		text = "https://" + text
	}
	return weburl.Parse(text)
}

func isLoopback(u weburl.URL) bool {
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		return ip.Unmap().IsLoopback()
	}
	return u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost")
}

// foreignHosts is how many hosts that a run is not about are asked for links to
// them, unless max_hosts is set: then as many as that.
const foreignHosts = 10_000

// newSpec makes the crawler's orders of settings, for a run that has so much room.
func newSpec(s *Settings, hosts map[string]HostSettings, seeds []weburl.URL, r room) (*crawler.Spec, error) {
	include, err := patterns(s.Include)
	if err != nil {
		return nil, err
	}
	exclude, err := patterns(s.Exclude)
	if err != nil {
		return nil, err
	}
	drop, err := weburl.NewParamSet(s.DropParams)
	if err != nil {
		return nil, err
	}
	fields, err := parse.CompileFields(s.Extract)
	if err != nil {
		return nil, err
	}
	spec := &crawler.Spec{
		Seeds: seeds, Scope: s.Scope, Include: include, Exclude: exclude, DropParams: drop,
		Depth: int(s.Depth), MaxPages: int(max(s.MaxPages, 0)), MaxPagesHost: int(max(s.MaxPagesPerHost, 0)),
		MaxHosts: int(max(s.MaxHosts, 0)), MaxVariants: int(max(s.MaxVariants, 0)), MaxBytes: int64(max(s.MaxBytes, 0)),
		Order: s.Order, Cache: s.Cache, Sitemap: s.Sitemap, Assets: s.Assets == "fetch", CheckAssets: s.Assets == "check", External: s.External == "check",
		Robots: s.Robots, Agent: robots.Product(s.agent()), Retry: s.Retry,
		MaxRedirects: s.MaxRedirects, MaxURL: s.MaxURLLength, MaxLinks: s.MaxLinks, MaxNesting: s.MaxNesting,
		MaxRobots: int(s.MaxRobots), MaxSitemap: int64(s.MaxSitemap), MaxSitemapURLs: s.MaxSitemapURLs, MaxSitemaps: s.MaxSitemaps,
		MaxRetryAfter: s.MaxRetryAfter.Std(), MaxParse: s.MaxParseTime.Std(), MaxFetch: s.MaxFetchTime.Std(),
		MaxBody: int64(s.MaxBody), MaxRatio: s.MaxRatio, Fields: fields,
		Workers: inFlight(s.Concurrency, r.files), Keep: s.Store == "all",
		Manners: manners(s, hosts, seeds), CacheBytes: r.queue, KnownBytes: r.known, RulesBytes: r.rules, NoSync: s.unsynced(),
	}
	if spec.External {
		spec.MaxForeign = cmp.Or(spec.MaxHosts, foreignHosts)
	}
	if s.MaxTime.Limited() {
		spec.MaxTime = s.MaxTime.Std()
	}
	return spec, nil
}

// Files that a run has open beside its requests, and that one request may have
// open: its connection, one kept for later, and one to a name server.
const (
	filesOfRun     = 32
	filesOfRequest = 3
)

// inFlight is how many requests may be in flight: what the user wants, or what
// a limit on open files leaves room for. A machine that is short of files is
// not the fault of the hosts it asks, and the store needs its own.
func inFlight(want, files int) int {
	return max(1, min(want, (files-filesOfRun)/filesOfRequest))
}

// idle is how many connections may be kept for another request: one for each in
// flight, or more if memory has room for them, since hosts that rest between two
// requests are many more. What is in flight has its files first.
func idle(inFlight, room, files int) int {
	return max(inFlight, min(room, files-filesOfRun-(filesOfRequest-1)*inFlight))
}

func patterns(texts []string) ([]crawler.Pattern, error) {
	var all []crawler.Pattern
	for _, t := range texts {
		p, err := crawler.NewPattern(t)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// manners tells how each host is to be treated. A loopback seed that the user
// typed is his own machine: it has no delay unless he asked for one.
func manners(s *Settings, hosts map[string]HostSettings, seeds []weburl.URL) func(string) frontier.Manners {
	home := map[string]bool{}
	for _, u := range seeds {
		if isLoopback(u) && s.Rate.Adaptive() {
			home[u.Origin()] = true
		}
	}
	return func(origin string) frontier.Manners {
		m := frontier.Manners{Rate: perSecond(s.Rate), PerHost: s.PerHost}
		if home[origin] {
			m.Rate = math.Inf(1)
		}
		_, host, _ := strings.Cut(origin, "//")
		if h, ok := hosts[host]; ok {
			if h.Rate != nil {
				m.Rate = perSecond(*h.Rate)
			}
			if h.PerHost != nil {
				m.PerHost = *h.PerHost
			}
		}
		return m
	}
}

func perSecond(r Rate) float64 {
	if r.Adaptive() {
		return 0
	}
	return float64(time.Second) / float64(r.Interval())
}

// newFetcher makes the fetcher that settings ask for. What is trusted are origins
// that the user typed himself.
func newFetcher(s *Settings, trusted []weburl.URL, r room, cookies []byte, log *slog.Logger) (*fetcher.Fetcher, error) {
	c, err := fetcherConfig(s, trusted, r)
	if err != nil {
		return nil, err
	}
	c.CookieState = cookies
	f, err := fetcher.New(c, log)
	if err != nil {
		return nil, newUsageError("", err.Error(), "")
	}
	return f, nil
}

// fetcherConfig reads the secrets too, which go to trusted origins only.
func fetcherConfig(s *Settings, trusted []weburl.URL, r room) (fetcher.Config, error) {
	c := fetcher.Config{
		UserAgent: s.agent(), Cookies: s.Cookies != "off", MaxCookies: s.MaxCookies,
		Trusted: origins(trusted), AllowPrivate: s.AllowPrivate, Insecure: s.Insecure,
		Timeout: s.Timeout.Std(), MaxTime: s.MaxFetchTime.Std(), MinSpeed: int64(cmp.Or(s.MinSpeed, -1)),
		MaxBody: int64(s.MaxBody), MaxRatio: s.MaxRatio, MaxHeader: int64(s.MaxHeader), MaxIdle: idle(inFlight(s.Concurrency, r.files), r.idle, r.files),
		Resolve: map[string]string{}, MaxNames: r.names,
	}
	var err error
	if c.Bound, err = boundHeaders(s, c.Trusted); err != nil {
		return c, err
	}
	if s.Cookies != "on" && s.Cookies != "off" {
		if c.CookieSeed, err = cookieFile(s.Cookies); err != nil {
			return c, err
		}
	}
	if c.Proxy, err = proxy(s); err != nil {
		return c, err
	}
	for _, text := range s.Resolve {
		from, to, err := fetcher.ParseResolve(text)
		if err != nil {
			return c, newUsageError("resolve", err.Error(), "")
		}
		c.Resolve[from] = to
	}
	return c, nil
}

func origins(seeds []weburl.URL) []string {
	seen := map[string]bool{}
	var all []string
	for _, u := range seeds {
		if !seen[u.Origin()] {
			seen[u.Origin()] = true
			all = append(all, u.Origin())
		}
	}
	return all
}

// boundHeaders are the user's headers and password, for each seed's origin.
func boundHeaders(s *Settings, origins []string) ([]fetcher.BoundHeader, error) {
	h, err := s.headers()
	if err != nil {
		return nil, err
	}
	if s.Auth != "" {
		login, err := secret(s.Auth)
		if err != nil {
			return nil, err
		}
		if !strings.Contains(login, ":") {
			return nil, newUsageError("auth", "the secret is not of the form user:password", "write both into it, a colon between")
		}
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(login)))
	}
	var all []fetcher.BoundHeader
	for _, o := range origins {
		for name, values := range h {
			for _, v := range values {
				all = append(all, fetcher.BoundHeader{Origin: o, Name: http.CanonicalHeaderKey(name), Value: v})
			}
		}
	}
	return all, nil
}

func cookieFile(path string) ([]fetcher.SeedCookie, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, newUsageError("cookies", err.Error(), "name a cookies.txt file, or say on or off")
	}
	defer f.Close()
	list, err := fetcher.ParseCookies(f)
	if err != nil {
		return nil, newUsageError(path, err.Error(), "")
	}
	return list, nil
}

func proxy(s *Settings) (*url.URL, error) {
	if s.Proxy == "" {
		return nil, nil
	}
	u, err := url.Parse(s.Proxy)
	if err != nil {
		return nil, newUsageError("proxy", "not a URL", "")
	}
	if s.ProxyAuth != "" {
		login, err := secret(s.ProxyAuth)
		if err != nil {
			return nil, err
		}
		name, password, _ := strings.Cut(login, ":")
		u.User = url.UserPassword(name, password)
	}
	return u, nil
}
