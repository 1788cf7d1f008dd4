package query

import (
	"database/sql/driver"
	"fmt"
	"regexp"
	"sync"

	"golang.org/x/text/width"
	"modernc.org/sqlite"
)

// engine is a driver of our own: what others register with the usual one is
// none of ours.
var engine = func() *sqlite.Driver {
	d := &sqlite.Driver{}
	if err := d.RegisterModule(moduleName, module{}); err != nil {
		panic(err) // it is there already: cannot be
	}
	d.MustRegisterScalarFunction(withinFunction, 1, within)
	d.MustRegisterDeterministicScalarFunction("regexp", 2, matches)
	d.MustRegisterDeterministicScalarFunction("width", 1, widthOf)
	return d
}()

// widthOf is width(text): how many letters of usual width would take its place.
// Those of Chinese, Japanese and Korean count twice.
func widthOf(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	text, is := textOf(args[0])
	if !is {
		return nil, nil
	}
	n := int64(0)
	for _, r := range text {
		n++
		if r >= firstWide {
			if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
				n++
			}
		}
	}
	return n, nil
}

const firstWide = 0x1100 // no letter below is wide

// within is what inside calls.
func within(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	number, _ := args[0].(int64)
	db, ok := open.Load(uint64(number))
	if !ok || db.(*DB).within == nil {
		return nil, fmt.Errorf("%s is not for statements", withinFunction)
	}
	return nil, db.(*DB).within()
}

// Patterns that were compiled lately: a statement has few, and asks for each
// once a row.
var (
	patternsMu sync.Mutex
	patterns   = map[string]*regexp.Regexp{} // guarded by patternsMu
)

const (
	maxPatterns = 100
	maxPattern  = 1000 // bytes
)

// matches is the operator REGEXP: value REGEXP pattern. Its time is linear in
// the value, whatever the pattern.
func matches(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	pattern, ok := args[0].(string)
	value, is := textOf(args[1])
	if !ok || !is {
		return nil, nil
	}
	patternsMu.Lock()
	re := patterns[pattern]
	patternsMu.Unlock()
	if re == nil {
		if len(pattern) > maxPattern {
			return nil, fmt.Errorf("a pattern has at most %d bytes", maxPattern)
		}
		var err error
		if re, err = regexp.Compile(pattern); err != nil {
			return nil, err
		}
		patternsMu.Lock()
		if len(patterns) == maxPatterns {
			clear(patterns)
		}
		patterns[pattern] = re
		patternsMu.Unlock()
	}
	return re.MatchString(value), nil
}
