package main

import (
	"testing"
	"time"
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

// TestMaxFetchTime sees to it that the crawler knows how long a fetch may take:
// no lease may end before.
func TestMaxFetchTime(t *testing.T) {
	settingsWorld(t)
	r, err := loadSettings(settingsFlags(t, "--max-fetch-time=1h"), "")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := newSpec(&r.Settings, nil, nil)
	if err != nil || spec.MaxFetch != time.Hour {
		t.Errorf("%+v, %v; want an hour", spec, err)
	}
}

func TestInFlight(t *testing.T) {
	for _, test := range []struct{ want, files, size int }{
		{64, 1 << 20, 64}, {64, 1024, 64}, {64, 256, 64}, {64, 64, 10}, {4, 64, 4}, {64, 16, 1}, {1, 0, 1}, {4096, 20000, 4096},
	} {
		if got := inFlight(test.want, test.files); got != test.size {
			t.Errorf("%d wanted, %d files: %d in flight, want %d", test.want, test.files, got, test.size)
		}
	}
	if openFiles() < 3 {
		t.Errorf("%d files may be open", openFiles())
	}
}

// Only a domain has hosts without end, and whoever names many has room for them.
func TestDefaultHosts(t *testing.T) {
	for _, test := range []struct {
		scope string
		seeds int
		want  Count
	}{
		{"host", 1, unlimited}, {"list", 1e6, unlimited}, {"domain", 1, 10_000}, {"domain", 8000, 16_000},
	} {
		if got := defaultHosts(test.scope, test.seeds); got != test.want {
			t.Errorf("scope %s with %d seeds: %v hosts, want %v", test.scope, test.seeds, got, test.want)
		}
	}
}
