package parse

import "strings"

// maxLinkHeaders is how many links of the Link headers are read.
const maxLinkHeaders = 500

type linkHeader struct {
	target string
	params map[string]string // the first of each name; rel in lower case
}

// linkHeaders reads Link headers (RFC 8288, appendix B.2). What is not a link
// is skipped up to the next one.
func linkHeaders(values []string) (links []linkHeader) {
	for _, s := range values {
		for len(links) < maxLinkHeaders {
			i := strings.IndexByte(s, '<')
			if i < 0 {
				break
			}
			target, rest, ok := strings.Cut(s[i+1:], ">")
			if !ok {
				break
			}
			l := linkHeader{target: strings.Trim(target, httpSpace)}
			l.params, s = linkParams(rest)
			links = append(links, l)
		}
	}
	return links
}

// linkParams reads the parameters of one link up to the comma that ends it.
func linkParams(s string) (params map[string]string, rest string) {
	params = make(map[string]string)
	for {
		i := strings.IndexAny(s, ";,")
		if i < 0 {
			return params, ""
		}
		if s[i] == ',' {
			return params, s[i+1:]
		}
		var name, value string
		name, value, s = linkParam(s[i+1:])
		if _, dup := params[name]; dup || name == "" || len(params) >= maxParams {
			continue
		}
		if name == "rel" || name == "as" {
			value = lower(value)
		}
		params[name] = value
	}
}

// linkParam reads one parameter; rest begins at what follows its value.
func linkParam(s string) (name, value, rest string) {
	s = strings.TrimLeft(s, httpSpace)
	i := strings.IndexAny(s, "=;,"+httpSpace)
	if i < 0 {
		return lower(s), "", ""
	}
	name = lower(s[:i])
	s = strings.TrimLeft(s[i:], httpSpace)
	if !strings.HasPrefix(s, "=") {
		return name, "", s
	}
	s = strings.TrimLeft(s[1:], httpSpace)
	if strings.HasPrefix(s, `"`) {
		value, rest = quotedString(s[1:])
		return name, value, rest
	}
	i = strings.IndexAny(s, ";,")
	if i < 0 {
		i = len(s)
	}
	return name, strings.TrimRight(s[:i], httpSpace), s[i:]
}
