package frontier

import (
	"context"
	"time"
)

// wait parks the caller until something changes, the next host is free, or ctx
// ends. Where only a page that is done can bring something to lease, or the end,
// its step is not put off. Bolt.mu is held on entry and on return, and not meanwhile.
func (r *run) wait(ctx context.Context, now time.Time) {
	if r.live == 0 {
		r.db.Hurry()
	}
	woken := make(chan struct{})
	r.waiters = append(r.waiters, woken)
	r.setTimer(now)
	r.beginWait(now)
	r.frontier.mu.Unlock()
	select {
	case <-woken:
		r.frontier.mu.Lock()
	case <-ctx.Done():
		r.frontier.mu.Lock()
		for i, w := range r.waiters {
			if w == woken {
				r.waiters = append(r.waiters[:i], r.waiters[i+1:]...)
				break
			}
		}
	}
	r.endWait(time.Now())
}

// setTimer sets the run's timer to the next host that gets free or the next
// lease that lapses.
func (r *run) setTimer(now time.Time) {
	var at time.Time
	if len(r.ready) > 0 && !r.paused && r.held == 0 {
		at = r.ready[0].at
	}
	for e := r.oldest.Front(); e != nil; e = e.Next() {
		if st := e.Value.(*lease); !st.ending {
			if at.IsZero() || st.Until.Before(at) {
				at = st.Until
			}
			break
		}
	}
	if at.IsZero() {
		return
	}
	d := max(at.Sub(now), 0)
	if r.timer == nil {
		r.timer = time.AfterFunc(d, func() {
			r.frontier.mu.Lock()
			defer r.frontier.mu.Unlock()
			r.kick()
		})
		return
	}
	r.timer.Reset(d)
}

// kick wakes one waiting caller. It takes what it finds and wakes the next.
func (r *run) kick() {
	if len(r.waiters) > 0 {
		close(r.waiters[0])
		r.waiters = r.waiters[1:]
	}
}

func (r *run) wakeAll() {
	for len(r.waiters) > 0 {
		r.kick()
	}
}
