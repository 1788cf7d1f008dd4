package powercut

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	sitePages = 300
	siteHosts = 10
	siteLinks = 8
	// sessionHeader tells in each request which session sent it.
	sessionHeader = "X-Session"
)

// site is a small web on loopback, the same in every run.
type site struct {
	hosts []string // origins

	mu   sync.Mutex
	hits map[int]map[string]int // requests for pages, by session and URL
}

func serveSite(t *testing.T) *site {
	t.Helper()
	s := &site{hits: map[int]map[string]int{}}
	for h := range siteHosts {
		l, err := net.Listen("tcp", fmt.Sprintf("127.82.0.%d:0", h+1))
		if err != nil {
			t.Fatal(err)
		}
		s.hosts = append(s.hosts, "http://"+l.Addr().String())
		server := &http.Server{Handler: http.HandlerFunc(s.serve)}
		go func() { _ = server.Serve(l) }()      // ends with Close
		t.Cleanup(func() { _ = server.Close() }) // nothing depends on it any more
	}
	return s
}

// url is the address of the n-th page.
func (s *site) url(n int) string {
	if n < siteHosts {
		return s.hosts[n] + "/"
	}
	return s.hosts[n%siteHosts] + "/p/" + strconv.Itoa(n)
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	n := -1
	if r.URL.Path == "/" {
		for h, origin := range s.hosts {
			if origin == "http://"+r.Host {
				n = h
			}
		}
	} else if text, ok := strings.CutPrefix(r.URL.Path, "/p/"); ok {
		n, _ = strconv.Atoi(text) // the test itself wrote all links
	}
	if n < 0 {
		http.NotFound(w, r)
		return
	}
	session, _ := strconv.Atoi(r.Header.Get(sessionHeader)) // 0 is the first
	s.mu.Lock()
	if s.hits[session] == nil {
		s.hits[session] = map[string]int{}
	}
	s.hits[session]["http://"+r.Host+r.URL.Path]++
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, s.page(n)) // a client that was killed does not read it
}

// page links to eight others, so that all are reached from the front pages,
// and has a text of its own that hardly compresses.
func (s *site) page(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html><title>Page %d</title><h1>%d</h1>\n", n, n)
	for i := range siteLinks {
		to := (n*siteLinks + i + siteHosts) % sitePages
		fmt.Fprintf(&b, "<a href=%q>page %d</a>\n", s.url(to), to)
	}
	text := make([]byte, 700)
	noise := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)})
	_, _ = noise.Read(text) // cannot fail
	fmt.Fprintf(&b, "<p>%s\n", hex.EncodeToString(text))
	return b.String()
}

// asked returns the requests for pages of one session, as far as they have come:
// those of a process that was killed may still be on their way.
func (s *site) asked(session int) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.hits[session])
}

func (s *site) afresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.hits)
}

func (s *site) seeds() string {
	return strings.Join(s.hosts, "/\n") + "/\n"
}
