package crawler

import (
	"context"

	"crawl/fetcher"

	"golang.org/x/sync/semaphore"
)

// What has been read waits for the disk in a room of so many bytes, where there
// are never more pages than places. Only when that is full do visits keep their
// places, so that a slow disk slows the crawl. What is under way in places and
// room is all that may be asked for again after a crash.
const (
	roomBytes = 16 << 20
	pageBytes = 16 << 10 // of a page beside its body: a stack, links, a record
)

// mostRead is how many pages may be read that found no room yet. A page takes
// less memory as it came than read: where more come than the disk takes, the
// others wait as they came.
const mostRead = 256

// place is what a visit has: one of as many as may be under way, and, once its
// page has been read, a part of the room instead. It belongs to one goroutine.
type place struct {
	job   *Job
	pool  *semaphore.Weighted
	size  int64 // of its part of the room; 0 while it is in the pool
	reads bool  // it is one of mostRead
}

// takePlace begins a visit for which pool was acquired.
func (w *Job) takePlace(pool *semaphore.Weighted) *place {
	w.meter.visits.add(1)
	return &place{job: w, pool: pool}
}

// mayRead waits until the page of this visit may be read. Nothing but room for
// pages that were read before ends that.
func (p *place) mayRead() {
	w := p.job
	if w.spec.Workers <= mostRead {
		return
	}
	p.reads = true
	select {
	case w.reading <- struct{}{}:
	default:
		w.meter.disk.add(1)
		w.reading <- struct{}{}
		w.meter.disk.add(-1)
	}
}

// land lets the next visit begin: what is left of this one, whose answer was
// resp or none, is the disk's affair. One place alone is kept: then pages come one
// after the other, each chosen when the links of the last are known.
func (p *place) land(ctx context.Context, resp *fetcher.Response) error {
	w, size := p.job, int64(pageBytes)
	if w.spec.Workers == 1 {
		return nil
	}
	if resp != nil {
		size += int64(max(len(resp.Body), len(resp.Raw)))
	}
	size = min(max(size, roomBytes/int64(max(w.spec.Workers, 1))), roomBytes)
	w.meter.disk.add(1)
	defer w.meter.disk.add(-1)
	if err := w.room.Acquire(ctx, size); err != nil {
		return err
	}
	p.vacate()
	p.size = size
	p.readOn()
	return nil
}

// readOn lets another page be read.
func (p *place) readOn() {
	if p.reads {
		p.reads = false
		<-p.job.reading
	}
}

// leave ends a visit.
func (p *place) leave() {
	p.readOn()
	if p.size > 0 {
		p.job.room.Release(p.size)
		return
	}
	p.vacate()
}

func (p *place) vacate() {
	p.job.meter.visits.add(-1)
	p.pool.Release(1)
}
