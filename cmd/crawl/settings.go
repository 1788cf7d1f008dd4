package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/term"

	"crawl/internal/weburl"
)

// Settings holds every option of the command: one field, one option. The field
// and its tags are the only place where an option is written down; flags,
// environment, files, checks, help and JSON follow from them.
//
//	json       the key; --flag and CRAWL_ENV are spelled after it
//	default    as the user would write it, or a list of sharedDefaults
//	group      which commands take it as a flag: data, run, output
//	section    the heading it is shown under
//	help       one line
//	words      the words it takes, with bars between; else: what it takes besides them
//	check      a function of valueChecks, for what the type cannot say
//	min, max   bounds, in the option's own unit
//	unlimited  "yes" if it may be unlimited
//	path       where in its text a file name stands: value, else, secret, header
//	split      "," if flag and environment may hold several entries so divided
//	short      the one-letter flag
//	arg        what help calls the flag's value, where the type does not say it
//
// Lists are never nil, so that JSON keeps an empty one.
type Settings struct {
	Data string `json:"data" arg:"DIR" group:"data" section:"data" path:"value" help:"folder of the store (default $XDG_DATA_HOME/crawl or ~/.local/share/crawl)"`

	Scope           string   `json:"scope" default:"host" group:"run" section:"scope" words:"host|domain|prefix|list|page" help:"how far from the seeds to go"`
	Include         []string `json:"include" arg:"GLOB" group:"run" section:"scope" check:"pattern" help:"crawl only URLs matching this glob on path and query, whole URL with ://, or re:REGEXP; repeatable"`
	Exclude         []string `json:"exclude" arg:"GLOB" group:"run" section:"scope" check:"pattern" help:"leave out URLs matching this, written as for include; repeatable"`
	Depth           Count    `json:"depth" default:"unlimited" group:"run" section:"scope" unlimited:"yes" help:"links away from a seed; 0: the seeds alone"`
	MaxPages        Count    `json:"max_pages" default:"100000" group:"run" section:"scope" unlimited:"yes" min:"1" help:"pages of the run"`
	MaxPagesPerHost Count    `json:"max_pages_per_host" default:"unlimited" group:"run" section:"scope" unlimited:"yes" min:"1" help:"pages of one host"`
	MaxTime         Duration `json:"max_time" default:"unlimited" group:"run" section:"scope" unlimited:"yes" min:"1s" help:"time of the run"`
	MaxBytes        Size     `json:"max_bytes" default:"unlimited" group:"run" section:"scope" unlimited:"yes" min:"1" help:"body bytes the run downloads"`
	DropParams      []string `json:"drop_params" arg:"NAMES" default:"weburl.DefaultDropParams" group:"run" section:"scope" check:"param" split:"," help:"query parameters taken out of URLs, * for any rest"`
	List            string   `json:"list" arg:"FILE" group:"run" section:"scope" path:"value" help:"read seeds from this file, one a line; -: standard input"`

	Order   string `json:"order" default:"bfs" group:"run" section:"discover" words:"bfs|dfs|priority" help:"which URL goes first"`
	Sitemap string `json:"sitemap" default:"auto" group:"run" section:"discover" words:"auto|only|off" else:"URL" check:"url" help:"find pages in sitemaps too, only there, not there, or in this one"`
	Assets  string `json:"assets" default:"skip" group:"run" section:"discover" words:"skip|fetch" help:"images, styles and scripts of pages"`

	Robots      string `json:"robots" default:"obey" group:"run" section:"manners" words:"obey|report|ignore" help:"robots.txt: obey, crawl and report what it forbids, or do not read"`
	Rate        Rate   `json:"rate" default:"adaptive" group:"run" section:"manners" help:"requests to one host: 4/s, 30/m, 1/h or adaptive"`
	PerHost     int    `json:"per_host" default:"1" group:"run" section:"manners" min:"1" max:"64" help:"requests in flight to one host"`
	Concurrency int    `json:"concurrency" default:"64" group:"run" section:"manners" min:"1" max:"4096" help:"requests in flight in all"`

	UserAgent    string   `json:"user_agent" arg:"TEXT" group:"run" section:"request" check:"agent" help:"name sent to servers (default crawl/VERSION), followed by the contact"`
	Contact      string   `json:"contact" arg:"URL" group:"run" section:"request" check:"contact" help:"URL or mail address put in the user agent"`
	Header       []string `json:"header" arg:"LINE" short:"H" group:"run" section:"request" check:"header" path:"header" help:"\"Name: value\" sent to the seeds' origins; the value may be a secret reference (file:PATH); repeatable"`
	Cookies      string   `json:"cookies" default:"on" group:"run" section:"request" words:"on|off" else:"FILE" path:"else" help:"keep cookies, send none, or start from this Netscape cookie file"`
	Auth         string   `json:"auth" arg:"REF" group:"run" section:"request" check:"secret" path:"secret" help:"secret reference to user:password for the seeds' origins: file:PATH, cmd:COMMAND, cred:NAME or prompt"`
	Proxy        string   `json:"proxy" arg:"URL" group:"run" section:"request" check:"proxy" help:"http, https, socks5 or socks5h URL of a proxy"`
	ProxyAuth    string   `json:"proxy_auth" arg:"REF" group:"run" section:"request" check:"secret" path:"secret" help:"secret reference to user:password for the proxy"`
	Resolve      []string `json:"resolve" arg:"HOST:PORT:IP" group:"run" section:"request" check:"resolve" split:"," help:"host:port:ip, connect there instead of asking DNS; repeatable"`
	Timeout      Duration `json:"timeout" default:"20s" group:"run" section:"request" min:"100ms" max:"10m" help:"time to connect and to the first byte of an answer"`
	Retry        int      `json:"retry" default:"2" group:"run" section:"request" min:"0" max:"10" help:"further tries after a passing fault"`
	Insecure     bool     `json:"insecure" default:"false" group:"run" section:"request" help:"accept any TLS certificate"`
	AllowPrivate bool     `json:"allow_private" default:"false" group:"run" section:"request" help:"connect to loopback, private and link-local addresses too"`

	MaxFetchTime   Duration `json:"max_fetch_time" default:"2m" group:"run" section:"limits" min:"1s" max:"1d" help:"time of one request with its body"`
	MinSpeed       Speed    `json:"min_speed" default:"64B/s" group:"run" section:"limits" help:"slower bodies are given up; 0: none"`
	MaxBody        Size     `json:"max_body" default:"10MB" group:"run" section:"limits" min:"1KB" max:"1GB" help:"bytes kept of a body, after decompression"`
	MaxRatio       int      `json:"max_ratio" default:"200" group:"run" section:"limits" min:"1" max:"100000" help:"times a body may grow in decompression"`
	MaxHeader      Size     `json:"max_header" default:"64KiB" group:"run" section:"limits" min:"1KiB" max:"16MiB" help:"bytes of a response header"`
	MaxRedirects   int      `json:"max_redirects" default:"10" group:"run" section:"limits" min:"0" max:"50" help:"redirects in a row"`
	MaxLinks       int      `json:"max_links" default:"10000" group:"run" section:"limits" min:"1" max:"1000000" help:"links taken from a page"`
	MaxURLLength   int      `json:"max_url_length" default:"8192" group:"run" section:"limits" min:"64" max:"8192" help:"bytes of a URL"`
	MaxRobots      Size     `json:"max_robots" default:"500KiB" group:"run" section:"limits" min:"500KiB" max:"16MiB" help:"bytes read of robots.txt (RFC 9309 wants 500 KiB at least)"`
	MaxSitemap     Size     `json:"max_sitemap" default:"50MB" group:"run" section:"limits" min:"1KB" max:"1GB" help:"bytes of a sitemap, after decompression"`
	MaxSitemapURLs int      `json:"max_sitemap_urls" default:"50000" group:"run" section:"limits" min:"1" max:"10000000" help:"URLs taken from a sitemap"`
	MaxSitemaps    int      `json:"max_sitemaps" default:"1000" group:"run" section:"limits" min:"1" max:"1000000" help:"sitemaps read of a host"`
	MaxCookies     int      `json:"max_cookies" default:"50" group:"run" section:"limits" min:"1" max:"1000" help:"cookies kept of a site"`
	MaxParseTime   Duration `json:"max_parse_time" default:"2s" group:"run" section:"limits" min:"10ms" max:"1m" help:"time to parse a document"`
	MaxRetryAfter  Duration `json:"max_retry_after" default:"1h" group:"run" section:"limits" min:"0" max:"7d" help:"longest Retry-After that is waited for"`
	MaxNesting     int      `json:"max_nesting" default:"512" group:"run" section:"limits" min:"16" max:"65536" help:"elements within elements of a sitemap or feed"`

	Store string `json:"store" default:"all" group:"run" section:"keep" words:"all|none" help:"bodies to keep"`

	Progress  string `json:"progress" default:"lines" group:"output" section:"output" words:"lines|json|none" help:"what a run says on standard error while it goes"`
	JSON      bool   `json:"json" default:"false" group:"output" section:"output" help:"write JSON to standard output"`
	Quiet     bool   `json:"quiet" short:"q" default:"false" group:"output" section:"output" help:"say faults only"`
	Verbose   int    `json:"verbose" short:"v" default:"0" group:"output" section:"output" min:"0" max:"9" help:"say more; -vv more still"`
	LogFormat string `json:"log_format" default:"text" group:"output" section:"output" words:"text|json" help:"how log lines are written"`
}

