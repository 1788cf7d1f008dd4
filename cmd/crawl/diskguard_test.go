package main

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestSpaceMarks: what auto comes to on volumes of any size.
func TestSpaceMarks(t *testing.T) {
	for _, c := range []struct {
		text   string
		volume uint64
		low    uint64
	}{
		{"auto", 16 << 20, 16 << 20 / 10},
		{"auto", 20 << 30, 1 << 30},
		{"auto", 1 << 40, 1 << 40 / 50},
		{"5%", 1000_000_000, 50_000_000},
		{"0.5%", 1000_000_000, 5_000_000},
		{"2GB", 1 << 40, 2_000_000_000},
		{"0", 1 << 40, 0},
	} {
		var s Space
		if err := s.UnmarshalText([]byte(c.text)); err != nil {
			t.Fatal(err)
		}
		if low, high := s.marks(c.volume); low != c.low || high != c.low+c.low/4 {
			t.Errorf("%s of %d: %d and %d, want %d", c.text, c.volume, low, high, c.low)
		}
	}
}

// TestDiskGuard: a run pauses below the mark, before it has begun too, stays so
// until there is clearly more room, and each is said once.
func TestDiskGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards free and unknown
		var said, calls []string
		free := uint64(9_000)
		var unknown error
		g := &diskGuard{
			least: Space{Set: true, Bytes: 10_000}, every: time.Second, log: slog.New(slog.DiscardHandler),
			free: func(string) (uint64, uint64, error) {
				mu.Lock()
				defer mu.Unlock()
				return free, 100_000, unknown
			},
			pause: func(on bool) error {
				calls = append(calls, map[bool]string{true: "pause", false: "go on"}[on])
				return nil
			},
			say: func(text string) { said = append(said, text) },
		}
		end := g.watch()
		if !slices.Equal(calls, []string{"pause"}) {
			t.Errorf("before it has begun: %q", calls)
		}
		for _, step := range []struct {
			free uint64
			err  error
			want int // calls by then
		}{{9_000, nil, 1}, {11_000, nil, 1}, {20_000, errors.New("gone"), 1}, {12_500, nil, 2}, {10_500, nil, 2}, {9_999, nil, 3}, {0, nil, 3}, {13_000, nil, 4}} {
			mu.Lock()
			free, unknown = step.free, step.err
			mu.Unlock()
			time.Sleep(1500 * time.Millisecond)
			synctest.Wait()
			if len(calls) != step.want {
				t.Errorf("with %d bytes: %q", step.free, calls)
			}
		}
		end()
		free = 0
		time.Sleep(time.Minute)
		if want := []string{"pause", "go on", "pause", "go on"}; !slices.Equal(calls, want) || len(said) != len(want) {
			t.Errorf("%q %q", calls, said)
		}
		if !strings.HasPrefix(said[0], "paused: 9.0 kB are free") || !strings.Contains(said[0], "--min-disk 10KB") {
			t.Errorf("it says %q", said[0])
		}
	})
}
