package fetcher

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-dns"
)

const (
	minNameTTL = time.Minute      // however short-lived the answer says it is
	maxNameTTL = 10 * time.Minute // and however long; no-such-name answers too
	lookupTime = 10 * time.Second
	maxAddrs   = 8                      // addresses of one name that are tried
	headStart  = 250 * time.Millisecond // of one address before the next (RFC 8305, 8)
)

// dialAddr is where to connect. free: the guard lets it pass, whatever it is.
type dialAddr struct {
	netip.AddrPort
	free bool
}

// newLookup returns a look-up with a cache of so many answers. /etc/hosts and resolv.conf are
// obeyed; parent nil is the system's resolver.
func newLookup(parent *net.Resolver, names int) func(ctx context.Context, host string) ([]netip.Addr, error) {
	r := dns.NewCachingResolver(parent,
		dns.MaxCacheEntries(names), dns.MinCacheTTL(minNameTTL), dns.MaxCacheTTL(maxNameTTL), dns.NegativeCache(true))
	return func(ctx context.Context, host string) ([]netip.Addr, error) {
		return r.LookupNetIP(ctx, "ip", host)
	}
}

// addresses returns where "host:port" is, at most maxAddrs of them, IPv6 and
// IPv4 in turn.
func (n *network) addresses(ctx context.Context, address string, o origin) ([]dialAddr, error) {
	if to, ok := n.resolve[strings.ToLower(address)]; ok {
		return []dialAddr{{to, true}}, nil
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port %q: %w", service, err)
	}
	list, err := n.find(ctx, host, o)
	if err != nil {
		return nil, err
	}
	out := make([]dialAddr, 0, len(list))
	for _, a := range list {
		out = append(out, dialAddr{netip.AddrPortFrom(a, uint16(port)), o.free})
	}
	return out, nil
}

func (n *network) find(ctx context.Context, host string, o origin) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	// A dot at the end keeps the search domains of this machine out: they
	// would turn a name that is gone into somebody else's host.
	if o.full && strings.Contains(host, ".") && !strings.HasSuffix(host, ".") {
		host += "."
	}
	ctx, cancel := context.WithTimeout(ctx, min(lookupTime, n.timeout))
	defer cancel()
	list, err := n.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errNoAddress
	}
	return inTurn(list), nil
}

// inTurn sorts IPv6 and IPv4 alternately, each in the order of the resolver and
// beginning with the family of its first answer, and cuts to maxAddrs.
func inTurn(list []netip.Addr) []netip.Addr {
	var first, second []netip.Addr
	for _, a := range list {
		a = a.Unmap()
		if a.Is6() == list[0].Unmap().Is6() {
			first = append(first, a)
		} else {
			second = append(second, a)
		}
	}
	var out []netip.Addr
	for i := 0; i < max(len(first), len(second)) && len(out) < maxAddrs; i++ {
		if i < len(first) {
			out = append(out, first[i])
		}
		if i < len(second) && len(out) < maxAddrs {
			out = append(out, second[i])
		}
	}
	return out
}

// race connects to the first address that answers (RFC 8305, 5): each gets a
// head start over the next, which begins at once where one fails. All tries
// have ended when race returns.
func race(ctx context.Context, addrs []dialAddr, dial func(context.Context, dialAddr) (net.Conn, error)) (won net.Conn, err error) {
	type result struct {
		c   net.Conn
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result)
	begun, ended := 0, 0
	begin := func() {
		a := addrs[begun]
		begun++
		go func() {
			c, err := dial(ctx, a)
			results <- result{c, err}
		}()
	}
	var errs []error
	for begin(); ended < begun; {
		more := won == nil && begun < len(addrs) && ctx.Err() == nil
		var next <-chan time.Time
		if more {
			next = time.After(headStart)
		}
		select {
		case <-next:
			begin()
		case r := <-results:
			ended++
			switch {
			case r.err != nil:
				errs = append(errs, r.err)
				if more {
					begin()
				}
			case won == nil:
				won = r.c
				cancel()
			default:
				r.c.Close()
			}
		}
	}
	if won != nil {
		return won, nil
	}
	return nil, telling(errs)
}

// telling picks the first error that says something about the host, not about
// this machine: without IPv6 here, every host with such an address has one.
func telling(errs []error) error {
	for _, err := range errs {
		if localFault(err) == nil {
			return err
		}
	}
	return errs[0]
}

// ParseResolve reads "host:port:ip", curl's --resolve, into a key and a value
// for Config.Resolve. An IPv6 address may stand in brackets.
func ParseResolve(s string) (hostPort, ip string, err error) {
	host, rest, ok := strings.Cut(s, ":")
	if strings.HasPrefix(s, "[") {
		host, rest, ok = strings.Cut(s[1:], "]:")
	}
	port, ip, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 || host == "" {
		return "", "", fmt.Errorf("fetcher: %q is not host:port:ip", s)
	}
	key := net.JoinHostPort(strings.ToLower(host), port)
	ip = strings.TrimSuffix(strings.TrimPrefix(ip, "["), "]")
	if _, err := resolveTable(map[string]string{key: ip}); err != nil {
		return "", "", err
	}
	return key, ip, nil
}

func resolveTable(m map[string]string) (map[string]netip.AddrPort, error) {
	out := make(map[string]netip.AddrPort, len(m))
	for key, value := range m {
		_, service, err := net.SplitHostPort(key)
		port, perr := strconv.ParseUint(service, 10, 16)
		if err != nil || perr != nil || port == 0 {
			return nil, fmt.Errorf("fetcher: resolve: %q is not host:port", key)
		}
		to, err := netip.ParseAddrPort(value)
		if a, aerr := netip.ParseAddr(value); aerr == nil {
			to, err = netip.AddrPortFrom(a, uint16(port)), nil
		}
		if err != nil {
			return nil, fmt.Errorf("fetcher: resolve: %q is neither ip nor ip:port", value)
		}
		out[strings.ToLower(key)] = to
	}
	return out, nil
}
