package main

import (
	"testing"
)

// TestMinSpeed sees to it that --min-speed reaches the fetcher, whose own tests
// show what it does there in virtual time.
func TestMinSpeed(t *testing.T) {
	for speed, want := range map[string]int64{"1KB/s": 1000, "0": -1, "64B/s": 64} {
		settingsWorld(t)
		r, err := loadSettings(settingsFlags(t, "--min-speed="+speed), "")
		if err != nil {
			t.Fatal(err)
		}
		c, err := fetcherConfig(&r.Settings, nil)
		if err != nil || c.MinSpeed != want {
			t.Errorf("%s: %d, %v; want %d", speed, c.MinSpeed, err, want)
		}
	}
}
