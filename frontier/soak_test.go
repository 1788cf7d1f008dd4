//go:build soak

package frontier_test

import "testing"

func TestSoakMillion(t *testing.T) { queueMany(t, 1_000_000) }
