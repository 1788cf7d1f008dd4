package crawler

import (
	"slices"
	"strings"

	"crawl/internal/weburl"
)

// repeats tells a path that goes in circles: up to three segments that come
// again more than four times on end, as relative links on a server that
// answers every path produce them.
func repeats(path string) bool {
	const circles = 5
	var room [32]string
	seg := room[:0]
	for path = strings.Trim(path, "/"); ; {
		segment, rest, more := strings.Cut(path, "/")
		if seg = append(seg, segment); !more {
			break
		}
		path = rest
	}
	for period := 1; period <= 3; period++ {
		run := 0
		for i := period; i < len(seg); i++ {
			if run++; seg[i] != seg[i-period] || seg[i] == "" {
				run = 0
			}
			if run >= period*(circles-1) {
				return true
			}
		}
	}
	return false
}

// shape is what u has in common with URLs that differ from it in the values and
// the order of parameters only, such as the months of a calendar: the path and
// the names. "" for a URL without parameters.
func shape(u weburl.URL) string {
	if u.Query() == "" {
		return ""
	}
	var names []string
	for pair := range strings.SplitSeq(u.Query(), "&") {
		if name, _, ok := strings.Cut(pair, "="); ok {
			names = append(names, name+"=*")
		} else {
			names = append(names, "*")
		}
	}
	slices.Sort(names)
	return u.Path() + "?" + strings.Join(slices.Compact(names), "&")
}
