package fetcher

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"crawl/internal/weburl"
)

// Limits of a cookies.txt.
const (
	maxCookieLine  = 16 << 10 // bytes
	maxCookieLines = 100_000
)

// SeedCookie is a cookie that the user gives, for any port of its host.
type SeedCookie struct {
	Domain   string    // host name, without a dot in front
	HostOnly bool      // not for the hosts below Domain
	Path     string    // "" = "/"
	Secure   bool      // for https only
	Expires  time.Time // zero = never
	Name     string
	Value    string
}

// ParseCookies reads a Netscape cookies.txt, as browsers' extensions, curl and
// wget write it: seven fields with tabs between them (domain, sub-domains too,
// path, https only, expiry in seconds, name, value); blank lines and lines that
// begin with # are comments, but #HttpOnly_ in front of a domain is not. An
// error names the line and never holds a value.
func ParseCookies(r io.Reader) ([]SeedCookie, error) {
	var list []SeedCookie
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxCookieLine)
	n := 0
	for lines.Scan() {
		if n++; n > maxCookieLines {
			return nil, fmt.Errorf("fetcher: cookies line %d: more than %d lines", n, maxCookieLines)
		}
		line := strings.TrimPrefix(strings.TrimSuffix(lines.Text(), "\r"), "#HttpOnly_")
		if n == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		c, err := parseCookieLine(line)
		if err != nil {
			return nil, fmt.Errorf("fetcher: cookies line %d: %w", n, err)
		}
		list = append(list, c)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("fetcher: cookies line %d: %w", n+1, err)
	}
	return list, nil
}

func parseCookieLine(line string) (SeedCookie, error) {
	f := strings.Split(line, "\t")
	if len(f) == 6 {
		f = append(f, "") // an empty value, its tab lost
	}
	if len(f) != 7 {
		return SeedCookie{}, fmt.Errorf("%d fields with tabs between them, not 7", len(f))
	}
	below, err := parseFlag(f[1])
	if err != nil {
		return SeedCookie{}, err
	}
	secure, err := parseFlag(f[3])
	if err != nil {
		return SeedCookie{}, err
	}
	seconds, err := strconv.ParseInt(f[4], 10, 64)
	if err != nil || seconds > 1<<40 {
		return SeedCookie{}, fmt.Errorf("expiry %q is not a number of seconds", cut(f[4]))
	}
	c := SeedCookie{
		Domain: strings.TrimPrefix(f[0], "."), HostOnly: !below, Path: f[2],
		Secure: secure, Name: f[5], Value: f[6],
	}
	if seconds > 0 {
		c.Expires = time.Unix(seconds, 0).UTC()
	}
	_, err = c.cookie()
	return c, err
}

func parseFlag(s string) (bool, error) {
	switch strings.ToUpper(s) {
	case "TRUE":
		return true, nil
	case "FALSE":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither TRUE nor FALSE", cut(s))
}

func cut(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// cookie checks s and puts it into the jar's form.
func (s SeedCookie) cookie() (*cookie, error) {
	// The URL parser gives the host the spelling that requests will have.
	u, err := weburl.Parse((&url.URL{Scheme: "http", Host: s.Domain, Path: "/"}).String())
	if err != nil || strings.Trim(s.Domain, ".") != s.Domain || s.Domain == "" || strings.ContainsAny(s.Domain, "/@?#:%") {
		return nil, fmt.Errorf("domain %q is no host name", cut(s.Domain))
	}
	c := &cookie{
		Name: []byte(s.Name), Value: []byte(s.Value), Domain: u.Hostname(), HostOnly: s.HostOnly || !strings.Contains(s.Domain, "."),
		Path: s.Path, Secure: s.Secure, Expires: s.Expires, seeded: true,
	}
	switch {
	case s.Name == "":
		return nil, errors.New("the cookie has no name")
	case strings.Contains(s.Name, "=") || !printable(s.Name+s.Value):
		return nil, errors.New("the cookie holds control characters or separators")
	case len(s.Name)+len(s.Value) > maxCookieSize:
		return nil, fmt.Errorf("the cookie is over %d bytes", maxCookieSize)
	case !s.HostOnly && strings.Contains(c.Domain, ".") && isSuffix(c.Domain):
		return nil, fmt.Errorf("domain %q is shared by unrelated sites", cut(s.Domain))
	}
	if c.Path == "" {
		c.Path = "/"
	}
	if c.Path[0] != '/' {
		return nil, fmt.Errorf("path %q does not begin with a slash", cut(s.Path))
	}
	return c, nil
}
