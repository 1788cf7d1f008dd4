package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"crawl/internal/query"
	"crawl/store"

	"github.com/spf13/cobra"
)

// checkGate finds what is wrong with a rule of fail_on by itself. It may name
// fields of the user's, which are not known here.
func checkGate(text string) error {
	_, err := query.NewGate(text, nil)
	var wrong *query.Error
	if err == nil || errors.As(err, &wrong) && wrong.Word != "" {
		return nil
	}
	return queryFault("", err)
}

// newGate reads the rule that a run with such fields is held to; nil if there is
// none.
func newGate(rule string, fields []string) (*query.Gate, error) {
	if rule == "" {
		return nil, nil
	}
	g, err := query.NewGate(rule, fields)
	if err != nil {
		return nil, &usageError{[]fault{queryFault("fail_on", err)}}
	}
	return g, nil
}

// queryFault is what is wrong with a statement as a fault of an option.
func queryFault(where string, err error) fault {
	var e *query.Error
	if !errors.As(err, &e) {
		return faultAt(where, err)
	}
	f := fault{where, e.What, e.Hint}
	if near := nearest(e.Word, e.Known); near != "" {
		f.Next = fmt.Sprintf("did you mean %q?", near)
	} else if e.Table != "" {
		f.Next = strings.TrimSpace(e.Hint + " all fields: crawl fields " + e.Table)
	}
	return f
}

// namedBaseline finds the run that findings are to be held against; nil if none
// is named.
func namedBaseline(ctx context.Context, st *store.Bolt, name string) (*store.Run, error) {
	if name == "" {
		return nil, nil
	}
	run, err := findRun(ctx, st, name)
	if err == nil && !query.Finished(run) {
		return nil, newUsageError("baseline", "run "+runName(run)+" is "+run.State, "name one that has ended: crawl runs "+shellWord(run.Site))
	}
	return run, err
}

// conclude counts what is wrong with a run that has ended, as far as an index
// tells, and holds the run to its gate. base is the run that it was held
// against, if there is one; rules are those for the user's findings.
func conclude(ctx context.Context, st *store.Bolt, run *store.Run, gate *query.Gate, rules findingRules, log *slog.Logger) (base *store.Run, err error) {
	run.Findings, run.Gate, run.Unmuted = nil, nil, nil
	if base, err = query.Baseline(ctx, st, run); err != nil || !query.Finished(run) || run.State == store.Empty {
		return base, err
	}
	var since time.Time
	if base != nil {
		since = base.Ended
	}
	run.Unmuted = rules.unmuted(run.Site, since)
	db := openTables(st, query.Options{Run: run, Baseline: base, Rules: rules.of}, log)
	defer func() { err = errors.Join(err, db.Close()) }()
	if run.Findings, err = db.CountFindings(ctx, true); err != nil {
		return base, fmt.Errorf("count findings: %w", err)
	}
	if gate == nil {
		return base, nil
	}
	v, err := gate.Judge(ctx, db)
	if err != nil {
		return base, fmt.Errorf("ask the gate: %w", err)
	}
	run.Gate = &store.Gate{Rule: gate.Rule, Rows: uint64(v.Rows)}
	if v.Tripped() {
		run.Gate.Says = v.String()
	}
	return base, nil
}

// passGate ends a command with 1 if what it shows does not pass a gate.
func passGate(ctx context.Context, c *cobra.Command, db *query.DB, gate *query.Gate) error {
	v, err := gate.Judge(ctx, db)
	if err != nil || !v.Tripped() {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", painted(c.ErrOrStderr(), red, "gate failed"), plain(v.String()))
	return &exitError{code: exitFound}
}
