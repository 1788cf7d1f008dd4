package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"crawl/internal/query"
	"crawl/store"
)

// changesOf counts what is different from the run before; nil if there is none,
// or the run can go on. What keeps it from that keeps no run from ending.
func changesOf(ctx context.Context, st *store.Bolt, run *store.Run, log *slog.Logger) *store.Changes {
	if !query.Finished(run) || run.State == store.Empty {
		return nil
	}
	changes, err := countChanges(ctx, st, run)
	if err != nil {
		log.Warn("changes since the run before were not counted", "cause", err)
		return nil
	}
	return changes
}

func countChanges(ctx context.Context, st *store.Bolt, run *store.Run) (_ *store.Changes, err error) {
	base, err := query.Baseline(ctx, st, run)
	if err != nil || base == nil {
		return nil, err
	}
	db := query.Open(st, query.Options{Run: run, Identity: identityOf, Judge: judgeOf})
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.CountChanges(ctx, base)
}

// changesText says it in a line.
func changesText(n *store.Changes) string {
	var parts []string
	for _, kind := range []string{query.ChangeNew, query.ChangeGone, query.ChangeMissed} {
		if count := n.Kinds[kind]; count > 0 {
			parts = append(parts, grouped(count)+" "+kind)
		}
	}
	if n.Changed > 0 {
		parts = append(parts, grouped(n.Changed)+" changed ("+strings.Join(changedKinds(n.Kinds), ", ")+")")
	}
	if count := n.Kinds[query.ChangeSkipped]; count > 0 {
		parts = append(parts, grouped(count)+" not asked for")
	}
	if len(parts) == 0 {
		parts = append(parts, "none")
	}
	if n.Settings > 0 {
		parts = append(parts, grouped(n.Settings)+" of the new ones by other settings")
	}
	return fmt.Sprintf("%s · %s same as in run %d", strings.Join(parts, " · "), grouped(n.Same), n.Baseline)
}

// briefChanges is what changed in a few words: empty if nobody looked.
func briefChanges(n *store.Changes) string {
	if n == nil {
		return ""
	}
	var parts []string
	for _, part := range []struct {
		count uint64
		what  string
	}{{n.Kinds[query.ChangeNew], "new"}, {n.Kinds[query.ChangeGone], "gone"}, {n.Changed, "changed"}} {
		if part.count > 0 {
			parts = append(parts, grouped(part.count)+" "+part.what)
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// changedKinds are the kinds of changes of a page with their number, those that
// weigh most first, then the user's own.
func changedKinds(kinds map[string]uint64) (texts []string) {
	for _, kind := range inOrder(kinds) {
		texts = append(texts, plain(kindText(kind))+" "+grouped(kinds[kind]))
	}
	return texts
}

// inOrder are the kinds of changes of a page that both runs have.
func inOrder[V any](kinds map[string]V) (names []string) {
	all := query.ChangeKinds()
	order := map[string]int{}
	for name := range kinds {
		if slices.Contains(presenceKinds, name) {
			continue
		}
		if order[name] = slices.Index(all, name); order[name] < 0 {
			order[name] = len(all)
		}
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(order[a], order[b]), cmp.Compare(a, b)) })
	return names
}

// kindText is what people call a kind.
func kindText(kind string) string {
	if kind == "text_hash" {
		return "text"
	}
	return kind
}

// changesLine is what --json tells of changes.
type changesLine struct {
	Baseline  string            `json:"baseline"`
	New       uint64            `json:"new"`
	Gone      uint64            `json:"gone"`
	Missed    uint64            `json:"missed"`
	Skipped   uint64            `json:"skipped"`
	Changed   uint64            `json:"changed"`
	Same      uint64            `json:"same"`
	Unreached uint64            `json:"unreached"`
	Settings  uint64            `json:"new_by_settings"`
	Kinds     map[string]uint64 `json:"kinds"` // of the changed ones; may overlap
}

func newChangesLine(run *store.Run) *changesLine {
	n := run.Changes
	if n == nil {
		return nil
	}
	kinds := map[string]uint64{}
	for _, kind := range inOrder(n.Kinds) {
		kinds[kind] = n.Kinds[kind]
	}
	return &changesLine{
		Baseline: runName(&store.Run{Site: run.Site, Number: n.Baseline}),
		New:      n.Kinds[query.ChangeNew], Gone: n.Kinds[query.ChangeGone], Missed: n.Kinds[query.ChangeMissed], Skipped: n.Kinds[query.ChangeSkipped],
		Changed: n.Changed, Same: n.Same, Unreached: n.Unreached, Settings: n.Settings, Kinds: kinds,
	}
}
