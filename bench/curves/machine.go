package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// machine is what all processes of the machine have used, and this one, which
// serves the web. On a machine shared with others it tells whether a rate was
// ours or theirs.
type machine struct{ busy, idle, own time.Duration }

// look reads the first line of /proc/stat: user, nice, system, idle, iowait,
// irq, softirq, steal, in ticks (proc(5)).
func look() (machine, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return machine{}, err
	}
	first, _, _ := strings.Cut(string(stat), "\n")
	var t [8]time.Duration
	if _, err := fmt.Sscanf(first, "cpu %d %d %d %d %d %d %d %d", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]); err != nil {
		return machine{}, fmt.Errorf("/proc/stat: %w", err)
	}
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return machine{}, err
	}
	return machine{
		busy: tick * (t[0] + t[1] + t[2] + t[5] + t[6] + t[7]),
		idle: tick * (t[3] + t[4]),
		own:  time.Duration(own.Utime.Nano() + own.Stime.Nano()),
	}, nil
}

// since says how many processors this process, others and nobody used since a
// moment, if the crawler used so much.
func (m machine) since(from machine, crawler, took time.Duration) (served, others, idle float64) {
	own := m.own - from.own
	part := func(d time.Duration) float64 { return max(0, d.Seconds()/took.Seconds()) }
	return part(own), part(m.busy - from.busy - own - crawler), part(m.idle - from.idle)
}
