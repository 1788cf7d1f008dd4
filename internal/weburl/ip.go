package weburl

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
)

// parseIPv6 reads a host in brackets. netip accepts what the standard does,
// but for zones, and prints as it does, but for addresses that map IPv4.
func parseIPv6(s string) (string, bool) {
	inner, closed := strings.CutSuffix(s[1:], "]")
	a, err := netip.ParseAddr(inner)
	if !closed || err != nil || !a.Is6() || a.Zone() != "" {
		return "", false
	}
	if a.Is4In6() {
		p := a.As16()
		return fmt.Sprintf("[::ffff:%x:%x]", uint(p[12])<<8|uint(p[13]), uint(p[14])<<8|uint(p[15])), true
	}
	return "[" + a.String() + "]", true
}

// endsInNumber reports whether the standard takes the name for an IPv4 address,
// right or wrong (URL, 3.5, ends in a number checker).
func endsInNumber(name string) bool {
	name = strings.TrimSuffix(name, ".")
	last := name[strings.LastIndexByte(name, '.')+1:]
	if last == "" {
		return false
	}
	if strings.Trim(last, "0123456789") == "" {
		return true
	}
	_, ok := ipv4Number(last)
	return ok
}

// parseIPv4 reads one to four numbers, the last of which fills all bytes left.
func parseIPv4(name string) (string, bool) {
	parts := strings.Split(strings.TrimSuffix(name, "."), ".")
	if len(parts) > 4 {
		return "", false
	}
	var addr uint64
	for i, part := range parts {
		n, ok := ipv4Number(part)
		limit, shift := uint64(256), 8*(3-i)
		if i == len(parts)-1 {
			limit, shift = 1<<(8*(4-i)), 0
		}
		if !ok || n >= limit {
			return "", false
		}
		addr |= n << shift
	}
	return netip.AddrFrom4([4]byte{byte(addr >> 24), byte(addr >> 16), byte(addr >> 8), byte(addr)}).String(), true
}

// ipv4Number reads a number in decimal, octal (0...) or hex (0x...). One above
// 32 bits is a number all the same, too large for every place.
func ipv4Number(s string) (uint64, bool) {
	base := uint64(10)
	switch {
	case s == "":
		return 0, false
	case strings.HasPrefix(s, "0x"):
		base, s = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		base, s = 8, s[1:]
	}
	n := uint64(0)
	for i := 0; i < len(s); i++ {
		d := hexDigit(s[i])
		if d >= base {
			return 0, false
		}
		n = min(n*base+d, math.MaxUint32+1)
	}
	return n, true
}

// hexDigit returns 16 for what is no digit. Names are in lower case here.
func hexDigit(c byte) uint64 {
	switch {
	case '0' <= c && c <= '9':
		return uint64(c - '0')
	case 'a' <= c && c <= 'f':
		return uint64(c-'a') + 10
	}
	return 16
}
