//go:build !unix

package crawler

import "time"

// cpuTime is what the process has taken of its processors: not known here.
func cpuTime() time.Duration { return 0 }
