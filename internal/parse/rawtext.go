package parse

import "strings"

// rawKind tells how the content of an element is read.
type rawKind uint8

const (
	rawNone   rawKind = iota // markup
	rawText                  // up to the end tag
	rawRef                   // likewise, with character references (RCDATA)
	rawScript                // likewise, with the escapes of scripts
	rawRest                  // all that is left
)

// rawOf says how an element's content is read in HTML, scripting off.
func rawOf(e elem) rawKind {
	switch e {
	case elemStyle, elemIframe, elemNoembed, elemNoframes, elemXMP:
		return rawText
	case elemTextarea, elemTitle:
		return rawRef
	case elemScript:
		return rawScript
	case elemPlaintext:
		return rawRest
	}
	return rawNone
}

// readRaw reads the raw text of the element whose start tag was the last
// token, which may be none, and leaves its end tag.
func (s *scanner) readRaw() {
	rest, end := s.src[s.pos:], 0
	switch s.raw {
	case rawRest:
		end = len(rest)
	case rawScript:
		end = scriptEnd(rest)
	default:
		end = rawEnd(rest, elemNames[s.elem])
	}
	s.plain = s.raw != rawRef
	s.raw = rawNone
	s.text = span{s.pos, s.pos + end}
	s.pos += end
}

// rawEnd returns the index of the end tag of that name, or the length of s.
func rawEnd(s, name string) int {
	for i := 0; ; {
		n := strings.Index(s[i:], "</")
		if n < 0 {
			return len(s)
		}
		if i += n; tagAt(s[i+2:], name) {
			return i
		}
		i += 2
	}
}

// tagAt reports whether s begins with the name of a tag, the name whole.
func tagAt(s, name string) bool {
	return len(s) > len(name) && equalFold(name, s[:len(name)]) && tagBytes[s[len(name)]]&endsName != 0
}

// scriptEnd returns the index of the end tag of a script, or the length of s.
// In what looks like a comment a script may hold another's tags (HTML
// standard, 13.2.5.15 to 13.2.5.31).
func scriptEnd(s string) int {
	const name = "script"
	for i := 0; i < len(s); {
		n := strings.IndexByte(s[i:], '<')
		if n < 0 {
			break
		}
		i += n
		switch rest := s[i+1:]; {
		case strings.HasPrefix(rest, "/") && tagAt(rest[1:], name):
			return i
		case strings.HasPrefix(rest, "!--"):
			var ended bool
			if i, ended = escapedScript(s, i+len("<!")); ended {
				return i
			}
		default:
			i++
		}
	}
	return len(s)
}

// escapedScript reads on from the dashes of "<!--" to behind the "-->", or to
// the end tag of the script: ended.
func escapedScript(s string, i int) (at int, ended bool) {
	const name = "script"
	double := false // within another script's tags
	for i < len(s) {
		n := strings.IndexAny(s[i:], "<-")
		if n < 0 {
			break
		}
		i += n
		rest := s[i+1:]
		switch {
		case s[i] == '-':
			dashes := len(s[i:]) - len(strings.TrimLeft(s[i:], "-"))
			if i += dashes; dashes >= 2 && i < len(s) && s[i] == '>' {
				return i + 1, false
			}
			continue
		case strings.HasPrefix(rest, "/") && tagAt(rest[1:], name):
			if !double {
				return i, true
			}
			double = false
			i += len("</script")
		case tagAt(rest, name) && !double:
			double = true
			i += len("<script")
		}
		i++
	}
	return len(s), false
}