// HostSettings are the options that a `hosts:` block of a config file may set
// for one host; nil means the run's own value. Keys are those of Settings.
type HostSettings struct {
	Rate    *Rate `json:"rate,omitempty"`
	PerHost *int  `json:"per_host,omitempty"`
}

// defaultSettings returns every option at its default.
func defaultSettings() Settings {
	var s Settings
	for _, o := range options {
		o.store(&s, o.defaults)
	}
	return s
}

// settingsFromJSON reads what json.Marshal made of Settings. A key that is
// missing, because an older version wrote it, has its default; a key that is
// unknown, because a newer one did, is an error, as is a bad value.
func settingsFromJSON(b []byte) (Settings, error) {
	s := defaultSettings()
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Settings{}, fmt.Errorf("settings: read JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Settings{}, fmt.Errorf("settings: read JSON: something follows the object")
	}
	return s, s.validate()
}

// validate checks every value and how they go together. Its error is a
// *usageError that lists all faults, each with its key for a place.
func (s *Settings) validate() error {
	var faults []fault
	for _, o := range options {
		for _, text := range o.texts(s) {
			if _, err := o.parse(text); err != nil {
				faults = append(faults, faultAt(o.Key, err))
			}
		}
	}
	return asUsageError(append(faults, s.conflicts(func(key string) string { return key })...))
}

