package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word of SQL. Comments and white space are none.
type token struct {
	kind tokenKind
	text string // as written
	at   int    // in the statement, in bytes
}

type tokenKind uint8

const (
	word    tokenKind = iota // a keyword or a name
	quoted                   // a name in quotes
	literal                  // a text or a number
	sign                     // anything else
)

func (t token) end() int { return t.at + len(t.text) }

// is tells whether the token is a keyword, or a sign.
func (t token) is(text string) bool {
	return (t.kind == word || t.kind == sign) && strings.EqualFold(t.text, text)
}

// name is the token as the name of something.
func (t token) name() string {
	if t.kind != quoted {
		return t.text
	}
	closing := t.text[len(t.text)-1:]
	return strings.ReplaceAll(t.text[1:len(t.text)-1], closing+closing, closing)
}

// lex cuts a statement into words. open is where something in quotes begins
// that does not end, or -1.
func lex(statement string) (tokens []token, open int) {
	for at := 0; at < len(statement); {
		rest := statement[at:]
		switch c := rest[0]; {
		case strings.HasPrefix(rest, "--"):
			at += lengthTo(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			at += lengthTo(rest, "*/")
		case strings.IndexByte(" \t\r\n\f", c) >= 0:
			at++
		case strings.IndexByte("'\"`[", c) >= 0:
			n := quotedLength(rest)
			if n < 0 {
				return tokens, at
			}
			kind := quoted
			if c == '\'' {
				kind = literal
			}
			tokens, at = append(tokens, token{kind, rest[:n], at}), at+n
		default:
			n, kind := plainLength(rest)
			tokens, at = append(tokens, token{kind, rest[:n], at}), at+n
		}
	}
	return tokens, -1
}

// lengthTo is the length up to the end of mark, or of all.
func lengthTo(text, mark string) int {
	if i := strings.Index(text, mark); i >= 0 {
		return i + len(mark)
	}
	return len(text)
}

// quotedLength is the length of what text begins with in quotes, -1 if that
// does not end. A closing quote that is doubled is one of the text.
func quotedLength(text string) int {
	closing := text[0]
	if closing == '[' {
		closing = ']'
	}
	for i := 1; i < len(text); i++ {
		if text[i] != closing {
			continue
		}
		if closing == ']' || i+1 == len(text) || text[i+1] != closing {
			return i + 1
		}
		i++
	}
	return -1
}

func plainLength(text string) (n int, kind tokenKind) {
	first, size := utf8.DecodeRuneInString(text)
	if !inName(first) {
		for _, s := range []string{"||", "<=", ">=", "<>", "!=", "==", "<<", ">>", "->>", "->"} {
			if strings.HasPrefix(text, s) {
				return len(s), sign
			}
		}
		return size, sign
	}
	n = strings.IndexFunc(text, func(c rune) bool { return !inName(c) })
	if n < 0 {
		n = len(text)
	}
	if unicode.IsDigit(first) {
		return n, literal
	}
	return n, word
}

func inName(c rune) bool {
	return c == '_' || c == '$' || unicode.IsLetter(c) || unicode.IsDigit(c) || c >= utf8.RuneSelf
}

// splitList cuts a list at the commas that stand in no parentheses.
func splitList(list string) (items []string, bad *Error) {
	tokens, bad := lexWhole(list)
	if bad != nil {
		return nil, bad
	}
	depth, from := 0, 0
	for _, t := range tokens {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case t.is(",") && depth == 0:
			items, from = append(items, list[from:t.at]), t.end()
		}
	}
	items = append(items, list[from:])
	for i := range items {
		if items[i] = strings.TrimSpace(items[i]); items[i] == "" {
			return nil, &Error{What: "a name is missing between commas", Statement: list, At: min(from, max(len(list)-1, 0)), Length: 1}
		}
	}
	return items, nil
}

// lexWhole is lex for a part of a statement that has to be whole by itself:
// what is opened is closed, and nothing follows.
func lexWhole(part string) (tokens []token, bad *Error) {
	tokens, open := lex(part)
	if open >= 0 {
		return nil, &Error{What: "a quote is not closed", Statement: part, At: open, Length: 1}
	}
	var opened []token
	for _, t := range tokens {
		switch {
		case t.is(";"):
			return nil, &Error{What: "this is one condition or name, not a statement of its own", Statement: part, At: t.at, Length: 1}
		case t.is("("):
			opened = append(opened, t)
		case t.is(")") && len(opened) == 0:
			return nil, &Error{What: "a parenthesis was not opened", Statement: part, At: t.at, Length: 1}
		case t.is(")"):
			opened = opened[:len(opened)-1]
		}
	}
	if len(opened) > 0 {
		return nil, &Error{What: "a parenthesis is not closed", Statement: part, At: opened[0].at, Length: 1}
	}
	return tokens, nil
}
