package web

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// harden says what a browser may do with an answer: show it, and nothing else.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// admit lets a request in that names this server, comes from no other site's
// page and, where that is needed, shows a token. It returns what the token
// allows.
func (a *API) admit(r *http.Request, open bool) (Scope, error) {
	if !a.named(r.Host) {
		return Open, &Error{http.StatusMisdirectedRequest, fmt.Sprintf("this server is not called %.100q", r.Host), "name it with --allow-host"}
	}
	if err := sameOrigin(r); err != nil {
		return Open, err
	}
	if err := a.crossOrigin.Check(r); err != nil {
		return Open, &Error{http.StatusForbidden, "the request comes from another site's page", ""}
	}
	if open {
		return Open, nil
	}
	if scope := a.allowed(r); scope > Open {
		return scope, nil
	}
	return Open, &Error{http.StatusUnauthorized, "a token is needed", "send the header Authorization: Bearer TOKEN"}
}

// allowed is what the token of a request allows by now; Open if it shows none that
// holds.
func (a *API) allowed(r *http.Request) Scope {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return Open
	}
	return a.tokens.Load().scope(strings.TrimSpace(token))
}

// named tells whether a request may be for this server by the name that it has
// for it. A name that leads here by somebody else's DNS is not one.
func (a *API) named(host string) bool {
	name := plainHost(host)
	return name != "" && a.hosts[name]
}

// plainHost is the one way to write a name.
func plainHost(host string) string { return strings.TrimSuffix(strings.ToLower(hostname(host)), ".") }

// hostname is a host without its port, and without brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// sameOrigin refuses a request of another site's page, whatever its method: no
// page but our own has business here.
func sameOrigin(r *http.Request) error {
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
			return &Error{http.StatusForbidden, "the request comes from another site's page", ""}
		}
	}
	return nil
}

// jsonBody wants a body to say that it is JSON, which no form can.
func jsonBody(r *http.Request) error {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), typeJSON) {
		return &Error{http.StatusUnsupportedMediaType, "the body has to be JSON", "send the header Content-Type: application/json"}
	}
	return nil
}
