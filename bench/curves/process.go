package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	pollEvery = 10 * time.Millisecond
	tick      = 10 * time.Millisecond // of user and system time in /proc
)

// process is a crawler at work.
type process struct {
	cmd    *exec.Cmd
	began  time.Time
	stderr bytes.Buffer  // read after ended only
	ended  chan struct{} // closed when it is gone
	gone   time.Time     // when, after ended
	err    error         // why, after ended
	peak   int64         // the most memory seen, in bytes, after run
}

// launch starts the crawler without the user's settings.
func (l *lab) launch(args ...string) (*process, error) {
	config := filepath.Join(l.scratch, "empty.yaml")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		return nil, err
	}
	p := &process{ended: make(chan struct{})}
	name, args := l.group.command(l.binary, append(args, "--config", config))
	p.cmd = exec.CommandContext(l.ctx, name, args...)
	p.cmd.Env = []string{"HOME=" + l.scratch, "PATH=" + os.Getenv("PATH")}
	p.cmd.Stderr = &p.stderr
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		p.gone = time.Now()
		close(p.ended)
	}()
	return p, nil
}

// run runs the crawler to its end, and looks at its memory meanwhile: what the
// system says of it afterwards has in it what this process had when it forked.
func (l *lab) run(args ...string) (*process, error) {
	p, err := l.launch(args...)
	if err != nil {
		return nil, err
	}
	every := time.NewTicker(pollEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			if u, err := p.usage(); err == nil { // else it is about to end
				p.peak = max(p.peak, u.peak)
			}
		case <-p.ended:
			if p.err != nil {
				return nil, p.fault("")
			}
			return p, nil
		}
	}
}

// kill ends it as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone
	<-p.ended
}

// fault says how the crawler ended.
func (p *process) fault(waiting string) error {
	return fmt.Errorf("the crawler ended%s: %v\n%s", waiting, p.err, strings.TrimSpace(p.stderr.String()))
}

// until waits for a condition, which the crawler must bring about before it
// ends.
func (p *process) until(ctx context.Context, what string, met func() bool) error {
	every := time.NewTicker(pollEvery)
	defer every.Stop()
	for !met() {
		select {
		case <-every.C:
		case <-ctx.Done():
			p.kill()
			return ctx.Err()
		case <-p.ended:
			if met() {
				return nil
			}
			return p.fault(" before " + what)
		}
	}
	return nil
}

// usage is what a process has used at a moment.
type usage struct {
	at   time.Time
	cpu  time.Duration // user and system
	rss  int64         // bytes in memory, mapped files included
	anon int64         // of them its own
	peak int64         // of rss
	disk int64         // pages of files that it had to wait for, since they were not in memory
	host machine
}

// usage reads /proc.
func (p *process) usage() (usage, error) {
	folder := filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid))
	stat, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		return usage{}, err
	}
	u := usage{at: time.Now()}
	if u.host, err = look(); err != nil {
		return u, err
	}
	// The name, in brackets, may hold spaces; major faults are the 10th field
	// behind it, user and system time the 12th and 13th (proc(5)).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if u.disk, err = strconv.ParseInt(fields[9], 10, 64); err != nil {
		return u, err
	}
	for _, field := range fields[11:13] {
		ticks, err := strconv.Atoi(field)
		if err != nil {
			return u, err
		}
		u.cpu += time.Duration(ticks) * tick
	}
	status, err := os.ReadFile(filepath.Join(folder, "status"))
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		to := map[string]*int64{"VmRSS": &u.rss, "RssAnon": &u.anon, "VmHWM": &u.peak}[name]
		if to == nil {
			continue
		}
		kb, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
		if err != nil {
			return u, err
		}
		*to = kb << 10
	}
	return u, err
}

// total is the time that a process took which has ended.
func (p *process) total() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// took is how long a process ran that has ended.
func (p *process) took() time.Duration { return p.gone.Sub(p.began) }