// conflicts lists the faults that no single value has. where names the place
// of a key's value.
func (s *Settings) conflicts(where func(key string) string) []fault {
	var faults []fault
	if s.ProxyAuth != "" && s.Proxy == "" {
		faults = append(faults, fault{where("proxy_auth"), "proxy_auth is set, but there is no proxy", "set proxy too"})
	}
	return faults
}

// dataDir returns the folder of the store: the option, or the place the XDG
// base directory specification names. It does not create it.
func (s *Settings) dataDir() (string, error) {
	if s.Data != "" {
		return s.Data, nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "crawl"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", newUsageError("data", "no home folder is known", "name the folder with --data DIR or CRAWL_DATA")
	}
	return filepath.Join(home, ".local", "share", "crawl"), nil
}

// headers returns the header option with its secrets read. They are meant for
// the seeds' origins only.
func (s *Settings) headers() (http.Header, error) {
	h := http.Header{}
	for _, line := range s.Header {
		name, value, _ := splitHeader(line)
		if isSecretRef(value) {
			var err error
			if value, err = secret(value); err != nil {
				return nil, err
			}
			if !httpguts.ValidHeaderFieldValue(value) {
				return nil, newUsageError("header", "the secret for "+name+" holds bytes that no header may", "give one line of text")
			}
		}
		h.Add(name, value)
	}
	return h, nil
}

// valueChecks are the checks that an option's `check` tag names. A fault never
// repeats text that may be a secret.
var valueChecks = map[string]func(text string) error{
	"agent":   checkAgent,
	"contact": checkContact,
	"header":  checkHeader,
	"param":   checkParam,
	"pattern": checkPattern,
	"proxy":   checkProxy,
	"resolve": checkResolve,
	"secret":  checkSecret,
	"url":     checkURL,
}

// maxText is the longest text of an option, in bytes.
const maxText = 4096

func checkAgent(text string) error {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return fault{What: quoted(text) + " is no user agent", Next: "use printable ASCII only"}
		}
	}
	return nil
}

