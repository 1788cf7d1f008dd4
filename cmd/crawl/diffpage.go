package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"crawl/internal/query"
	"crawl/internal/weburl"
	"crawl/store"
)

// pageDiff is what is different of one page between two runs.
type pageDiff struct {
	url     weburl.URL
	changes answer
	hunks   [][]piece
	exact   bool
	note    string // why the texts could not be compared; "" if they were
}

// askPageChanges are the changes of one page.
const askPageChanges = "SELECT kind, before, after, why FROM changes WHERE url = $url AND run = $run AND base = $base"

// page compares one page.
func (d *runDiff) page(ctx context.Context) error {
	p, err := d.comparePage(ctx)
	if err != nil {
		return err
	}
	if !d.s.Quiet {
		d.warn(0)
	}
	found := len(p.hunks) > 0 || len(p.changes.rows) > 0
	err = writeFile(d.f.out.file, d.c.OutOrStdout(), func(w io.Writer) error {
		switch d.f.out.format {
		case "table":
			return d.printPage(w, p, d.f.out.file == "-" && hasColour(d.c.OutOrStdout()))
		case "json", "jsonl":
			return d.pageJSON(w, p)
		}
		return d.f.out.list(ctx, w, 0, []query.ColumnOf{{Name: "hunk", Kind: query.Int}, {Name: "op"}, {Name: "text"}}, p.rows())
	})
	if err == nil && d.f.exiting && found {
		err = &exitError{code: exitFound}
	}
	return err
}

func (d *runDiff) comparePage(ctx context.Context) (*pageDiff, error) {
	typed, err := seedURL(d.f.url)
	if err != nil {
		return nil, newUsageError("--url", err.Error(), "")
	}
	identity, err := identityOf(d.after)
	if err != nil {
		return nil, err
	}
	p := &pageDiff{url: identity(typed), exact: true}
	statement := strings.NewReplacer("$run", query.Literal(runName(d.after)), "$base", query.Literal(runName(d.before))).Replace(askPageChanges)
	if p.changes, err = ask(ctx, d.db, p.url, statement); err != nil {
		return nil, err
	}
	before, err := d.visit(ctx, d.before, typed)
	if err != nil {
		return nil, err
	}
	after, err := d.visit(ctx, d.after, typed)
	if err != nil {
		return nil, err
	}
	if before == nil && after == nil {
		return nil, newUsageError("--url", "neither run has "+p.url.String(), "see why: crawl explain "+p.url.String()+" "+runName(d.after))
	}
	if before != nil && after != nil && before.Hash == after.Hash {
		return p, nil
	}
	return p, d.compareText(ctx, p, before, after)
}

// visit is a run's visit of a page; nil if it has none.
func (d *runDiff) visit(ctx context.Context, run *store.Run, u weburl.URL) (*store.Page, error) {
	identity, err := identityOf(run)
	if err != nil {
		return nil, err
	}
	p, err := d.db.Store().Page(ctx, run.ID, identity(u))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return p, err
}

// compareText compares what two visits say. A body that was not kept, or is
// damaged, is no fault of the question.
func (d *runDiff) compareText(ctx context.Context, p *pageDiff, before, after *store.Page) error {
	var texts [2]string
	for i, side := range []struct {
		run  *store.Run
		page *store.Page
	}{{d.before, before}, {d.after, after}} {
		if side.page == nil {
			continue
		}
		text, err := storedText(ctx, d.db.Store(), side.run, side.page, slog.New(logHandler(d.s, d.c.ErrOrStderr())))
		switch {
		case errors.Is(err, store.ErrNotFound):
			p.note = "the text is not compared: " + runName(side.run) + " kept no body"
			return nil
		case errors.Is(err, store.ErrDamaged):
			p.note = "the text is not compared: the body that " + runName(side.run) + " kept is damaged, see `crawl db check`"
			return nil
		case err != nil:
			return err
		}
		texts[i] = text
	}
	p.hunks, p.exact = wordDiff(texts[0], texts[1])
	return nil
}

// rows are the pieces of text, with the number of their hunk.
func (p *pageDiff) rows() (rows [][]any) {
	for i, hunk := range p.hunks {
		for _, piece := range hunk {
			rows = append(rows, []any{int64(i + 1), piece.Op, piece.Text})
		}
	}
	return rows
}

func (d *runDiff) pageJSON(w io.Writer, p *pageDiff) error {
	changes, err := p.changes.list()
	if err != nil {
		return err
	}
	if p.hunks == nil {
		p.hunks = [][]piece{}
	}
	return writeJSON(w, struct {
		URL     string          `json:"url"`
		Before  string          `json:"before"`
		After   string          `json:"after"`
		Changes json.RawMessage `json:"changes"`
		Hunks   [][]piece       `json:"hunks"`
		Exact   bool            `json:"exact"` // false: a stretch differs too much to be compared word by word
		Note    string          `json:"note,omitempty"`
	}{p.url.String(), runName(d.before), runName(d.after), changes, p.hunks, p.exact, p.note})
}

// printPage writes as `git diff --word-diff` does.
func (d *runDiff) printPage(out io.Writer, p *pageDiff, colour bool) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "%s   %s → %s\n", p.url, plain(runName(d.before)), plain(runName(d.after)))
	for i := range p.changes.rows {
		get := func(name string) string { return plain(cutTo(p.changes.at(i, name), shownText)) }
		change := changeText(get("before"), get("after"))
		if get("kind") == "text_hash" {
			continue // it is shown
		}
		fmt.Fprintf(w, "  %-11s %s\n", get("kind"), change)
	}
	switch {
	case p.note != "":
		fmt.Fprintf(w, "  %s\n", plain(p.note))
	case len(p.hunks) == 0:
		fmt.Fprintln(w, "  the text is the same")
	}
	for _, hunk := range p.hunks {
		fmt.Fprintln(w, "\n@@")
		for i, piece := range hunk {
			if i > 0 && !strings.HasSuffix(hunk[i-1].Text, lineEnd) && !strings.HasPrefix(piece.Text, lineEnd) {
				w.WriteByte(' ')
			}
			w.WriteString(marked(piece, colour))
		}
		if last := hunk[len(hunk)-1].Text; !strings.HasSuffix(last, lineEnd) || hunk[len(hunk)-1].Op != opSame {
			w.WriteByte('\n')
		}
	}
	if !p.exact {
		fmt.Fprintln(w, "\nsome of it differs too much to be compared word by word")
	}
	return w.Flush()
}

// Signs around what was removed and added, and their colours.
var (
	wordSigns   = map[string][2]string{opRemoved: {"[-", "-]"}, opAdded: {"{+", "+}"}}
	wordColours = map[string]string{opRemoved: red, opAdded: green}
)

// marked is a piece with its signs, safe for a terminal. Those of several lines
// stand around each.
func marked(p piece, colour bool) string {
	var b strings.Builder
	for line := range strings.Lines(p.Text) {
		text, end := strings.CutSuffix(line, lineEnd)
		sign := wordSigns[p.Op]
		switch shown := sign[0] + plain(text) + sign[1]; {
		case text == "" && p.Op != opSame && line != p.Text: // an empty line among others
		case colour && p.Op != opSame:
			b.WriteString(wordColours[p.Op] + shown + colourEnd)
		default:
			b.WriteString(shown)
		}
		if end {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
