package weburl

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// profile is the standard's domain to ASCII with beStrict false (URL, 3.3).
var profile = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.StrictDomainName(false),
	idna.ValidateLabels(true),
	idna.CheckHyphens(false),
	idna.CheckJoiners(true),
	idna.BidiRule(),
	idna.VerifyDNSLength(false),
)

// maxIDN is the longest name that is mapped, and the longest that comes of it,
// in bytes. A name in the DNS has at most 253 in ASCII, and its Unicode form no
// more than this; punycode takes a time that grows with the square of it.
const maxIDN = 512

// toASCII maps a name by UTS 46. ASCII names only get lower case, unless a
// label claims to be punycode: what it says must be valid.
func toASCII(name string) (string, bool) {
	if !utf8.ValidString(name) {
		return "", false
	}
	lower := strings.ToLower(name)
	if isASCII(name) && !strings.HasPrefix(lower, "xn--") && !strings.Contains(lower, ".xn--") {
		return lower, true
	}
	if len(name) > maxIDN {
		return "", false
	}
	ascii, err := profile.ToASCII(strings.Map(renew, name))
	return ascii, err == nil && len(ascii) <= maxIDN
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// renew maps the characters whose UTS 46 mapping changed after Unicode 15, the
// version of golang.org/x/net/idna, as Unicode 16 maps them; -1 is "ignored".
func renew(r rune) rune {
	switch {
	case r < 0x80:
		return r
	case r == 'ẞ':
		return 'ß' // was "ss": another host
	case 0x10a0 <= r && r <= 0x10c5: // Georgian capitals of Unicode 1
		return r - 0x10a0 + 0x2d00
	case r == 0x180e || 0x206a <= r && r <= 0x206f:
		return -1
	}
	if m, ok := renewed[r]; ok {
		return m
	}
	return r
}

var renewed = map[rune]rune{
	0x04c0: 0x04cf, 0x2132: 0x214e, 0x2183: 0x2184,
	// compatibility ideographs of Unicode's Corrigendum 4
	0x2f868: 0x36fc, 0x2f874: 0x5f53, 0x2f91f: 0x243ab, 0x2f95f: 0x7aee, 0x2f9bf: 0x45d7,
}
