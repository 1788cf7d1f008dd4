package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"crawl/internal/weburl"
	"crawl/store"
)

// NameError tells that a name names no run.
type NameError struct {
	Name  string   // as typed
	What  string   // what is wrong with it
	Site  string   // the site that was looked for; "" if it was not one
	Sites []string // that there are, if it was not among them
}

func (e *NameError) Error() string { return e.What }

// ErrNoRuns tells that the store holds no run.
var ErrNoRuns = errors.New("the store holds no run yet")

// FindRun finds the run that people call name:
//
//	acme                   the latest finished run of site acme; if it has
//	                       none, the latest
//	acme~1                 the finished run before it
//	acme@43                run number 43
//	acme@2026-11-17        the last run that was finished by the end of that
//	acme@monday            day, or by that moment: 7d is seven days ago, and
//	acme@7d                RFC 3339 is understood
//	acme@live              the run in progress, or one that can go on
//	https://example.com/x  the latest run that holds this URL, else that asked its host
//	""                     the latest finished run of all
func FindRun(ctx context.Context, st *store.Bolt, name string, now time.Time) (*store.Run, error) {
	wanted, err := parseName(name, now)
	if err != nil {
		return nil, err
	}
	if !wanted.url.IsZero() {
		last, good, err := st.Latest(ctx, wanted.url)
		if err != nil {
			return nil, err
		}
		if good != nil && last.Kind == store.KindExternal { // another site's run followed a link there
			last = good
		}
		if last != nil {
			return st.Run(ctx, last.Run)
		}
		host, err := st.Host(ctx, wanted.url.Origin())
		if err == nil {
			return st.Run(ctx, host.Run)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	return wanted.find(ctx, st)
}

// runName is a name, understood.
type runName struct {
	name   string
	site   string // "" for any
	number int
	back   int       // how many finished runs
	by     time.Time // finished by then
	live   bool
	url    weburl.URL
}

func parseName(name string, now time.Time) (n runName, err error) {
	n = runName{name: name, site: name}
	if strings.Contains(name, "://") {
		if n.url, err = weburl.Parse(name); err != nil {
			return n, &NameError{Name: name, What: err.Error()}
		}
		n.site = n.url.Host()
		return n, nil
	}
	i := strings.LastIndexAny(name, "@~")
	if i < 0 {
		return n, nil
	}
	n.site = name[:i]
	which := name[i+1:]
	number, failed := strconv.Atoi(which)
	switch {
	case failed == nil && number > 0 && name[i] == '@':
		n.number = number
		return n, nil
	case failed == nil && number > 0:
		n.back = number
		return n, nil
	case name[i] == '@' && which == "live":
		n.live = true
		return n, nil
	case name[i] == '@':
		if n.by, err = parseMoment(which, now); err == nil {
			return n, nil
		}
	}
	return n, &NameError{Name: name, What: fmt.Sprintf("%.80q is no name of a run", name)}
}

// parseMoment reads a day, whose end it is, or a moment.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return endOfDay(day), nil
	}
	switch word := strings.ToLower(text); word {
	case "today":
		return now, nil
	case "yesterday":
		return endOfDay(now.AddDate(0, 0, -1)), nil
	default:
		for d := range time.Saturday + 1 {
			if name := strings.ToLower(d.String()); word == name || word == name[:3] {
				return endOfDay(now.AddDate(0, 0, -int((now.Weekday()-d+7)%7))), nil
			}
		}
	}
	if len(text) < 2 {
		return now, errors.New("no moment")
	}
	n, err := strconv.Atoi(text[:len(text)-1])
	if err != nil || n < 0 || n > 100_000 {
		return now, errors.New("no moment")
	}
	switch text[len(text)-1] {
	case 'm':
		return now.Add(-time.Duration(n) * time.Minute), nil
	case 'h':
		return now.Add(-time.Duration(n) * time.Hour), nil
	case 'd':
		return now.AddDate(0, 0, -n), nil
	case 'w':
		return now.AddDate(0, 0, -7*n), nil
	}
	return now, errors.New("no moment")
}

func endOfDay(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, t.Location()).Add(-time.Nanosecond)
}

// Finished tells whether a run came to an end of its own.
func Finished(r *store.Run) bool { return r.State != store.Running && r.State != store.Interrupted }

func (n *runName) find(ctx context.Context, st *store.Bolt) (*store.Run, error) {
	var latest *store.Run // of the site
	back := n.back
	for run, err := range st.Runs(ctx, n.site) {
		if err != nil {
			return nil, err
		}
		if latest == nil {
			latest = run
		}
		switch {
		case n.number > 0:
			if run.Number == n.number {
				return run, nil
			}
		case n.live:
			if !Finished(run) {
				return run, nil
			}
		case !Finished(run), !n.by.IsZero() && run.Ended.After(n.by):
		case back > 0:
			back--
		default:
			return run, nil
		}
	}
	if latest != nil && n.number == 0 && !n.live && n.by.IsZero() && n.back == 0 {
		return latest, nil
	}
	return nil, n.missing(ctx, st, latest != nil)
}

// missing says why there is no such run.
func (n *runName) missing(ctx context.Context, st *store.Bolt, known bool) error {
	e := &NameError{Name: n.name, Site: n.site, What: fmt.Sprintf("there is no run %.80q", n.name)}
	if known {
		return e
	}
	for run, err := range st.Runs(ctx, "") {
		if err != nil {
			return err
		}
		if !slices.Contains(e.Sites, run.Site) {
			e.Sites = append(e.Sites, run.Site)
		}
	}
	if len(e.Sites) == 0 {
		return ErrNoRuns
	}
	shown := n.name
	if !n.url.IsZero() { // all of it may be more than is to be shown
		shown = n.site
	}
	slices.Sort(e.Sites)
	e.What = fmt.Sprintf("there is no run of %.80q", shown)
	return e
}
