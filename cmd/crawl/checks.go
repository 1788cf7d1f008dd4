package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"crawl/internal/weburl"

	"golang.org/x/net/http/httpguts"
)

// valueChecks are the checks that an option's `check` tag names. A fault never
// repeats text that may be a secret.
var valueChecks = map[string]func(text string) error{
	"agent":     checkAgent,
	"contact":   checkContact,
	"extract":   checkExtract,
	"gate":      checkGate,
	"header":    checkHeader,
	"hostname":  checkHostname,
	"listen":    checkListen,
	"mute":      checkMute,
	"param":     checkParam,
	"pattern":   checkPattern,
	"proxy":     checkProxy,
	"resolve":   checkResolve,
	"secret":    checkSecret,
	"severity":  checkSeverity,
	"tokenfile": checkTokenFile,
	"url":       checkURL,
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
