package main

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"time"
)

// Budget is how much memory to get by with, in bytes; 0 is auto, see budget. Its
// text is that of a Size, or auto.
type Budget int64

const (
	autoWord      = "auto"
	leastBudget   = 32 << 20
	mostAuto      = 512 << 20 // where neither the user nor a container says otherwise
	ofContainer   = 0.75      // the rest is for what mapped files take, and the program itself
	goLimitEnv    = "GOMEMLIMIT"
	goPercentEnv  = "GOGC"
	leastGoMemory = 50 << 20
	goPercent     = 200 // how much may become garbage before it is collected, of what is in use
	usualPercent  = 100 // the Go runtime's own
)

func (b Budget) String() string {
	if b == 0 {
		return autoWord
	}
	return Size(b).String()
}

// MarshalText writes the text that UnmarshalText reads, for JSON.
func (b Budget) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a budget; a fault says how one is written.
func (b *Budget) UnmarshalText(text []byte) error { return unmarshalUnit(b, text, parseBudget) }

func parseBudget(text string) (Budget, error) {
	if text == autoWord {
		return 0, nil
	}
	size, err := parseSize(text)
	if err != nil || size == unlimited {
		return 0, badUnit(text, "an amount of memory", "write a number with its unit, 512MiB or 2GB, or "+autoWord)
	}
	if size < leastBudget {
		return 0, fault{What: quoted(text) + " is too little memory", Next: "take " + Size(leastBudget).String() + " or more, or " + autoWord}
	}
	return Budget(size), nil
}

// bytes is the budget in bytes, and where that comes from if nobody said it:
// GOMEMLIMIT, or a share of what the container may have, but no more than
// mostAuto, or mostAuto.
func (b Budget) bytes(root fs.FS, goLimit int64) (n int64, from string) {
	if b != 0 {
		return int64(b), ""
	}
	if goLimit != math.MaxInt64 {
		return max(goLimit, leastBudget), goLimitEnv
	}
	if limit, ok := containerLimit(root); ok && int64(ofContainer*float64(limit)) < mostAuto {
		return max(int64(ofContainer*float64(limit)), leastBudget), "of the container's " + bytesText(uint64(limit))
	}
	return mostAuto, ""
}

// here is the budget on this machine.
func (b Budget) here() (n int64, from string) {
	return b.bytes(os.DirFS("/"), goMemoryLimit())
}

// goMemoryLimit is what GOMEMLIMIT says; math.MaxInt64 if nothing.
func goMemoryLimit() int64 {
	if os.Getenv(goLimitEnv) == "" {
		return math.MaxInt64
	}
	return debug.SetMemoryLimit(-1)
}

// explain says in an origin what auto comes to.
func (b Budget) explain(origin string) string {
	n, from := b.here()
	switch {
	case b != 0:
		return origin
	case from == "":
		return fmt.Sprintf("%s: %s", origin, Size(n))
	}
	return fmt.Sprintf("%s: %s, %s", origin, bytesText(uint64(n)), from)
}

// shares divides a budget among what keeps things in memory to be fast. All
// shares together are less than two thirds, and most runs need little of that:
// pages under way take the rest. Buffers that are kept for the next page have
// none: the collector of garbage, which the budget drives, empties them.
type shares struct {
	queue int // what is new in a queue, heads of queues
	known int // URLs
	rules int // parsed robots.txt files
	store int // an index while it is made, which is when nothing is fetched; templates
	names int // answers of name servers; a number
	idle  int // connections kept for another request; a number
}

// What an answer of a name server, and a connection, take in memory, roughly.
const (
	nameBytes = 400
	idleBytes = 16 << 10
)

func divide(budget int64) shares {
	n := int(min(budget, math.MaxInt32)) // what more than that would bring is little
	return shares{queue: n * 3 / 32, known: n / 16 * 5, rules: n / 16, store: n / 8, names: n / 128 / nameBytes, idle: n / 16 / idleBytes}
}

