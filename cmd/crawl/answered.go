package main

import (
	"context"
	"fmt"
	"path/filepath"

	"crawl/frontier"
	"crawl/internal/web"
	"crawl/store"

	"github.com/spf13/cobra"
)

// answeredAnnotation marks commands that whoever holds the store may run for
// somebody else; its value says which kind they are of.
const (
	answeredAnnotation = "crawl_answered"
	answeredReading    = "reads"
	answeredKeeping    = "keeps"
)

// reading marks a command as one that reads the store alone, or notes in it what is
// asked of a schedule: by withStore and what builds on it. It writes to c's outputs
// and by writeFile alone.
func reading(c *cobra.Command) *cobra.Command { return answered(c, answeredReading) }

// keeping marks a command as one that looks after the store on the user's wish, by
// withStore: it takes as long as it takes, one at a time, and a crawl goes on
// meanwhile. Files that it writes are those of whoever holds the store, see
// holding.path.
func keeping(c *cobra.Command) *cobra.Command { return answered(c, answeredKeeping) }

func answered(c *cobra.Command, kind string) *cobra.Command {
	if c.Annotations == nil {
		c.Annotations = map[string]string{}
	}
	c.Annotations[answeredAnnotation] = kind
	return c
}

func isAnswered(c *cobra.Command) bool { return c.Annotations[answeredAnnotation] != "" }

func isKeeping(c *cobra.Command) bool { return c.Annotations[answeredAnnotation] == answeredKeeping }

// isLasting tells whether a command of somebody else takes as long as it takes.
func isLasting(cmd *web.Command) bool {
	c, _, err := newRoot().Find(cmd.Args)
	return err == nil && isKeeping(c)
}

// keep has a command look after the store for somebody, until done is called.
// Another such command is refused meanwhile; what the holder does by itself is
// waited for.
func (h *holder) keep(ctx context.Context) (done func(), err error) {
	if !h.asking.TryLock() {
		return nil, &exitError{exitStore, fault{What: "another `crawl db` command is under way in the process that holds the store", Next: "wait for its end"}}
	}
	over, err := h.keepAlone(ctx)
	if err != nil {
		h.asking.Unlock()
		return nil, err
	}
	return func() { over(); h.asking.Unlock() }, nil
}

// keepAlone waits until nobody else looks after the store, and keeps others from it
// until done is called.
func (h *holder) keepAlone(ctx context.Context) (done func(), err error) {
	select {
	case h.keeping <- struct{}{}:
		return func() { <-h.keeping }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inWork tells whether a run goes on, waits for its place, or has ended just now and
// is being judged.
func (h *holder) inWork(id store.RunID) bool {
	return h.going(id) != nil || h.taken != nil && h.taken(id)
}

// path is where a name that the user wrote leads: from the folder that he is in.
func (h *holding) path(name string) string {
	if filepath.IsAbs(name) || h.folder == "" {
		return name
	}
	return filepath.Join(h.folder, name)
}

// Copy copies a queue, and nobody reads it as that of a run that was cut off
// meanwhile; see frontier.Bolt.
func (h *holder) Copy(ctx context.Context, name, to string) error {
	if h.front == nil {
		return fmt.Errorf("copy the queue %s: %w", name, frontier.ErrClosed)
	}
	h.settling.Lock()
	defer h.settling.Unlock()
	return h.front.Copy(ctx, name, to)
}
