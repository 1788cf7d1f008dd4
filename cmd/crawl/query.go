package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"crawl/internal/query"
	"crawl/internal/weburl"
	"crawl/store"

	"github.com/spf13/cobra"
)

func newQueryCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "query [RUN] TABLE | 'SELECT …'", Short: "Ask anything about a run",
		RunE: func(c *cobra.Command, args []string) error {
			return withRun(c, args[:len(args)-1], func(ctx context.Context, st *store.Bolt, run *store.Run, s *Settings) error {
				db, err := query.Open(st, query.Options{Run: run, Identity: identityOf})
				if err != nil {
					return err
				}
				defer db.Close()
				rows, err := db.Query(ctx, args[len(args)-1])
				if err != nil {
					return err
				}
				return printTSV(c.OutOrStdout(), rows)
			})
		},
	}
	addSettingsFlags(c.Flags(), "data", "quiet")
	return c
}

func printTSV(w io.Writer, rows *query.Rows) error {
	for row, err := range rows.All() {
		if err != nil {
			return err
		}
		var cells []string
		for _, v := range row {
			if v == nil {
				v = ""
			}
			cells = append(cells, plain(fmt.Sprint(v)))
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return nil
}

// identityOf returns what makes two addresses of a run one page.
func identityOf(run *store.Run) (func(weburl.URL) weburl.URL, error) {
	s, _, err := storedSettings(run)
	if err != nil {
		return nil, err
	}
	drop, err := weburl.NewParamSet(s.DropParams)
	return func(u weburl.URL) weburl.URL { return u.DropParams(drop) }, err
}
