//go:build soak

package frontier_test

import "testing"

func TestMemoryOfAMillion(t *testing.T) { queueMany(t, 1_000_000) }
