package parse

import "bytes"

// prescan looks for the encoding that a meta element declares, by the
// algorithm of the HTML standard ("prescan a byte stream to determine its
// encoding"), which knows tags and comments but no elements.
func prescan(b []byte) string {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '<')
		if i < 0 {
			return ""
		}
		b = b[i:]
		switch {
		case bytes.HasPrefix(b, []byte("<!--")):
			b = afterComment(b)
		case len(b) > 5 && bytes.EqualFold(b[:5], []byte("<meta")) && (isSpace(b[5]) || b[5] == '/'):
			var name string
			if name, b = metaCharset(b[5:]); name != "" {
				return name
			}
		case len(b) > 1 && isLetter(b[1]), len(b) > 2 && b[1] == '/' && isLetter(b[2]):
			b = afterTag(b)
		case len(b) > 1 && (b[1] == '!' || b[1] == '/' || b[1] == '?'):
			_, b, _ = bytes.Cut(b, []byte(">"))
		default:
			b = b[1:]
		}
	}
	return ""
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// afterComment skips a comment; its two dashes may be those that open it.
func afterComment(b []byte) []byte {
	_, rest, _ := bytes.Cut(b[2:], []byte("-->"))
	return rest
}

func afterTag(b []byte) []byte {
	i := bytes.IndexAny(b, space+">")
	if i < 0 {
		return nil
	}
	b = b[i:]
	for {
		name, _, rest := attribute(b)
		if name == "" {
			return rest
		}
		b = rest
	}
}

// metaCharset reads the attributes of one meta element.
func metaCharset(b []byte) (name string, rest []byte) {
	var pragma, needPragma, known bool
	seen := make(map[string]bool)
	for {
		key, value, next := attribute(b)
		b = next
		if key == "" {
			break
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		switch key {
		case "http-equiv":
			pragma = value == "content-type"
		case "content":
			if label := contentCharset(value); label != "" && !known {
				name, needPragma, known = fromInside(label), true, true
			}
		case "charset":
			name, needPragma, known = fromInside(value), false, true
		}
	}
	if needPragma && !pragma {
		name = ""
	}
	return name, b
}

// attribute follows "get an attribute": name and value in lower case, the name
// "" at the end of the tag.
func attribute(b []byte) (name, value string, rest []byte) {
	b = bytes.TrimLeft(b, space+"/")
	if len(b) == 0 {
		return "", "", nil
	}
	if b[0] == '>' {
		return "", "", b[1:]
	}
	i := 0
	for i < len(b) && !(b[i] == '=' && i > 0) && !isSpace(b[i]) && b[i] != '/' && b[i] != '>' {
		i++
	}
	name, b = lower(string(b[:i])), b[i:]
	after := bytes.TrimLeft(b, space)
	if len(after) == 0 {
		return "", "", nil // the input ends inside the tag
	}
	if after[0] != '=' {
		return name, "", b
	}
	value, rest, ok := attributeValue(bytes.TrimLeft(after[1:], space))
	if !ok {
		return "", "", nil
	}
	return name, lower(value), rest
}

func attributeValue(b []byte) (value string, rest []byte, ok bool) {
	if len(b) == 0 {
		return "", nil, false
	}
	if q := b[0]; q == '"' || q == '\'' {
		i := bytes.IndexByte(b[1:], q)
		if i < 0 {
			return "", nil, false
		}
		return string(b[1 : 1+i]), b[i+2:], true
	}
	i := bytes.IndexAny(b, space+">")
	if i < 0 {
		return "", nil, false
	}
	return string(b[:i]), b[i:], true
}

// contentCharset follows "extract a character encoding from a meta element"
// on a value in lower case.
func contentCharset(s string) string {
	b := []byte(s)
	for {
		_, rest, found := bytes.Cut(b, []byte("charset"))
		if !found {
			return ""
		}
		b = bytes.TrimLeft(rest, space)
		if len(b) == 0 || b[0] != '=' {
			continue
		}
		b = bytes.TrimLeft(b[1:], space)
		if len(b) == 0 {
			return ""
		}
		if q := b[0]; q == '"' || q == '\'' {
			label, _, closed := bytes.Cut(b[1:], b[:1])
			if !closed {
				return ""
			}
			return string(label)
		}
		if i := bytes.IndexAny(b, space+";"); i >= 0 {
			b = b[:i]
		}
		return string(b)
	}
}
