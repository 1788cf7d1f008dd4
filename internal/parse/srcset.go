package parse

import "strings"

// maxCandidates is how many images of one srcset are read.
const maxCandidates = 1000

// srcset calls add for the address of each valid image candidate, by the HTML
// standard's "parse a srcset attribute".
func srcset(s string, add func(url string)) {
	for n := 0; n < maxCandidates; n++ {
		s = strings.TrimLeft(s, space+",")
		if s == "" {
			return
		}
		i := strings.IndexAny(s, space)
		if i < 0 {
			i = len(s)
		}
		url := s[:i]
		s = s[i:]
		var descriptors []string
		if strings.HasSuffix(url, ",") {
			url = strings.TrimRight(url, ",")
		} else {
			descriptors, s = srcsetDescriptors(s)
		}
		if validDescriptors(descriptors) {
			add(url)
		}
	}
}

// srcsetDescriptors reads up to the comma that ends a candidate; one in
// parentheses does not.
func srcsetDescriptors(s string) (list []string, rest string) {
	start, inParens := -1, false
	end := func(i int) {
		if start >= 0 {
			list = append(list, s[start:i])
		}
		start = -1
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case inParens:
			inParens = c != ')'
		case isSpace(c):
			end(i)
		case c == ',':
			end(i)
			return list, s[i+1:]
		default:
			inParens = c == '('
			if start < 0 {
				start = i
			}
		}
	}
	end(len(s))
	return list, ""
}

// validDescriptors reports whether the descriptors of one candidate go
// together: a width, or a density, or a height beside a width. Parentheses
// behind one are passed over, as parts of a descriptor yet to be invented; the
// standard drops the candidate, a crawler had better fetch it.
func validDescriptors(list []string) bool {
	var w, x, h bool
	for _, d := range list {
		if i := strings.IndexByte(d, '('); i > 0 {
			d = d[:i]
		}
		value, unit := d[:len(d)-1], d[len(d)-1]
		switch {
		case unit == 'w' && !w && !x && isCount(value) && strings.Trim(value, "0") != "":
			w = true
		case unit == 'x' && !w && !x && !h && isFloat(value) && (value[0] != '-' || strings.Trim(value, "-0.") == ""):
			x = true
		case unit == 'h' && !h && !x && isCount(value) && strings.Trim(value, "0") != "":
			h = true
		default:
			return false
		}
	}
	return !h || w
}

func isCount(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// isFloat reports whether s is a valid floating-point number of the HTML
// standard: no plus sign, digits after the point.
func isFloat(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		exp := s[i+1:]
		if exp != "" && (exp[0] == '-' || exp[0] == '+') {
			exp = exp[1:]
		}
		if !isCount(exp) {
			return false
		}
		s = s[:i]
	}
	whole, frac, point := strings.Cut(s, ".")
	return (whole == "" && point || isCount(whole)) && (!point || isCount(frac))
}
