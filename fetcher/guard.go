package fetcher

import (
	"net/netip"
	"strings"

	"crawl/internal/weburl"
)

// notPublic are the blocks of the IANA special-purpose address registries (RFC
// 6890 and its updates) that are not globally reachable, with multicast, the
// deprecated site-local block and the IPv4-compatible block of IPv6.
var notPublic = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // shared by carriers
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local, cloud metadata
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays, deprecated
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarking
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, broadcast
	"::/96",           // unspecified, loopback, IPv4-compatible
	"64:ff9b:1::/48",  // local NAT64
	"100::/64",        // discard
	"100:0:0:1::/64",  // dummy
	"2001::/23",       // protocol assignments, Teredo
	"2001:db8::/32",   // documentation
	"2002::/16",       // 6to4
	"3fff::/20",       // documentation
	"5f00::/16",       // segment routing
	"fc00::/7",        // unique local
	"fe80::/10",       // link-local
	"fec0::/10",       // site-local, deprecated
	"ff00::/8",        // multicast
)

// exceptions are the globally reachable blocks inside those above.
var exceptions = prefixes(
	"192.0.0.9/32",    // Port Control Protocol anycast
	"192.0.0.10/32",   // TURN anycast
	"2001:1::1/128",   // Port Control Protocol anycast
	"2001:1::2/128",   // TURN anycast
	"2001:1::3/128",   // DNS-SD registration anycast
	"2001:3::/32",     // AMT
	"2001:4:112::/48", // AS112
	"2001:20::/28",    // ORCHIDv2
	"2001:30::/28",    // drone identifiers
)

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// Public reports whether a is an address of the public internet, by the address
// and by any IPv4 address embedded in it (IPv4-mapped, NAT64, ISATAP; 6to4,
// Teredo and IPv4-compatible addresses are never public). An address with a
// zone is not.
func Public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if in(a, notPublic) && !in(a, exceptions) {
		return false
	}
	inner, ok := embedded(a)
	return !ok || Public(inner)
}

// embedded returns the IPv4 address that the last 32 bits of a stand for.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return netip.Addr{}, false
	}
	b := a.As16()
	isatap := b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe // RFC 5214, 6.1
	if !isatap && !nat64.Contains(a) {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(b[12:])), true
}

func in(a netip.Addr, blocks []netip.Prefix) bool {
	for _, p := range blocks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// guard decides which URLs may be asked for at all. What a name resolves to is
// judged later, on the very address that is dialled: see network.
type guard struct {
	trusted map[string]bool // by origin
	private bool            // private addresses and local names are allowed
	onion   bool            // the proxy looks names up, so .onion may work
}

func newGuard(c *Config) guard {
	g := guard{
		trusted: make(map[string]bool, len(c.Trusted)),
		private: c.AllowPrivate,
		onion:   c.Proxy != nil && c.Proxy.Scheme == "socks5h",
	}
	for _, o := range c.Trusted {
		if origin, err := originOf(o); err == nil { // always: Config.check saw it
			g.trusted[origin] = true
		}
	}
	return g
}

// judge refuses by what the URL alone tells: errBadPort, errLocalName or
// errRefused. free reports that the addresses of u need not be public.
func (g *guard) judge(u weburl.URL) (free bool, err error) {
	if g.trusted[u.Origin()] {
		return true, nil
	}
	if blockedPort[u.Port()] {
		return false, errBadPort
	}
	if g.private {
		return true, nil
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		if !Public(a) {
			return false, errRefused
		}
		return false, nil
	}
	if g.localName(u.Hostname()) {
		return false, errLocalName
	}
	return false, nil
}

// localSuffixes are top-level names that the public DNS does not hold (RFC
// 6761, 6762, 7686, 8375, 9476, ICANN's .internal) or that private networks
// took for themselves.
var localSuffixes = []string{
	"localhost", "local", "internal", "onion", "alt", "home.arpa",
	"localdomain", "intranet", "lan", "home", "corp", "private",
}

// localName reports whether a name means something on this network only. A
// name without a dot is looked up in the user's own domain.
func (g *guard) localName(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !strings.Contains(host, ".") {
		return true
	}
	for _, s := range localSuffixes {
		if s == "onion" && g.onion {
			continue
		}
		if strings.HasSuffix(host, "."+s) || host == s {
			return true
		}
	}
	return false
}

// blockedPort are the ports of the Fetch standard ("bad port"): other services
// that could take an HTTP request for commands.
var blockedPort = ports(`0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95
	101 102 103 104 109 110 111 113 115 117 119 123 135 137 139 143 161 179 389 427 465
	512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 995
	1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669
	6679 6697 10080`)

func ports(list string) map[string]bool {
	m := make(map[string]bool)
	for p := range strings.FieldsSeq(list) {
		m[p] = true
	}
	return m
}
