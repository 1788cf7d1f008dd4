package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"crawl/internal/parse"

	"golang.org/x/net/http/httpguts"
)

// Settings holds every option of the command: one field, one option. The field
// and its tags are the only place where an option is written down; flags,
// environment, files, checks, help and JSON follow from them.
//
//	json       the key; --flag and CRAWL_ENV are spelled after it
//	default    as the user would write it, or a list of sharedDefaults
//	group      which commands take it as a flag: data, run, gate, findings, machine, serve, output, screen
//	section    the heading it is shown under
//	help       one line
//	words      the words it takes, with bars between; else: what it takes besides them
//	check      a function of valueChecks, for what the type cannot say
//	min, max   bounds, in the option's own unit
//	unlimited  "yes" if it may be unlimited
//	path       where in its text a file name stands: value, else, secret, header, token
//	split      "," if flag and environment may hold several entries so divided
//	short      the one-letter flag
//	arg        what help calls the flag's value, where the type does not say it
//	block      how a file may write its entries as a block: fields (NAME=RULE), words (NAME=WORD) or mutes
//	adds       "yes" if a layer adds to what those below it have, and does not replace it
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
	MaxHosts        Count    `json:"max_hosts" default:"unlimited" group:"run" section:"scope" unlimited:"yes" min:"1" help:"hosts of the run, each scheme and port by itself; where it is not set, 10000 with --scope domain; as many again for --external check"`
	MaxVariants     Count    `json:"max_variants" default:"10000" group:"run" section:"scope" unlimited:"yes" min:"1" help:"links to one path that differ in the values of their query parameters only, such as the months of a calendar"`
	MaxTime         Duration `json:"max_time" default:"unlimited" group:"run" section:"scope" unlimited:"yes" min:"1s" help:"time of the run"`
	MaxBytes        Size     `json:"max_bytes" default:"unlimited" group:"run" section:"scope" unlimited:"yes" min:"1" help:"body bytes the run downloads"`
	DropParams      []string `json:"drop_params" arg:"NAMES" default:"weburl.DefaultDropParams" group:"run" section:"scope" check:"param" split:"," help:"query parameters that do not tell pages apart, * for any rest; each page is asked for as it was linked first"`
	List            string   `json:"list" arg:"FILE" group:"run" section:"scope" path:"value" help:"read seeds from this file, one a line; -: standard input"`

	Order   string `json:"order" default:"bfs" group:"run" section:"discover" words:"bfs|dfs|priority" help:"which URL goes first"`
	Sitemap string `json:"sitemap" default:"auto" group:"run" section:"discover" words:"auto|only|off" else:"URL" check:"url" help:"find pages in sitemaps too, only there, not there, or in this one"`
	Assets  string `json:"assets" default:"skip" group:"run" section:"discover" words:"skip|check|fetch" help:"images, styles and scripts of pages: not asked for, asked for status, type and size alone, or fetched"`

	External string `json:"external" default:"skip" group:"run" section:"discover" words:"skip|check" help:"links out of the scope: not asked for, or checked with HEAD, and GET where that leaves doubt, and not crawled"`

	Robots      string `json:"robots" default:"obey" group:"run" section:"manners" words:"obey|report|ignore" help:"robots.txt: obey, crawl and report what it forbids, or do not read"`
	Rate        Rate   `json:"rate" default:"adaptive" group:"run" section:"manners" help:"requests to one host: 4/s, 30/m, 1/h or adaptive"`
	PerHost     int    `json:"per_host" default:"1" group:"run" section:"manners" min:"1" max:"64" help:"requests in flight to one host"`
	Concurrency int    `json:"concurrency" default:"64" group:"run" section:"manners" min:"1" max:"10000" help:"requests in flight in all"`

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
	Cache        string   `json:"cache" default:"revalidate" group:"run" section:"request" words:"revalidate|fresh|off" help:"pages of the run before: ask whether they changed, take over unasked what is fresh by its Cache-Control or Expires and in no sitemap said to have changed, or ask for all whole"`
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

	Extract     []string `json:"extract" arg:"NAME=RULE" group:"run" section:"keep" check:"extract" block:"fields" help:"a field of each page: NAME=css:SELECTOR[@attr][|number|all|html|trim], NAME=jsonld:Type.path, NAME=meta:NAME or NAME=re:PATTERN; repeatable"`
	Store       string   `json:"store" default:"all" group:"run" section:"keep" words:"all|none" help:"bodies to keep"`
	SearchIndex bool     `json:"search_index" default:"false" group:"run" section:"keep" help:"index the run for crawl search when it ends; else its first search does"`
	Keep        Keep     `json:"keep" default:"all" group:"retain" section:"keep" help:"runs that db prune leaves of a site: last=10 weekly=26 monthly=12; also daily and within"`

	FailOn   string   `json:"fail_on" arg:"RULE" group:"gate" section:"outcome" check:"gate" help:"exit with 1 if there are such findings: critical, new (critical and not in the run before), a condition over findings, or rows of a SELECT"`
	Baseline string   `json:"baseline" arg:"RUN" group:"gate" section:"outcome" help:"what is new is told from this run (default: the finished one before)"`
	Severity []string `json:"severity" arg:"REPORT=WORD" group:"findings" section:"outcome" check:"severity" block:"words" adds:"yes" help:"how grave is what a report finds: REPORT=critical, warning, notice, or off if it is to find nothing; repeatable"`
	Mute     []string `json:"mute" arg:"MUTE" group:"findings" section:"outcome" check:"mute" block:"mutes" adds:"yes" help:"findings that do not count until a day is over: \"report=broken url=/old/* until=2027-01-31 reason=TEXT\", or id=ID in place of report and url; repeatable"`

	MinDisk    Space  `json:"min_disk" default:"auto" group:"run" section:"machine" help:"free space of the store's volume below which a run pauses: 5%, 2GB, 0 for none; auto: 1 GiB or 2 %, whichever is more, 10 % at most"`
	Durability string `json:"durability" default:"full" group:"run" section:"machine" words:"full|process" help:"what a run survives: kill -9 and a power cut, or kill -9 alone: faster, but a power cut may damage the whole store"`
	Memory     Budget `json:"memory" default:"auto" group:"machine" section:"machine" help:"memory to get by with: 512MiB, or auto: three quarters of the container's limit, 512MiB at most; files that are mapped come on top"`

	Listen      string   `json:"listen" arg:"ADDR" default:"127.0.0.1:7878" group:"serve" section:"serve" check:"listen" help:"address of the HTTP API: host:port, or off; one that others reach needs --tls-cert and --tls-key, or --behind-proxy, and --allow-host"`
	AllowHost   []string `json:"allow_host" arg:"NAME" group:"serve" section:"serve" check:"hostname" split:"," help:"name by which requests may call the server, beside those of this machine; repeatable"`
	TokenFile   string   `json:"token_file" arg:"FILE" group:"serve" section:"serve" check:"tokenfile" path:"token" help:"tokens of the API: FILE, or cred:NAME for a systemd credential (default DATA/token, made at the first start)"`
	TLSCert     string   `json:"tls_cert" arg:"FILE" group:"serve" section:"serve" path:"value" help:"certificates of the server, in PEM"`
	TLSKey      string   `json:"tls_key" arg:"FILE" group:"serve" section:"serve" path:"value" help:"their key, in PEM"`
	BehindProxy bool     `json:"behind_proxy" default:"false" group:"serve" section:"serve" help:"a proxy in front of the server has TLS: others may reach it without"`
	Runs        int      `json:"runs" default:"4" group:"serve" section:"serve" min:"1" max:"64" help:"runs at once; they share memory and open files"`

	Progress  string `json:"progress" default:"auto" group:"output" section:"output" words:"auto|tui|bar|lines|json|none" help:"what a run says on standard error while it goes: a screen, one line, a line every 10 s, JSON; auto: tui on a terminal, else lines"`
	JSON      bool   `json:"json" default:"false" group:"output" section:"output" help:"write JSON to standard output"`
	Quiet     bool   `json:"quiet" short:"q" default:"false" group:"output" section:"output" help:"say faults only"`
	Verbose   int    `json:"verbose" short:"v" default:"0" group:"output" section:"output" min:"0" max:"9" help:"say more; -vv more still"`
	Color     string `json:"color" default:"auto" group:"screen" section:"screen" words:"auto|always|never" help:"colours: auto is on a terminal, unless NO_COLOR or TERM=dumb; CLICOLOR_FORCE=1 has them anywhere"`
	ASCII     bool   `json:"ascii" default:"false" group:"screen" section:"screen" help:"no signs beyond ASCII where people read, for poor terminals; what the web wrote keeps its letters"`
	LogFormat string `json:"log_format" default:"text" group:"output" section:"output" words:"text|json" help:"how log lines are written"`
}

// durableProcess is the Durability that survives the end of the process alone.
const durableProcess = "process"

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
	if _, err := parse.CompileFields(s.Extract); err != nil { // each by itself is sound
		faults = append(faults, fault{where("extract"), err.Error(), "keep one of each name"})
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

// unsynced tells whether what is stored is left to the system to write to the
// disk until all is closed.
func (s *Settings) unsynced() bool { return s.Durability == durableProcess }

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
