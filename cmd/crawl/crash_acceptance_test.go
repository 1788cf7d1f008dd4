//go:build unix && acceptance

package main

import (
	"testing"
	"time"
)

// TestAcceptanceCrash is the promise at the size in which it is given.
func TestAcceptanceCrash(t *testing.T) {
	bin := buildCrawl(t)
	t.Run("at any time", func(t *testing.T) { killAndResume(t, bin, 20000, 200, 40, 5, 20*time.Millisecond) })
	t.Run("at every step", func(t *testing.T) { killFinely(t, bin, 400) })
	t.Run("at the ends", func(t *testing.T) { killAtEnds(t, bin, 150) })
}
