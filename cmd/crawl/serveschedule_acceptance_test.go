//go:build unix && acceptance

package main

import "testing"

// TestAcceptanceWatchAndKill watches a site for about two minutes.
func TestAcceptanceWatchAndKill(t *testing.T) { watchAndKill(t, 22, 2) }
