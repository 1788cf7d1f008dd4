package crawler

import (
	"fmt"
	"time"

	"crawl/fetcher"
	"crawl/internal/robots"
	"crawl/internal/weburl"
	"crawl/store"
)

// RobotsRequest asks for the robots.txt at u, of which limit bytes are read; 0
// is the limit of robots.
func RobotsRequest(u weburl.URL, limit int) fetcher.Request {
	return fetcher.Request{URL: u, MaxBody: int64(limit), Accept: "text/plain, */*;q=0.5"}
}

// ReadRobots reads the answer to a RobotsRequest to which so many redirects
// led. If it is one more and that is not one too many, Hop says whereto; else
// RobotsRules tells what the answer means. Origin, Run, Try and Until are left
// to the caller.
func ReadRobots(u weburl.URL, hops int, resp *fetcher.Response, failed error) *store.Robots {
	rec := &store.Robots{Fetched: time.Now(), URL: u.String()}
	p := &store.Page{}
	if failed != nil {
		setFault(p, failed)
	} else {
		setAnswer(p, resp, u)
		rec.Text = resp.Body
		if p.Redirect != "" && hops < maxRobotsHops {
			rec.Hop = p.Redirect
		}
	}
	rec.Status, rec.HasAfter, rec.After = p.Status, p.HasAfter, p.After
	rec.Fault, rec.FaultText, rec.Passing = p.Fault, p.FaultText, p.Passing // half a file may lack what forbids
	return rec
}

// RobotsRules are the rules that an answer stands for (RFC 9309, 2.3.1), limit
// bytes of them: its own, none for a 4xx, and nothing is allowed while they are
// out of reach or another hop may tell.
func RobotsRules(rec *store.Robots, limit int) *robots.File {
	state := robots.Unreachable
	if rec.Fault == "" && rec.Hop == "" {
		state = robots.Answer(rec.Status)
	}
	switch state {
	case robots.Found:
		return robots.ParseLimit(rec.Text, limit)
	case robots.Unavailable:
		return robots.AllowAll()
	}
	return robots.DisallowAll()
}

// RobotsNote says in words why an answer brought no rules of its own, and what
// holds instead; "" if it did.
func RobotsNote(rec *store.Robots) string {
	switch {
	case rec.Fault != "":
		return "robots.txt is unreachable, nothing is allowed: " + rec.FaultText
	case unreachable(rec):
		return robotsTrouble(rec) + ", nothing is allowed for now"
	case robots.Answer(rec.Status) == robots.Unavailable && rec.Status < 400:
		return fmt.Sprintf("robots.txt redirects to no address, or more than %d times: everything is allowed", maxRobotsHops)
	case robots.Answer(rec.Status) == robots.Unavailable:
		return robotsTrouble(rec) + ", everything is allowed"
	}
	return ""
}

// unreachable tells a robots.txt that brought no rules and has to be asked for
// again (RFC 9309, 2.3.1.4).
func unreachable(r *store.Robots) bool {
	return r.Fault != "" || robots.Answer(r.Status) == robots.Unreachable
}

// robotsTrouble says in words why a robots.txt brought no rules.
func robotsTrouble(rec *store.Robots) string {
	if rec.Fault != "" {
		return rec.FaultText
	}
	return fmt.Sprintf("robots.txt answered %d", rec.Status)
}
