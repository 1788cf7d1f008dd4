package testweb

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/fnv"
	"html"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// page answers with a small HTML page of links.
func page(w http.ResponseWriter, title string, hrefs ...string) {
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%s</title></head><body>\n", html.EscapeString(title))
	for _, href := range hrefs {
		fmt.Fprintf(&b, "<p><a href=\"%s\">%[1]s</a></p>\n", html.EscapeString(href))
	}
	b.WriteString("</body></html>\n")
	w.Header().Set("Content-Type", types[".html"])
	write(w, b.String())
}

// Calendar answers every path with a month, ?month=2026-01 or the first that
// begins it, and links to the months before and after: an endless site.
func Calendar() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before, this, after := months(r)
		page(w, "Calendar "+this, "?month="+before, "?month="+after)
	})
}

// months reads the month that r asks for, by default the first of 2026, and
// returns it between its neighbours.
func months(r *http.Request) (before, this, after string) {
	const layout = "2006-01"
	month, err := time.Parse(layout, r.URL.Query().Get("month"))
	if err != nil {
		month = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return month.AddDate(0, -1, 0).Format(layout), month.Format(layout), month.AddDate(0, 1, 0).Format(layout)
}

// PathLoop answers every path with the same page, whose one relative link makes
// /a/b/a/b/… without end.
func PathLoop() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { page(w, "Loop", "a/b/") })
}

// Sessions answers every URL with the same three links, each under a new
// session id made from the URL that was asked for.
func Sessions() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := fnv.New64a()
		_, _ = sum.Write([]byte(r.URL.RequestURI())) // a hash takes all
		sid := "?sid=" + strconv.FormatUint(sum.Sum64(), 16)
		page(w, "Session", "/"+sid, "/cart"+sid, "/help"+sid)
	})
}

// RedirectLoop leads /0 to /1 and so on to the last of n paths, and that back
// to /0; every other path leads to /0. With n=1 the path redirects to itself.
func RedirectLoop(n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := 0
		if i, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/")); err == nil && i >= 0 && i < n {
			next = (i + 1) % n
		}
		w.Header().Set("Location", fmt.Sprintf("/%d", next))
		w.WriteHeader(http.StatusFound)
	})
}

// Drip answers with size bytes, one each interval after the first; a negative
// size never ends.
func Drip(size int64, interval time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", types[".html"])
		out := http.NewResponseController(w)
		for i := int64(0); i != size; i++ {
			if i > 0 && !pause(r.Context(), interval) {
				return
			}
			if _, err := w.Write([]byte(".")); err != nil || out.Flush() != nil {
				return // the client has gone
			}
		}
	})
}

// Silence reads the request and answers nothing until the client goes.
func Silence() http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// EndlessBody sends HTML as fast as the client takes it, without end.
func EndlessBody() http.Handler {
	text := []byte(strings.Repeat("<p>still more</p>\n", 4096/18))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", types[".html"])
		for r.Context().Err() == nil {
			if _, err := w.Write(text); err != nil {
				return // the client has gone
			}
		}
	})
}

// TooMany answers the first n requests of all with 429 and the given
// Retry-After, in whole seconds, and the others by then.
func TooMany(n int, after time.Duration, then http.Handler) http.Handler {
	var mu sync.Mutex // guards n
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		refuse := n > 0
		n--
		mu.Unlock()
		if !refuse {
			then.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Retry-After", strconv.Itoa(int(after/time.Second)))
		http.Error(w, "too many requests", http.StatusTooManyRequests)
	})
}

// GzipBomb answers with megabytes MiB of spaces, gzip-coded to about a
// thousandth.
func GzipBomb(megabytes int) http.Handler {
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	_, err := z.Write(bytes.Repeat([]byte(" "), 1<<20))
	if err == nil {
		err = z.Close()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err != nil { // a buffer takes all
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", types[".html"])
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(megabytes*member.Len()))
		for range megabytes { // members one after the other are one body (RFC 1952, 2.2)
			if _, err := w.Write(member.Bytes()); err != nil {
				return // the client has gone
			}
		}
	})
}
