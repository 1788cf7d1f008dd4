package weburl

import "strings"

// Parse reads an absolute URL. Its errors are of type *Error: ErrScheme for
// whatever begins with a scheme other than http and https, without a look at
// the rest; ErrTooLong above MaxLength; ErrInvalid otherwise.
func Parse(raw string) (URL, error) { return parse(raw, URL{}, nil) }

// Restore is Parse for what String returned, kept where nobody else writes: it
// looks for the end of the origin, and of the rest it checks no more than what
// String promises. The URL shares s.
func Restore(s string) (URL, error) {
	if len(s) > MaxLength {
		return URL{}, fail(s, ErrTooLong)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' { // kept badly
			return URL{}, fail(s, ErrInvalid)
		}
	}
	for _, scheme := range [...]string{"https://", "http://"} {
		if rest, ok := strings.CutPrefix(s, scheme); ok {
			if slash := strings.IndexByte(rest, '/'); slash > 0 {
				return URL{href: s, path: len(scheme) + slash}, nil
			}
		}
	}
	return URL{}, fail(s, ErrInvalid)
}

// Resolve reads ref as a link found on the page u; errors are those of Parse.
// The base costs nothing: its pieces are slices of u.
func (u URL) Resolve(ref string) (URL, error) { return u.ResolveTo(nil, ref) }

// ResolveTo is Resolve for a page with many links: the address is in room,
// unless that is nil.
func (u URL) ResolveTo(room *Room, ref string) (URL, error) {
	if u.IsZero() {
		return URL{}, fail(ref, ErrInvalid)
	}
	if dir, path, ok := u.below(ref); ok {
		return URL{href: room.join(dir, path), path: u.path}, nil
	}
	return parse(ref, u, room)
}

// below is Resolve for what most links are: a path of characters that stand for
// themselves, from the root, from the directory of u, or from one above it. To
// all else it says no.
func (u URL) below(ref string) (dir, path string, ok bool) {
	end := 0
	for end < len(ref) && plainInPath[ref[end]] {
		end++
	}
	if end == 0 || end < len(ref) && ref[end] != '#' {
		return "", "", false
	}
	dir, path = u.href[:u.path+1], ref[:end]
	if path[0] == '/' {
		if path = path[1:]; path != "" && path[0] == '/' {
			return "", "", false
		}
	} else {
		dir = u.directory()
		for strings.HasPrefix(path, "../") {
			path = path[3:]
			dir = dir[:max(strings.LastIndexByte(dir[:len(dir)-1], '/'), u.path)+1]
		}
	}
	if path != "" && path[0] == '.' || strings.Contains(path, "/.") || len(dir)+len(path) > MaxLength {
		return "", "", false
	}
	return dir, path, true
}

// directory returns u up to the last slash of its path.
func (u URL) directory() string {
	path := u.href
	if i := strings.IndexByte(u.href[u.path:], '?'); i >= 0 {
		path = u.href[:u.path+i]
	}
	return path[:strings.LastIndexByte(path, '/')+1]
}

// parse follows the basic URL parser of the standard (URL, 4.4) for the two
// web schemes. What of it concerns files, opaque paths and fragments is gone,
// and with it all of its states: a web address splits at fixed characters.
func parse(raw string, base URL, room *Room) (URL, error) {
	text := clean(raw)
	scheme, rest, absolute := cutScheme(text)
	web := ""
	if absolute {
		if web = webScheme(scheme); web == "" {
			e := fail(raw, ErrScheme)
			e.Scheme = strings.ToLower(scheme[:min(len(scheme), maxScheme)])
			return URL{}, e
		}
	}
	var u URL
	reason := ErrInvalid
	switch {
	case absolute && (web != base.Scheme() || strings.HasPrefix(rest, "//")):
		u, reason = absoluteURL(web, rest, base, room)
	case !base.IsZero(): // "http:x" on an http page is the same as "x"
		u, reason = base.relative(rest, room)
	}
	if reason != nil {
		return URL{}, fail(raw, reason)
	}
	return u, nil
}

// clean takes from the text what the standard has a parser take: C0 controls
// and blanks at the ends, tabs and newlines anywhere; and the fragment, which
// is all that follows the first "#".
func clean(s string) string {
	for s != "" && s[0] <= ' ' {
		s = s[1:]
	}
	for s != "" && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '#':
			return s[:i]
		case '\t', '\n', '\r':
			s, _, _ = strings.Cut(newlines.Replace(s), "#")
			return s
		}
	}
	return s
}

var newlines = strings.NewReplacer("\t", "", "\n", "", "\r", "")

// cutScheme splits s after its scheme; without one rest is s.
func cutScheme(s string) (scheme, rest string, ok bool) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return s[:i], s[i+1:], true
		default:
			return "", s, false
		}
	}
	return "", s, false
}

// webScheme returns the lower-case spelling of a web scheme, "" for another.
// The scheme is ASCII, so EqualFold folds nothing but case.
func webScheme(s string) string {
	switch {
	case s == "https" || strings.EqualFold(s, "https"):
		return "https"
	case s == "http" || strings.EqualFold(s, "http"):
		return "http"
	}
	return ""
}

// stackURL is the length up to which an address is built without a second
// allocation; longer ones are as right and a little slower.
const stackURL = 256

// absoluteURL reads what follows "http:": slashes of either kind, as many as
// there are, then userinfo, host, port, path and query. An authority that the
// base spells alike is not read again.
func absoluteURL(scheme, rest string, base URL, room *Room) (URL, error) {
	for rest != "" && isSlash(rest[0]) {
		rest = rest[1:]
	}
	end := authorityEnd(rest)
	authority, tail := rest[:end], rest[end:]
	var buf [stackURL]byte
	b := append(buf[:0], scheme...)
	b = append(b, "://"...)
	if authority == base.Host() && scheme == base.Scheme() {
		b = append(b, authority...)
	} else {
		var ok bool
		if b, ok = appendAuthority(b, authority, scheme); !ok {
			return URL{}, ErrInvalid
		}
	}
	if tail != "" && isSlash(tail[0]) {
		tail = tail[1:]
	}
	start := len(b)
	return finish(append(b, '/'), start, tail, room)
}

// authorityEnd returns the index of the path or query that ends the authority.
func authorityEnd(s string) int {
	for i := 0; i < len(s); i++ {
		if c := s[i]; isSlash(c) || c == '?' {
			return i
		}
	}
	return len(s)
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }

// relative reads a reference that has no scheme of its own.
func (u URL) relative(ref string, room *Room) (URL, error) {
	var buf [stackURL]byte
	switch {
	case ref == "":
		return u, nil
	case isSlash(ref[0]) && len(ref) > 1 && isSlash(ref[1]):
		return absoluteURL(u.Scheme(), ref, u, room)
	case isSlash(ref[0]):
		return finish(append(buf[:0], u.href[:u.path+1]...), u.path, ref[1:], room)
	}
	path := u.directory()
	if ref[0] == '?' {
		path, _, _ = strings.Cut(u.href, "?")
	}
	return finish(append(buf[:0], path...), u.path, ref, room)
}

// finish adds path and query to b, which holds an origin that ends at start
// and the path so far. If a path follows, b ends with a slash.
func finish(b []byte, start int, tail string, room *Room) (URL, error) {
	path, query, ok := strings.Cut(tail, "?")
	if path != "" {
		b = appendPath(b, start, path)
	}
	if ok {
		b = appendEncoded(append(b, '?'), query, inQuery)
	}
	if len(b) > MaxLength {
		return URL{}, ErrTooLong
	}
	return URL{href: room.keep(b), path: start}, nil
}
