package weburl

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// IsIP returns the address if the host is one. The standard has read all the
// forms an IPv4 address takes in a URL; here is the number it means.
func (u URL) IsIP() (netip.Addr, bool) {
	name := u.Hostname()
	if name == "" || name[0] < '0' || name[0] > '9' && !strings.Contains(name, ":") {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(name)
	return a, err == nil
}

// RegistrableDomain returns the name that was registered, one label below the
// public suffix (publicsuffix.org, ICANN and private rules), without a trailing
// dot. It is "" where there is none, as for a public suffix itself; an IP
// address is its own.
func (u URL) RegistrableDomain() string {
	name := u.Hostname()
	if _, ok := u.IsIP(); ok {
		return name
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimSuffix(name, "."))
	if err != nil {
		return ""
	}
	return domain
}

// localSuffixes are names that no public DNS answers for: RFC 6761, 6762, 7686,
// 8375 and ICANN's resolution on .internal.
var localSuffixes = []string{".localhost", ".local", ".internal", ".onion", ".home.arpa"}

// IsLocalName reports whether the host is a name that means something only in
// the network it is asked in: a single label, localhost, or a name below one of
// the reserved ones. An IP address is no name.
func (u URL) IsLocalName() bool {
	if _, ok := u.IsIP(); ok || u.IsZero() {
		return false
	}
	name := strings.TrimRight(u.Hostname(), ".")
	if name == "home.arpa" || !strings.Contains(name, ".") {
		return true
	}
	return slices.ContainsFunc(localSuffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}

// badPorts is the list of the Fetch standard (2.9, port blocking), sorted:
// services that could take a request for one of their own.
var badPorts = []uint16{
	0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77,
	79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135,
	137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
	532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720,
	1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
	6669, 6679, 6697, 10080,
}

// BadPort reports whether browsers refuse to connect to the port.
func (u URL) BadPort() bool {
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return false // only the zero URL has a port that is no number
	}
	_, bad := slices.BinarySearch(badPorts, uint16(n))
	return bad
}
