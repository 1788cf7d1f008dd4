package fetcher

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"crawl/internal/weburl"

	"golang.org/x/net/http/httpguts"
)

// Defaults of Config.
const (
	DefaultUserAgent  = "crawl/1.0"
	DefaultTimeout    = 20 * time.Second
	DefaultMaxTime    = 2 * time.Minute
	DefaultMinSpeed   = 64       // bytes a second
	DefaultMaxBody    = 10 << 20 // bytes
	DefaultMaxRatio   = 200
	DefaultMaxHeader  = 64 << 10 // bytes
	DefaultMaxCookies = 50
	DefaultMaxIdle    = 256
	DefaultMaxNames   = 10_000
)

// Config says how a Fetcher talks. Its zero value is usable: every field then
// has the default that its comment names.
type Config struct {
	// UserAgent is the User-Agent header. "" = DefaultUserAgent.
	UserAgent string
	// Header holds harmless headers that every server may see, such as
	// Accept-Language. Names that carry secrets (Authorization, Cookie, ...)
	// or steer the connection are refused by New: see Bound. nil = none.
	Header http.Header
	// Bound holds secrets, each for one exact origin. nil = none.
	Bound []BoundHeader

	// Cookies keeps what servers set, for the life of the Fetcher. false =
	// Set-Cookie is ignored; the user's own cookies in CookieSeed are sent
	// either way.
	Cookies bool
	// CookieSeed holds the user's own cookies, see ParseCookies. nil = none.
	CookieSeed []SeedCookie
	// CookieState is what CookieState of an earlier Fetcher returned, to go on
	// with its cookies. nil = none. Used only with Cookies.
	CookieState []byte
	// MaxCookies is the most cookies kept for one site (registrable domain);
	// the oldest go first. 0 = DefaultMaxCookies; below 0 = none.
	MaxCookies int

	// Proxy takes all requests: http, https, socks5 (names are looked up here)
	// or socks5h (names are looked up by the proxy), with user and password if
	// it wants them. nil = none; the environment is not asked.
	//
	// A proxy hides the target from the address guard: with http, https and
	// socks5 every name is looked up and judged here before the proxy is
	// asked; http and https proxies look it up again and must enforce the same
	// rule, socks5 gets the judged address. With socks5h only what can be
	// judged without a look-up is.
	Proxy *url.URL
	// Resolve says where to connect instead of asking the DNS: "host:port" to
	// "ip" or "ip:port", see ParseResolve. The user names these addresses, so
	// the address guard lets them pass. nil = none.
	Resolve map[string]string
	// Trusted holds origins (as weburl.URL.Origin writes them) that the user
	// typed himself. They may have private addresses, local names and odd
	// ports: scheme, host and port exactly, no other. nil = none.
	Trusted []string
	// AllowPrivate lets every origin have private addresses and local names.
	// Ports that the Fetch standard blocks stay refused.
	AllowPrivate bool

	// Insecure accepts bad certificates; Response.TLSProblem says what is
	// wrong. false = they are faults.
	Insecure bool
	// Roots are the certificates trusted to sign. nil = the system's.
	Roots *x509.CertPool

	// Timeout is how long the head of an answer may take, from the name
	// look-up to the last header. 0 or below = DefaultTimeout.
	Timeout time.Duration
	// MaxTime is how long an exchange may take in all. 0 or below =
	// DefaultMaxTime.
	MaxTime time.Duration
	// MinSpeed is how slow a body may come, in bytes a second over any 10
	// seconds on end; a slower one is cut. 0 = DefaultMinSpeed; below 0 = any.
	MinSpeed int64
	// MaxBody is the most bytes of a body kept, both as sent and decoded.
	// 0 or below = DefaultMaxBody.
	MaxBody int64
	// MaxRatio is how many decoded bytes one coded byte may become once the
	// decoded body is larger than 1 MiB. 0 or below = DefaultMaxRatio.
	MaxRatio int
	// MaxHeader is the most bytes of a response head. 0 or below =
	// DefaultMaxHeader. The number of its lines is limited to MaxHeaderLines.
	MaxHeader int64
	// MaxIdle is how many connections may wait for another request.
	// 0 = DefaultMaxIdle; below 0 = none.
	MaxIdle int
	// MaxNames is how many answers of name servers are remembered. 0 =
	// DefaultMaxNames.
	MaxNames int

	// Dial replaces the network, for tests: address is host:port as in the
	// URL (or the proxy's). Whatever it returns is taken for the peer; the
	// guard judges the names, ports and literal addresses of URLs as ever, but
	// no resolved address. nil = the real network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// BoundHeader is a request header for one origin and no other.
type BoundHeader struct {
	Origin      string // scheme://host[:port] as weburl.URL.Origin writes it
	Name, Value string
}

// withDefaults returns c with every field set, or says why c is unusable.
func (c Config) withDefaults() (Config, error) {
	if c.UserAgent == "" {
		c.UserAgent = DefaultUserAgent
	}
	c.Timeout = positive(c.Timeout, DefaultTimeout)
	c.MaxTime = positive(c.MaxTime, DefaultMaxTime)
	c.MaxBody = positive(c.MaxBody, DefaultMaxBody)
	c.MaxRatio = positive(c.MaxRatio, DefaultMaxRatio)
	c.MaxHeader = positive(c.MaxHeader, DefaultMaxHeader)
	c.MinSpeed = unset(c.MinSpeed, DefaultMinSpeed)
	c.MaxCookies = max(unset(c.MaxCookies, DefaultMaxCookies), 0)
	c.MaxIdle = unset(c.MaxIdle, DefaultMaxIdle)
	c.MaxNames = unset(c.MaxNames, DefaultMaxNames)
	return c, c.check()
}

// positive returns v, or the default d where v is 0 or below.
func positive[T int | int64 | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// unset returns v, or the default d where v is 0.
func unset[T int | int64](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}

func (c *Config) check() error {
	if !httpguts.ValidHeaderFieldValue(c.UserAgent) {
		return errors.New("fetcher: the user agent holds control characters")
	}
	for name, values := range c.Header {
		if secretHeader[strings.ToLower(name)] {
			return fmt.Errorf("fetcher: header %q must be bound to one origin", name)
		}
		for _, v := range values {
			if err := checkHeader(name, v); err != nil {
				return err
			}
		}
	}
	for _, b := range c.Bound {
		if err := checkHeader(b.Name, b.Value); err != nil {
			return err
		}
		if _, err := originOf(b.Origin); err != nil {
			return fmt.Errorf("fetcher: header %q: %w", b.Name, err)
		}
	}
	for _, o := range c.Trusted {
		if _, err := originOf(o); err != nil {
			return fmt.Errorf("fetcher: trusted origin: %w", err)
		}
	}
	return checkProxy(c.Proxy)
}

// originOf checks that s is an origin and nothing more: not "*", no path.
func originOf(s string) (string, error) {
	u, err := weburl.Parse(s)
	if err != nil {
		return "", err
	}
	if u.RequestURI() != "/" || strings.ContainsAny(s, "@*") {
		return "", fmt.Errorf("%q is not one origin and nothing more", u.Origin())
	}
	return u.Origin(), nil
}

// secretHeader holds the names, in lower case, that are never sent everywhere.
var secretHeader = map[string]bool{
	"authorization": true, "cookie": true, "cookie2": true, "proxy-authorization": true,
}

// ownHeader holds the names, in lower case, that the Fetcher or net/http writes
// itself: framing, connection, codings and validators.
var ownHeader = map[string]bool{
	"host": true, "content-length": true, "transfer-encoding": true, "trailer": true,
	"connection": true, "keep-alive": true, "proxy-connection": true, "upgrade": true,
	"te": true, "expect": true, "accept-encoding": true, "user-agent": true,
	"range": true, "if-range": true, "if-match": true, "if-none-match": true,
	"if-modified-since": true, "if-unmodified-since": true, "referer": true,
	"http2-settings": true, "proxy-authorization": true,
}

// checkHeader refuses what would break or forge a request head. Its errors
// never hold the value, which may be a secret.
func checkHeader(name, value string) error {
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return fmt.Errorf("fetcher: %q is not a header name", name)
	case ownHeader[strings.ToLower(name)]:
		return fmt.Errorf("fetcher: header %q cannot be set", name)
	case !httpguts.ValidHeaderFieldValue(value):
		return fmt.Errorf("fetcher: the value of header %q holds control characters", name)
	}
	return nil
}

func checkProxy(p *url.URL) error {
	if p == nil {
		return nil
	}
	switch p.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return fmt.Errorf("fetcher: proxy scheme %q is not http, https, socks5 or socks5h", p.Scheme)
	}
	if p.Hostname() == "" {
		return errors.New("fetcher: the proxy has no host")
	}
	return nil
}
