package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"crawl/internal/testweb"
)

// site is a seeded web and what is asked of it.
type site struct {
	web      *testweb.Web
	graph    *testweb.Graph
	hosts    int
	latency  time.Duration // before each answer
	pages    atomic.Int64  // answered; robots.txt is none
	inFlight atomic.Int64  // requests that came and are not answered
	links    atomic.Int64  // pages that the pages answered link to, and the roots
	known    []atomic.Bool // which
	next     atomic.Pointer[chan time.Time]
}

// serve serves the web of o. No more than hits requests are remembered.
func serve(o testweb.SyntheticOptions, latency time.Duration, hits int) (*site, error) {
	s := &site{graph: testweb.Synthetic(o), hosts: o.Hosts, latency: latency, known: make([]atomic.Bool, o.Pages)}
	handlers := s.graph.Handlers()
	for name, h := range handlers {
		host, err := strconv.Atoi(strings.TrimPrefix(name, "h"))
		if err != nil {
			return nil, err
		}
		s.learn(host)
		handlers[name] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, host, h) })
	}
	var err error
	s.web, err = testweb.Config{MaxHits: hits}.Serve(handlers)
	return s, err
}

func (s *site) answer(w http.ResponseWriter, r *http.Request, host int, h http.Handler) {
	if next := s.next.Swap(nil); next != nil {
		*next <- time.Now()
	}
	s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	if s.latency > 0 {
		select {
		case <-time.After(s.latency):
		case <-r.Context().Done():
			return
		}
	}
	h.ServeHTTP(w, r)
	if r.URL.Path == "/robots.txt" {
		return
	}
	s.pages.Add(1)
	n := host
	if _, number, deep := strings.Cut(r.URL.Path, "/p/"); deep {
		n, _ = strconv.Atoi(number) // links are ours alone
	}
	for _, to := range s.graph.Links(n) {
		s.learn(to)
	}
}

// learn notes that page n is known to whoever has read the answers.
func (s *site) learn(n int) {
	if !s.known[n].Load() && !s.known[n].Swap(true) {
		s.links.Add(1)
	}
}

// arrival receives when the next request comes.
func (s *site) arrival() <-chan time.Time {
	next := make(chan time.Time, 1)
	s.next.Store(&next)
	return next
}

// list writes the roots of all hosts to a file.
func (s *site) list(folder string) (string, error) {
	var seeds strings.Builder
	for _, host := range s.web.Hosts() {
		seeds.WriteString(s.web.URL(host, "/") + "\n")
	}
	name := filepath.Join(folder, "seeds.txt")
	return name, os.WriteFile(name, []byte(seeds.String()), 0o600)
}

// crawl starts the crawler on all hosts of s, into a new folder.
func (l *lab) crawl(s *site, args ...string) (p *process, data string, err error) {
	if data, err = os.MkdirTemp(l.scratch, "data"); err != nil {
		return nil, "", err
	}
	list, err := s.list(l.scratch)
	if err != nil {
		return nil, "", err
	}
	p, err = l.launch(slices.Concat([]string{
		"run", "--list", list, "--scope", "host", "--sitemap", "off", "--data", data, "--max-pages", "100000000", "--progress", "none",
	}, args)...)
	return p, data, err
}
