package query

import (
	"context"
	"fmt"
	"iter"

	"crawl/store"
)

// Live is a run that goes on in this process: what the store is told of at the
// run's end alone.
type Live struct {
	Run   *store.Run // as it is by now
	Skips func(context.Context) iter.Seq2[*store.Skip, error]
	Hosts func(context.Context) iter.Seq2[*store.Host, error]
}

// live returns what goes on of a run, nil for a run that does not.
func (db *DB) live(id store.RunID) *Live {
	if db.o.Live == nil {
		return nil
	}
	return db.o.Live(id)
}

// linked tells whether who links where is, or may be, found by an index. Beside
// a crawl none is made: it would cost the crawl its disk, and every page that is
// put into a run that goes on takes the run's index away.
func (v *runView) linked() (bool, error) {
	if v.live != nil {
		return false, nil
	}
	if v.q.db.o.Live == nil {
		return true, nil
	}
	return v.q.db.store.Indexed(v.q.ctx, v.run.ID)
}

// links tells whether conditions on what links lead to are answered by an index.
func (q *question) links() bool {
	v, err := q.defaultRun()
	if err != nil {
		return false
	}
	linked, err := v.linked()
	return linked && err == nil
}

// uncounted says why no links to pages are counted.
func (v *runView) uncounted() string {
	if v.live != nil {
		return fmt.Sprintf("links to pages are not counted yet: run %s goes on", v.name)
	}
	return fmt.Sprintf("links to pages are not counted: run %s has no index of links, and none is made beside a crawl", v.name)
}

// skips yields the URLs that a run refused; those of a run that goes on come in
// no order, and all of them.
func (v *runView) skips(prefix []byte) iter.Seq2[*store.Skip, error] {
	if v.live != nil {
		return v.live.Skips(v.q.ctx)
	}
	return v.q.db.store.SkipsOf(v.q.ctx, v.run.ID, prefix)
}

func (v *runView) hosts() iter.Seq2[*store.Host, error] {
	if v.live != nil {
		return v.live.Hosts(v.q.ctx)
	}
	return v.q.db.store.Hosts(v.q.ctx, v.run.ID)
}

// runs yields all runs, those that go on as they are by now.
func (q *question) runs() iter.Seq2[*store.Run, error] {
	return func(yield func(*store.Run, error) bool) {
		for run, err := range q.db.store.Runs(q.ctx, "") {
			if err == nil {
				if live := q.db.live(run.ID); live != nil {
					run = live.Run
				}
			}
			if !yield(run, err) || err != nil {
				return
			}
		}
	}
}
