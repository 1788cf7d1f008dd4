package query

import (
	"errors"
	"testing"
)

func TestGateWords(t *testing.T) {
	for rule, want := range map[string][2]string{
		"critical":                           {"1 finding is critical", "2 findings are critical"},
		" new ":                              {"1 finding is critical and new", "2 findings are critical and new"},
		"severity = 'critical' AND new":      {"1 finding is critical and new", "2 findings are critical and new"},
		"kind = 'titles' OR new":             {"1 finding: kind = 'titles' OR new", "2 findings: kind = 'titles' OR new"},
		"SELECT 1 FROM pages WHERE words= 0": {"1 row: SELECT 1 FROM pages WHERE words= 0", "2 rows: SELECT 1 FROM pages WHERE words= 0"},
	} {
		g, err := NewGate(rule, nil)
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		for i, want := range want {
			if v := (Verdict{Gate: g, Rows: i + 1}); v.String() != want {
				t.Errorf("%s: %q, want %q", rule, v.String(), want)
			}
		}
	}
}

// What is wrong with a gate is known before there is a store.
func TestGateFaults(t *testing.T) {
	for _, rule := range []string{"", " -- nothing", "severity = 'critical", "sevrity = 'critical'", "new) OR (1", "SELECT", "DELETE FROM findings", "price > 1", "SELECT crawl_within(1)", "new; new"} {
		_, err := NewGate(rule, nil)
		var wrong *Error
		if !errors.As(err, &wrong) {
			t.Errorf("%q: %v, want an *Error", rule, err)
		}
	}
	if _, err := NewGate("SELECT 1 FROM pages WHERE price > 1", []string{"price"}); err != nil {
		t.Error(err)
	}
}
