package main

import (
	"strings"
	"testing"
	"time"

	"crawl/store"
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
		c, err := fetcherConfig(&r.Settings, nil, r.Settings.room(1))
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
	spec, err := newSpec(&r.Settings, nil, nil, r.Settings.room(1))
	if err != nil || spec.MaxFetch != time.Hour {
		t.Errorf("%+v, %v; want an hour", spec, err)
	}
}

func TestInFlight(t *testing.T) {
	for _, test := range []struct{ want, files, size int }{
		{64, 1 << 20, 64}, {64, 1024, 64}, {64, 256, 64}, {64, 64, 10}, {4, 64, 4}, {64, 16, 1}, {1, 0, 1}, {10000, 32000, 10000}, {10000, 20000, 6656},
	} {
		if got := inFlight(test.want, test.files); got != test.size {
			t.Errorf("%d wanted, %d files: %d in flight, want %d", test.want, test.files, got, test.size)
		}
	}
	for _, test := range []struct{ flying, room, files, size int }{
		{64, 1024, 1 << 20, 1024}, {5000, 1024, 20000, 5000}, {64, 1024, 1024, 864}, {64, 1024, 256, 96}, {10, 1024, 64, 12}, {1, 1024, 0, 1}, {64, 32, 1 << 20, 64},
	} {
		if got := idle(test.flying, test.room, test.files); got != test.size {
			t.Errorf("%+v: %d idle", test, got)
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

// A run whose URLs are known by another rule is not gone on with.
func TestSameAddresses(t *testing.T) {
	for settings, want := range map[string]string{
		`{"settings":{}}`:          "",
		`{"settings":{},"drop":1}`: "",
		`{"settings":{},"drop":2}`: "run a@3 knows its URLs by rule 2, this program by rule 1",
		`{`:                        "settings of run a@3",
	} {
		err := sameAddresses(&store.Run{Site: "a", Number: 3, Settings: []byte(settings), Program: "9.9"})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
}

// TestNoRunKeepsMutes: what is known of findings belongs to who asks. Neither the run
// keeps it nor the order, by which the run is stored anew when it is tuned.
func TestNoRunKeepsMutes(t *testing.T) {
	settingsWorld(t)
	r, err := loadSettings(settingsFlags(t, "--mute=report=broken until=2099-01-31 reason=known", "--severity=broken=off"), "")
	if err != nil {
		t.Fatal(err)
	}
	o, err := newOrder(r, r.Settings, "acme", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := keptSettings(o.run)
	if err != nil || len(kept.Settings.Mute)+len(kept.Settings.Severity)+len(o.s.Mute)+len(o.s.Severity) > 0 || len(r.Settings.Mute) != 1 {
		t.Errorf("%v: the run keeps %q, %q; its order %q, %q; its user %q", err, kept.Settings.Mute, kept.Settings.Severity, o.s.Mute, o.s.Severity, r.Settings.Mute)
	}
}
