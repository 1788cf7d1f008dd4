package crawler

import (
	"time"

	"crawl/store"
)

// Limit is what keeps a crawl from being faster.
type Limit string

// Limits, from what is dearest to change to what is a flag.
const (
	LimitNone        Limit = ""            // it took too short to tell, or nothing stands out
	LimitPages       Limit = "few-pages"   // what to ask for next is not known before pages under way have come
	LimitRate        Limit = "host-rate"   // hosts are asked as often as is polite
	LimitRest        Limit = "host-rest"   // hosts are left alone after they failed or asked for less
	LimitNetwork     Limit = "network"     // answers take their time, and no host may be asked for more at once
	LimitConcurrency Limit = "concurrency" // likewise, and no more may be under way
	LimitCPU         Limit = "cpu"
	LimitDisk        Limit = "disk"
	LimitSpace       Limit = "disk-space" // the volume of the store has too little room
)

// leastLoad is how long a load must be measured to tell anything.
const leastLoad = time.Second

// What stands out, as parts of the time there was.
const (
	busyCPU  = 0.8 // of all processors: whatever else is waited for, it comes from that
	someCPU  = 0.5 // of them, where nothing is waited for
	longWait = 0.3 // of the time in which visits could have begun
	muchOf   = 0.5 // of the time of visits
)

// LimitedBy tells what a load says the crawl was limited by. First comes a pause
// for want of room on the disk, then the processors. Else it is what kept visits from beginning for the longest; where
// that is a lack of places, what the visits in them waited for.
func LimitedBy(l *store.Load) Limit {
	if l == nil || l.Elapsed < int64(leastLoad) {
		return LimitNone
	}
	if Part(l.Space, l.Elapsed) >= longWait {
		return LimitSpace
	}
	cpu := Part(l.CPU, l.Elapsed*int64(max(l.Processors, 1)))
	if cpu >= busyCPU {
		return LimitCPU
	}
	limit, longest := LimitNone, int64(0)
	for _, wait := range []struct {
		limit Limit
		took  int64
	}{{LimitRate, l.Pace}, {LimitRest, l.Rest}, {LimitNetwork, l.PerHost}, {LimitPages, l.Empty}, {LimitConcurrency, l.Full}} {
		if wait.took > longest {
			limit, longest = wait.limit, wait.took
		}
	}
	switch {
	case Part(longest, l.Elapsed) < longWait && cpu < someCPU:
		return LimitNone
	case Part(longest, l.Elapsed) < longWait:
		return LimitCPU
	case limit != LimitConcurrency:
		return limit
	case l.Disk >= l.Network && Part(l.Disk, l.Visits) >= muchOf:
		return LimitDisk
	case Part(l.Network, l.Visits) >= muchOf:
		return LimitConcurrency
	case cpu >= someCPU:
		return LimitCPU
	}
	return LimitNone
}

// Part is how much of the whole n is.
func Part(n, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(n) / float64(whole)
}