func checkContact(text string) error {
	if a, err := mail.ParseAddress(text); err == nil && a.Address == text {
		return checkAgent(text)
	}
	if err := checkURL(text); err != nil {
		return fault{What: quoted(text) + " is neither a URL nor a mail address", Next: "write https://… or name@host"}
	}
	return checkAgent(text)
}

// checkURL wants an absolute http or https URL without credentials.
func checkURL(text string) error {
	if u, err := url.Parse(strings.TrimSpace(text)); err == nil && u.User != nil {
		return fault{What: "the URL of " + u.Host + " holds credentials", Next: "take them out and set auth to file:PATH with user:password inside"}
	}
	_, err := weburl.Parse(text)
	if err != nil || strings.TrimSpace(text) != text || !strings.Contains(text, "://") {
		return fault{What: quoted(text) + " is no web address", Next: "write it whole: https://host/path"}
	}
	return nil
}

// checkPattern checks one include or exclude rule; the crawler gives it its
// meaning. A glob that does not start like a path can never match one.
func checkPattern(text string) error {
	if expr, ok := strings.CutPrefix(text, "re:"); ok {
		if expr == "" {
			return fault{What: "the regular expression after re: is empty", Next: `write re:\?month=\d+`}
		}
		if _, err := regexp.Compile(expr); err != nil {
			return fault{What: quoted(text) + ": " + strings.TrimPrefix(err.Error(), "error parsing regexp: "), Next: "see https://pkg.go.dev/regexp/syntax"}
		}
		return nil
	}
	if text == "" {
		return fault{What: "the pattern is empty", Next: "write a glob such as /cart* or a re:REGEXP"}
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fault{What: quoted(text) + " holds a blank, which no URL does", Next: "write it as %20 or *"}
	}
	if !strings.Contains(text, "://") && !strings.ContainsRune("/*?[", rune(text[0])) {
		return fault{What: quoted(text) + " matches nothing: a path begins with a slash", Next: "write /" + text + " or *" + text}
	}
	return nil
}

func checkParam(text string) error {
	if _, err := weburl.NewParamSet([]string{text}); err != nil {
		return fault{What: quoted(text) + " is no query parameter", Next: "write its name, * for any rest of it: utm_*"}
	}
	return nil
}

// secretHeaders carry credentials, so their values may only be references.
var secretHeaders = map[string]bool{"Authorization": true, "Cookie": true, "X-Api-Key": true, "X-Auth-Token": true}

// ownHeaders are those that the fetcher writes itself, and what to do instead.
var ownHeaders = map[string]string{
	"User-Agent": "use user_agent", "Host": "use resolve to reach another server", "Proxy-Authorization": "use proxy_auth",
	"Accept-Encoding": "", "Connection": "", "Content-Length": "", "Expect": "", "Http2-Settings": "", "If-Match": "",
	"If-Modified-Since": "", "If-None-Match": "", "If-Range": "", "If-Unmodified-Since": "", "Keep-Alive": "",
	"Proxy-Connection": "", "Range": "", "Referer": "", "Te": "", "Trailer": "", "Transfer-Encoding": "", "Upgrade": "",
}

// splitHeader divides "Name: value" and gives the name its usual case.
func splitHeader(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, ":")
	return http.CanonicalHeaderKey(strings.TrimSpace(name)), strings.TrimSpace(value), ok
}

func checkHeader(text string) error {
	name, value, ok := splitHeader(text)
	if !ok || !httpguts.ValidHeaderFieldName(name) {
		return fault{What: "the header has no valid name", Next: `write "Name: value"`}
	}
	if next, own := ownHeaders[name]; own {
		return fault{What: "header " + name + " is set by crawl itself", Next: cmp.Or(next, "leave it out")}
	}
	if !httpguts.ValidHeaderFieldValue(value) {
		return fault{What: "header " + name + " holds bytes that no header may", Next: "give one line of text"}
	}
	if isSecretRef(value) {
		return checkSecret(value)
	}
	if secretHeaders[name] {
		return fault{What: "header " + name + " is a secret and may not be written here", Next: fmt.Sprintf("put the value into a file and write %q", name+": file:PATH")}
	}
	return nil
}

func checkProxy(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Opaque != "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return fault{What: "the proxy is no URL of a host", Next: "write http://host:port or socks5h://host:port"}
	}
	if u.User != nil {
		return fault{What: "the proxy URL holds credentials", Next: "take them out and set proxy_auth to file:PATH with user:password inside"}
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return nil
	}
	return fault{What: quoted(u.Scheme) + " is no kind of proxy", Next: "take http, https, socks5 or socks5h"}
}

