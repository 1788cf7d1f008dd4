package testweb

import (
	"net/http"
	"strconv"
	"strings"
)

// RobotsVariant is a host with an odd robots.txt, and what RFC 9309 makes of
// it for an agent that the file does not name.
type RobotsVariant struct {
	Name    string
	Handler http.Handler
	Public  bool // may /public be fetched?
	Private bool // may /private/x be fetched?
}

const (
	privateRules = "User-agent: *\nDisallow: /private/\n"
	// robotsLimit is how much of the file a crawler must read (RFC 9309, 2.5).
	robotsLimit = 500 << 10
)

// RobotsVariants returns hosts that answer /robots.txt oddly and all other
// paths by rest.
func RobotsVariants(rest http.Handler) []RobotsVariant {
	text := func(name, body string, public, private bool) RobotsVariant {
		return RobotsVariant{name, withRobots(fixed(http.StatusOK, types[".txt"], body), rest), public, private}
	}
	status := func(code int, allowed bool) RobotsVariant {
		return RobotsVariant{strconv.Itoa(code), withRobots(fixed(code, types[".txt"], privateRules), rest), allowed, allowed}
	}
	filler := strings.Repeat("# filler\n", robotsLimit/9+1)
	return []RobotsVariant{
		text("plain", privateRules, true, false),
		text("empty", "", true, true),
		text("closed", "User-agent: *\nDisallow: /\n", false, false),
		text("bom", "\ufeff"+privateRules, true, false),
		text("cr-only", strings.ReplaceAll(privateRules, "\n", "\r"), true, false),
		text("crlf", strings.ReplaceAll(privateRules, "\n", "\r\n"), true, false),
		text("split-groups", "User-agent: *\nDisallow: /x\n\nUser-agent: other\nDisallow: /\n\nUser-agent: *\nDisallow: /private/\n", true, false),
		text("tie", "User-agent: *\nDisallow: /private/\nAllow: /private/\n", true, true),
		text("past-the-limit", "User-agent: *\n"+filler+"Disallow: /\n", true, true),
		text("bad-delay", "User-agent: *\nCrawl-delay: soon\nDisallow: /private/\n", true, false),
		{"html", withRobots(fixed(http.StatusOK, types[".html"], "<!DOCTYPE html>\n<title>Home</title><p>Welcome\n"), rest), true, true},
		status(http.StatusUnauthorized, true),
		status(http.StatusForbidden, true),
		status(http.StatusNotFound, true),
		status(http.StatusGone, true),
		status(http.StatusTooManyRequests, false),
		status(http.StatusInternalServerError, false),
		status(http.StatusServiceUnavailable, false),
		{"redirect-5", robotsHops(5, rest), true, false},
		{"redirect-loop", robotsHops(-1, rest), true, true},
	}
}

// withRobots answers /robots.txt by robots and all else by rest.
func withRobots(robots, rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			robots.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// fixed always gives the same answer.
func fixed(status int, contentType, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		write(w, body)
	})
}

// robotsHops redirects /robots.txt n times on to the rules; a negative n never
// arrives.
func robotsHops(n int, rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/robots.txt" {
			rest.ServeHTTP(w, r)
			return
		}
		hop, err := strconv.Atoi(r.URL.Query().Get("hop"))
		if err != nil {
			hop = 0 // the first request has none
		}
		if hop == n {
			fixed(http.StatusOK, types[".txt"], privateRules).ServeHTTP(w, r)
			return
		}
		next := hop + 1
		if n < 0 {
			next %= 2
		}
		http.Redirect(w, r, "/robots.txt?hop="+strconv.Itoa(next), http.StatusFound)
	})
}
