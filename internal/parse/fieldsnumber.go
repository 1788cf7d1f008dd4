package parse

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDigits is how many digits a number may have.
const maxDigits = 64

var (
	errNoNumber   = errors.New("there is no number in it")
	errTwoNumbers = errors.New("there is more than one number in it")
)

// parseNumber reads the only number in a text that people read: "€ 1.234,56",
// "1,234.56 USD", "1 234,5", "1'234.-". It returns it as a decimal such as
// "1234.56".
//
// A single point or comma is taken for the mark of thousands where one to three
// digits stand before it and exactly three behind it, else for the decimal
// mark. Of text that a program wrote for programs (plain) a point is the decimal
// mark always.
func parseNumber(text string, plain bool) (string, error) {
	text = asciiNumber(strings.TrimSpace(text))
	fail := func(err error) (string, error) { return "", fmt.Errorf("%s is no number: %w", shortQuote(text), err) }
	if n, ok := machineNumber(text); ok && (plain || strings.Count(text, ".") == 0) {
		return n, nil
	}
	start := strings.IndexAny(text, "0123456789")
	if start < 0 {
		return fail(errNoNumber)
	}
	end := numberEnd(text, start)
	if strings.ContainsAny(text[end:], "0123456789") {
		return fail(errTwoNumbers)
	}
	token, before := text[start:end], text[:start]
	if strings.HasSuffix(before, ".") && !strings.Contains(token, ".") && !endsInLetter(strings.TrimSuffix(before, ".")) {
		token, before = "0."+token, strings.TrimSuffix(before, ".")
	}
	n, err := decimal(token)
	if err != nil {
		return fail(err)
	}
	if negative(before) && strings.Trim(n, "0.") != "" {
		n = "-" + n
	}
	return n, nil
}

// asciiNumber writes digits and marks of other scripts, and blanks and minus
// signs of all kinds, as ASCII has them.
func asciiNumber(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf:
			return r
		case '０' <= r && r <= '９':
			return r - '０' + '0'
		case '٠' <= r && r <= '٩':
			return r - '٠' + '0'
		case '۰' <= r && r <= '۹':
			return r - '۰' + '0'
		case r == '．', r == '٫':
			return '.'
		case r == '，', r == '٬':
			return ','
		case r == '’', r == 'ʼ':
			return '\''
		case r == '−':
			return '-'
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, s)
}

// machineNumber reads a number as JSON has it, the exponent aside.
func machineNumber(s string) (string, bool) {
	digits := strings.TrimPrefix(s, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || point && fraction == "" || len(digits) > maxDigits || strings.Trim(whole+fraction, "0123456789") != "" {
		return "", false
	}
	n := joined(whole, fraction)
	if len(digits) < len(s) && strings.Trim(n, "0.") != "" {
		n = "-" + n
	}
	return n, true
}

// joined writes whole and fraction without needless zeros in front.
func joined(whole, fraction string) string {
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// numberEnd returns where the number ends that begins at start: digits, with
// one mark between two of them.
func numberEnd(s string, start int) int {
	i := start
	for i < len(s) && (isDigit(s[i]) || i+1 < len(s) && strings.IndexByte(".,' ", s[i]) >= 0 && isDigit(s[i+1])) {
		i++
	}
	return i
}

// negative tells whether what stands before a number ends in a minus sign,
// alone, or with a currency between: "-5", "-€ 5", "EUR -5", but not "A-5".
func negative(before string) bool {
	before = strings.TrimRightFunc(before, func(r rune) bool { return r == ' ' || unicode.Is(unicode.Sc, r) })
	rest, ok := strings.CutSuffix(before, "-")
	return ok && !endsInLetter(rest)
}

func endsInLetter(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// decimal reads digits with marks between them.
func decimal(token string) (string, error) {
	if len(token) > maxDigits {
		return "", fmt.Errorf("it has more than %d digits", maxDigits)
	}
	whole, fraction := token, ""
	if i := decimalMark(token); i >= 0 {
		whole, fraction = token[:i], token[i+1:]
	}
	marks := strings.Trim(whole, "0123456789")
	if marks == "" {
		return joined(whole, fraction), nil
	}
	mark := marks[:1]
	groups := strings.Split(whole, mark)
	for i, g := range groups {
		lakh := mark == "," && len(g) == 2 && i < len(groups)-1 // 12,34,567
		if strings.Trim(g, "0123456789") != "" || len(g) > 3 || i > 0 && len(g) != 3 && !lakh {
			return "", errors.New("its digits are grouped like those of no number")
		}
	}
	return joined(strings.Join(groups, ""), fraction), nil
}

// decimalMark returns the index of the mark between whole and fraction, -1 if
// there is none.
func decimalMark(token string) int {
	i := strings.LastIndexAny(token, ".,")
	if i < 0 {
		return -1
	}
	before, after := token[:i], token[i+1:]
	if strings.Contains(after, " ") || strings.Contains(after, "'") || strings.IndexByte(before, token[i]) >= 0 {
		return -1 // one of several marks of thousands
	}
	if strings.ContainsAny(before, ".,' ") || len(after) != 3 || len(before) > 3 || before[0] == '0' {
		return i
	}
	return -1
}
