//go:build !unix

package fetcher

import (
	"testing"
	"time"
)

// cpuTime cannot be told here: all work takes no time.
func cpuTime(testing.TB) time.Duration { return 0 }