// checkResolve wants host:port:ip, as curl's --resolve has it; an IPv6 address
// may stand in brackets. The fetcher reads it.
func checkResolve(text string) error {
	bad := fault{What: quoted(text) + " is no host:port:ip", Next: "write example.com:443:192.0.2.1"}
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 {
		return bad
	}
	port, err := strconv.ParseUint(parts[1], 10, 16)
	if err != nil || port == 0 {
		return bad
	}
	if _, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(parts[2], "["), "]")); err != nil {
		return bad
	}
	u, err := weburl.Parse("http://" + parts[0] + "/")
	if err != nil || u.RequestURI() != "/" || strings.ContainsAny(parts[0], "@?#/\\") {
		return bad
	}
	if u.Host() != strings.ToLower(parts[0]) {
		bad.Next = "write the host as " + u.Host()
		return bad
	}
	return nil
}

// secretForms says how a secret is written.
const secretForms = "write file:PATH, cmd:COMMAND, cred:NAME or prompt"

// Bounds on getting a secret.
const (
	maxSecret     = 64 << 10
	secretCommand = 30 * time.Second
)

// isSecretRef reports whether text refers to a secret. The word prompt counts
// only where nothing but a secret is expected: see checkSecret.
func isSecretRef(text string) bool {
	return strings.HasPrefix(text, "file:") || strings.HasPrefix(text, "cmd:") || strings.HasPrefix(text, "cred:")
}

// checkSecret wants a reference. It does not repeat the text, which is the
// secret itself when somebody wrote it bare.
func checkSecret(text string) error {
	kind, rest, _ := strings.Cut(text, ":")
	switch {
	case text == "prompt":
		return nil
	case kind == "env":
		return fault{What: "secrets are not taken from the environment, which every child process sees", Next: secretForms}
	case !isSecretRef(text):
		return fault{What: "a secret may not be written here itself", Next: secretForms}
	case strings.TrimSpace(rest) == "":
		return fault{What: "the secret reference " + kind + ": names nothing", Next: secretForms}
	case kind == "cred" && (rest != filepath.Base(rest) || rest == "." || rest == ".."):
		return fault{What: quoted(rest) + " is no name of a systemd credential", Next: "write the name alone: cred:NAME, for $CREDENTIALS_DIRECTORY/NAME"}
	}
	return nil
}

// secret reads what ref refers to: file:PATH, cmd:COMMAND (run by sh, at most
// 30 s), cred:NAME ($CREDENTIALS_DIRECTORY/NAME) or prompt (asks on the
// terminal). One line end is cut off. The error never holds the secret; it is a
// *usageError where the user can mend it.
func secret(ref string) (string, error) {
	if err := checkSecret(ref); err != nil {
		return "", asUsageError([]fault{faultAt("", err)})
	}
	kind, rest, _ := strings.Cut(ref, ":")
	var text string
	var err error
	switch kind {
	case "file":
		text, err = readSecretFile(rest)
	case "cmd":
		text, err = runSecretCommand(rest)
	case "cred":
		dir := os.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return "", newUsageError(ref, "$CREDENTIALS_DIRECTORY is not set", "start crawl as a systemd unit with LoadCredential="+rest+":PATH")
		}
		text, err = readSecretFile(filepath.Join(dir, rest))
	case "prompt":
		text, err = askSecret()
	}
	if err != nil {
		return "", newUsageError(ref, err.Error(), "")
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if text == "" || len(text) > maxSecret {
		return "", newUsageError(ref, "the secret is empty or longer than 64 KiB", "")
	}
	return text, nil
}

func readSecretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+3)) // its line end, and one byte too many
	return string(b), err
}

func runSecretCommand(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), secretCommand)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", command)
	c.Stdin, c.Stderr, c.WaitDelay = os.Stdin, os.Stderr, time.Second
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("the command failed: %w", err)
	}
	return string(out), nil
}

// askSecret reads a line from the terminal without showing it.
func askSecret() (string, error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return "", errors.New("standard input is no terminal to ask on; " + secretForms)
	}
	fmt.Fprint(os.Stderr, "secret: ")
	b, err := term.ReadPassword(in)
	fmt.Fprintln(os.Stderr)
	return string(b), err
}
