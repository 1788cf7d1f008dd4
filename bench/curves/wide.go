package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"crawl/internal/testweb"
)

// wide is a web of many hosts of which so many pages are known from the
// beginning. Every page links to 40: to the menu of its host and to pages near it,
// to others of its host and of any, all of them known, and to a few that nobody
// knew. So it is alike whatever is known, and never ends.
//
// How many lead far decides what a crawl costs, for these alone are not
// remembered. Of the links of the web at large a memory of 50,000 URLs knows
// four in five (Broder, Najork, Wiener: Efficient URL Caching for World Wide Web
// Crawling, 2003), which is what 4 new and 4 far ones of 40 leave.
type wide struct {
	web   *testweb.Web
	hosts int
	links atomic.Pointer[linking] // nil: no page has links
	asked atomic.Int64            // pages
	words string
}

// linking is what is known, and so what pages link to.
type linking struct {
	known   int            // pages of each host, from the beginning
	further []atomic.Int64 // of each host: how many were linked to since
}

func (w *wide) linking(known int) *linking { return &linking{known, make([]atomic.Int64, w.hosts)} }

// clone is what is known by now, to be counted apart.
func (l *linking) clone() *linking {
	c := &linking{l.known, make([]atomic.Int64, len(l.further))}
	for i := range l.further {
		c.further[i].Store(l.further[i].Load())
	}
	return c
}

// What a page links to; nine in ten are known.
const (
	menuLinks = 20
	nearLinks = 12
	ownLinks  = 2 // any of its host
	farLinks  = 2 // any at all
	newLinks  = linksAPage - menuLinks - nearLinks - ownLinks - farLinks
)

func serveWide(hosts int) (w *wide, err error) {
	w = &wide{hosts: hosts, words: strings.Repeat("anvil hammer forge iron steel tongs ", bodySize/36)}
	handlers := map[string]http.Handler{}
	for h := range hosts {
		handlers["h"+strconv.Itoa(h)] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.answer(rw, r, h) })
	}
	w.web, err = testweb.Config{MaxHits: 1}.Serve(handlers)
	return w, err
}

func (w *wide) answer(rw http.ResponseWriter, r *http.Request, host int) {
	if r.URL.Path == "/robots.txt" {
		_, _ = fmt.Fprintln(rw, "User-agent: *\nDisallow: /private/")
		return
	}
	var page strings.Builder
	page.Grow(bodySize + 512)
	fmt.Fprintf(&page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%s of h%d</title></head>\n<body><ul>\n", r.URL.Path, host)
	if l := w.links.Load(); l != nil {
		l.of(host, number(r.URL.Path), func(h, n int) { fmt.Fprintf(&page, "<li><a href=\"%s\">page %d</a></li>\n", w.url(h, n), n) })
	}
	page.WriteString("</ul>\n<p>")
	page.WriteString(w.words[:max(0, bodySize-page.Len())])
	page.WriteString("</p></body></html>\n")
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Last-Modified", time.Unix(1.7e9, 0).UTC().Format(http.TimeFormat))
	_, _ = fmt.Fprint(rw, page.String())
	w.asked.Add(1)
}

// of tells host and number of each page that page n of a host links to.
func (l *linking) of(host, n int, each func(host, n int)) {
	hosts := len(l.further)
	// Where few are known of a host, those of the hosts next to it count as its own.
	own := func(i int) { each((host+i/l.known)%hosts, i%l.known) }
	for i := range menuLinks {
		own(i)
	}
	for i := range nearLinks {
		own(menuLinks + (n/nearLinks*nearLinks+i)%max(l.known, 1000))
	}
	for range ownLinks {
		own(menuLinks + rand.IntN(max(l.known, 1000)))
	}
	for range farLinks {
		each(rand.IntN(hosts), rand.IntN(l.known))
	}
	end := l.known + int(l.further[host].Add(newLinks))
	for n := end - newLinks; n < end; n++ {
		each(host, n)
	}
}

// found is how many URLs are known to whoever has read all answers.
func (l *linking) found() (n int64) {
	for i := range l.further {
		n += int64(l.known) + l.further[i].Load()
	}
	return n
}

// url is where page n of a host is.
func (w *wide) url(host, n int) string {
	origin := w.web.Origin("h" + strconv.Itoa(host))
	if n == 0 {
		return origin + "/"
	}
	return fmt.Sprintf("%s/section/%d/article-%d.html", origin, n%97, n)
}

// number is the inverse of what url makes a path of.
func number(path string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(path[strings.LastIndexByte(path, '-')+1:], ".html"))
	if err != nil { // a root
		return 0
	}
	return n
}

// seeds are the roots of all hosts, one a line.
func (w *wide) seeds() string {
	var list strings.Builder
	for h := range w.hosts {
		list.WriteString(w.url(h, 0) + "\n")
	}
	return list.String()
}
