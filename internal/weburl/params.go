package weburl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DropVersion numbers what DropParams makes of a URL and a set. It changes when
// a URL of old would be taken for a new one.
const DropVersion = 1

// DefaultDropParams are the names of parameters that follow a visitor and do
// not choose a page. "sid" is not among them: many sites name content by it.
var DefaultDropParams = []string{
	"utm_*", "gclid", "fbclid", "dclid", "msclkid", "yclid", "mc_cid", "mc_eid",
	"_ga", "_gl", "igshid", "jsessionid", "phpsessid",
}

// ParamSet is a set of parameter names, compiled by NewParamSet; it may be
// shared. The zero value is empty.
type ParamSet struct {
	exact map[string]bool
	globs []string
}

// maxParamName bounds the names in a set and those compared with them.
const maxParamName = 64

// NewParamSet compiles names, in which "*" stands for any run of characters.
// Case does not count. A pattern of stars alone, an empty one, one that is not
// printable ASCII or has one of "&;=#%", and one longer than 64 bytes are errors.
func NewParamSet(globs []string) (ParamSet, error) {
	s := ParamSet{exact: map[string]bool{}}
	for _, g := range globs {
		if strings.Trim(g, "*") == "" || len(g) > maxParamName || strings.ContainsFunc(g, notInName) {
			return ParamSet{}, fmt.Errorf("weburl: parameter pattern %+q: want 1 to %d characters of a name and \"*\"", g, maxParamName)
		}
		if g = strings.ToLower(g); strings.Contains(g, "*") {
			s.globs = append(s.globs, g)
		} else {
			s.exact[g] = true
		}
	}
	return s, nil
}

// String names the set: two of the same name, by the same DropVersion, are the same.
func (s ParamSet) String() string {
	names := slices.AppendSeq(slices.Clone(s.globs), maps.Keys(s.exact))
	slices.Sort(names)
	return fmt.Sprintf("%d:%s", DropVersion, strings.Join(names, "&"))
}

func notInName(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("&;=#%", r) }

// has reports whether the name of a parameter, as written in a URL, is in s.
func (s ParamSet) has(param string) bool {
	name, _, _ := strings.Cut(param, "=")
	if name == "" || len(name) > 3*maxParamName {
		return false
	}
	name = strings.ToLower(decodePercent(name))
	return s.exact[name] || slices.ContainsFunc(s.globs, func(g string) bool { return matchGlob(g, name) })
}

// matchGlob goes back to the last star only: linear for one star, and never
// more than the product of both lengths.
func matchGlob(glob, name string) bool {
	g, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, mark = g, n
			g++
		case g < len(glob) && glob[g] == name[n]:
			g, n = g+1, n+1
		case star >= 0:
			mark++
			g, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(glob[g:], "*") == ""
}

// DropParams returns u without the parameters whose names are in s: those of
// the query and those of path segments (";jsessionid=1"). The others keep their
// order and spelling. If any goes, empty ones ("&&") go too; where none remain,
// the question mark goes. It is idempotent.
func (u URL) DropParams(s ParamSet) URL {
	if u.IsZero() || len(s.exact)+len(s.globs) == 0 {
		return u
	}
	path, query, ok := strings.Cut(u.href[u.path:], "?")
	newPath := s.cleanPath(path)
	newQuery := s.cleanQuery(query)
	if newPath == path && newQuery == query && (!ok || query != "") {
		return u
	}
	href := u.href[:u.path] + newPath
	if newQuery != "" {
		href += "?" + newQuery
	}
	return URL{href: href, path: u.path}
}

func (s ParamSet) cleanQuery(query string) string {
	kept, dropped := make([]string, 0, 8), false
	for pair := range strings.SplitSeq(query, "&") {
		switch {
		case pair == "":
		case s.has(pair):
			dropped = true
		default:
			kept = append(kept, pair)
		}
	}
	if !dropped && len(kept) > 0 {
		return query
	}
	return strings.Join(kept, "&")
}

func (s ParamSet) cleanPath(path string) string {
	if !strings.Contains(path, ";") {
		return path
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = s.cleanSegment(segment)
	}
	return strings.Join(segments, "/")
}

// cleanSegment leaves "..;jsessionid=1" alone: the rest of it would be another
// path, and no canonical one.
func (s ParamSet) cleanSegment(segment string) string {
	name, params, ok := strings.Cut(segment, ";")
	if !ok {
		return segment
	}
	clean := name
	for param := range strings.SplitSeq(params, ";") {
		if !s.has(param) {
			clean += ";" + param
		}
	}
	if dotSegment(clean) > 0 {
		return segment
	}
	return clean
}
