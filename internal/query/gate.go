package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Gate is what a run must not have: rows of a statement, or findings for which
// a condition holds.
type Gate struct {
	Rule      string // as it was written
	Statement string
	words     string // of what there must be none, for people
}

// Conditions that a word stands for, and what their findings are.
var (
	gateWords = map[string]string{Critical: "severity = 'critical'", "new": "severity = 'critical' AND new"}
	gateSays  = map[string]string{gateWords[Critical]: "critical", gateWords["new"]: "critical and new"}
)

// NewGate reads a rule:
//
//	critical       there is a critical finding
//	new            there is one that the run before did not have
//	CONDITION      a finding for which it holds; what was fixed is none
//	SELECT …       a row
//
// fields are those of the user. An *Error tells what is wrong with the rule; no
// store is needed for that.
func NewGate(rule string, fields []string) (*Gate, error) {
	g := &Gate{Rule: rule, Statement: rule, words: "rows: " + rule}
	tokens, bad := lexWhole(rule)
	if bad != nil {
		return nil, bad
	}
	if len(tokens) == 0 {
		return nil, &Error{What: "the condition is empty", Hint: "write one over findings, or a SELECT"}
	}
	if !slices.ContainsFunc([]string{"SELECT", "WITH", "VALUES"}, tokens[0].is) {
		condition := cmp.Or(gateWords[strings.TrimSpace(rule)], rule)
		g.words = "findings: " + condition
		if says, ok := gateSays[condition]; ok {
			g.words = "findings are " + says
		}
		g.Statement = "SELECT * FROM findings WHERE NOT fixed AND (" + condition + "\n)"
	}
	return g, Check(g.Statement, fields)
}

// Check tells what is wrong with a statement about a run with such fields; there
// need be neither. The error is an *Error.
func Check(statement string, fields []string) error {
	db := newDB(nil, Options{}, tablesFor(fields))
	_, err := db.Query(context.Background(), statement)
	return errors.Join(err, db.Close())
}

// Verdict is how a gate was passed, or not.
type Verdict struct {
	*Gate
	Rows int  // what it found
	More bool // there are more, which nobody counted
}

// maxGateRows is how many rows of a gate are counted.
const maxGateRows = 100_000

// Judge asks whether there is what the gate keeps out. It does not see what is
// muted, whatever its statement.
func (g *Gate) Judge(ctx context.Context, db *DB) (v Verdict, err error) {
	v.Gate = g
	db.judging = true
	defer func() { db.judging = false }()
	rows, err := db.Query(ctx, g.Statement)
	if err != nil {
		return v, err
	}
	for _, err := range rows.All() {
		if err != nil {
			return v, err
		}
		if v.Rows == maxGateRows {
			v.More = true
			break
		}
		v.Rows++
	}
	return v, nil
}

// Tripped tells whether the run must not pass.
func (v *Verdict) Tripped() bool { return v.Rows > 0 }

// String says what there is that must not be: "14 findings are critical and new".
func (v *Verdict) String() string {
	words := v.words
	if v.Rows == 1 {
		words = strings.Replace(words, "s", "", 1)
		words = strings.Replace(words, "finding are", "finding is", 1)
	}
	if v.More {
		return fmt.Sprintf("more than %d %s", v.Rows, words)
	}
	return fmt.Sprintf("%d %s", v.Rows, words)
}
