package main

import (
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
)

// stopper ends a run at the first signal and cuts it off at the second.
type stopper struct {
	done    chan struct{} // closed at the first
	once    sync.Once
	signals chan os.Signal
	ended   chan struct{}

	mu   sync.Mutex
	seen os.Signal // the first; nil if none came
}

func newStopper() *stopper {
	return &stopper{done: make(chan struct{}), signals: make(chan os.Signal, 2), ended: make(chan struct{})}
}

// watch looks out for signals until unwatch is called: first is called at the
// first of them, again at each that follows.
func (s *stopper) watch(first, again func()) {
	signal.Notify(s.signals, heard(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)...)
	go func() {
		defer close(s.ended)
		for sig := range s.signals {
			if !s.heed(sig, first) {
				again()
			}
		}
	}()
}

// ask stops the run as the first signal does, unless that came already: somebody
// asks for it from another terminal.
func (s *stopper) ask(first func()) { s.heed(os.Interrupt, first) }

// heed stops the run if nothing did before.
func (s *stopper) heed(sig os.Signal, first func()) bool {
	if !s.catch(sig) {
		return false
	}
	s.now()
	first()
	return true
}

// catch notes the first signal, and reports whether it was this one.
func (s *stopper) catch(sig os.Signal) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen != nil {
		return false
	}
	s.seen = sig
	return true
}

// now stops the run as a signal would.
func (s *stopper) now() { s.once.Do(func() { close(s.done) }) }

func (s *stopper) caught() os.Signal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

func (s *stopper) unwatch() {
	signal.Stop(s.signals)
	close(s.signals)
	<-s.ended
}

// heard leaves out the signals that whoever started the program had it ignore,
// as nohup does.
func heard(all ...os.Signal) []os.Signal {
	return slices.DeleteFunc(all, signal.Ignored)
}