// shares are what the budget of the settings comes to on this machine.
func (s *Settings) shares() shares {
	n, _ := s.Memory.here()
	return divide(n)
}

// room is what one run may take of the machine.
type room struct {
	shares
	files int // that it may have open
}

// room is what each of so many runs at once may take. What the store needs is
// not divided: they share it.
func (s *Settings) room(runs int) room {
	all := s.shares()
	return room{
		shares: shares{queue: all.queue / runs, known: all.known / runs, rules: all.rules / runs, store: all.store, names: all.names / runs, idle: all.idle / runs},
		files:  openFiles() / runs,
	}
}

// Every so often the limit of memory is held against what is in use; what is in
// use for a shorter time than so many looks in a row is a peak.
const (
	lookEvery = time.Second
	looks     = 4
	leastFall = 16       // of the limit, one part in so many, or it stays
	leastRoom = 2        // of what is in use now, one part in so many may become garbage, at a peak too
	plainRoom = 64 << 20 // so much garbage, or as much as there is for the collector to go through, is enough
)

// holdTo makes the process get by with a budget until the function returned is
// called. While little is in use it may take up to leastGoMemory: garbage is
// collected less often than usual, and a few large pages at once, of which a
// crawl has many moments, cost some turns of the collector and not twice their
// memory. As more is in use for longer the limit rises to twice that, or less where
// much of it is tables that the collector does not go through, beside what
// is no garbage ever, such as stacks, and ends at the budget. What the user told
// the Go runtime himself holds instead.
func holdTo(budget int64) (end func()) {
	if os.Getenv(goLimitEnv) != "" {
		return func() {}
	}
	debug.SetMemoryLimit(budget)
	restore := func() { debug.SetMemoryLimit(math.MaxInt64) }
	if os.Getenv(goPercentEnv) != "" || budget <= leastGoMemory {
		return restore
	}
	debug.SetMemoryLimit(leastGoMemory)
	debug.SetGCPercent(goPercent)
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		follow(budget, done)
	}()
	return func() {
		close(done)
		<-gone
		debug.SetGCPercent(usualPercent)
		restore()
	}
}

// follow moves the limit of memory with what is in use, until done is closed.
func follow(budget int64, done <-chan struct{}) {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	var last [looks]int64
	limit, cycles := int64(leastGoMemory), uint64(0)
	for i := 0; ; {
		select {
		case <-done:
			return
		case <-every.C:
		}
		now := look()
		if now.cycles == cycles { // nothing new is known of what is in use
			continue
		}
		cycles = now.cycles
		last[i%looks] = now.live
		i++
		if next := memoryLimit(slices.Min(last[:]), now, budget); next > limit || next < limit-limit/leastFall {
			limit = next
			debug.SetMemoryLimit(limit)
		}
	}
}

// memoryUse is what the Go runtime tells of its memory, in bytes.
type memoryUse struct {
	live   int64  // objects in use when garbage was collected last
	scan   int64  // of these, what may hold pointers
	beside int64  // stacks, tables, and room between objects
	cycles uint64 // how often garbage was collected
}

func look() memoryUse {
	now := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/gc/scan/heap:bytes"},
	}
	metrics.Read(now)
	n := func(i int) int64 { return int64(now[i].Value.Uint64()) }
	return memoryUse{live: n(0), scan: n(6), cycles: now[1].Value.Uint64(), beside: n(2) - n(3) - n(4) - n(5)}
}

// memoryLimit is twice what has been in use for some time, and a little more than
// what is in use now, lest the collector take half of the processors; both
// beside what cannot be collected, and within bounds. Of large tables without
// pointers there need be no room for garbage.
func memoryLimit(lasting int64, now memoryUse, budget int64) int64 {
	garbage := max(now.scan, plainRoom)
	wanted := now.beside + max(lasting+min(lasting, garbage), now.live+min(now.live/leastRoom, garbage))
	return max(min(wanted, budget), min(leastGoMemory, budget))
}
