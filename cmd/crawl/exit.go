package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"crawl/internal/kv"
	"crawl/internal/query"
	"crawl/store"
)

// Exit codes; every command means the same by them.
const (
	exitDone        = 0
	exitFound       = 1
	exitUsage       = 2
	exitPartial     = 3
	exitEmpty       = 4
	exitStore       = 5
	exitNobody      = 6
	exitInterrupted = 130
	exitTerminated  = 143
)

// exitError ends the program with a code, and with a message unless it is nil.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func exitCode(err error, talk io.Writer) int {
	if err == nil {
		return exitDone
	}
	var exit *exitError
	var usage *usageError
	var held *store.HeldError
	var wrong *query.Error
	code := exitUsage
	switch {
	case errors.As(err, &exit):
		code = exit.code
		if exit.err == nil {
			return code
		}
	case errors.Is(err, query.ErrTooManyRows), errors.Is(err, query.ErrTooLong):
		code = exitPartial
	case errors.As(err, &usage):
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, syscall.EPIPE): // whoever read standard output has had enough
		return exitDone
	case errors.As(err, &held), errors.Is(err, store.ErrDamaged), errors.Is(err, kv.ErrDamaged), errors.Is(err, kv.ErrLocked),
		errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG), errors.Is(err, syscall.EIO),
		errors.Is(err, syscall.EROFS), errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		code = exitStore
	}
	if errors.As(err, &wrong) {
		printQueryError(talk, wrong)
		return code
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(talk, "%s %s\n", painted(talk, red, "error:"), plain(line))
	}
	if next := nextStep(err); next != "" {
		fmt.Fprintf(talk, "  %s\n", next)
	}
	return code
}

// nextStep says what to do about an error of the store.
func nextStep(err error) string {
	var held *store.HeldError
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return "" // each fault says it itself
	case errors.Is(err, query.ErrTooManyRows), errors.Is(err, query.ErrTooLong):
		return "what came before is part of the answer; ask for less, or allow more: --max-rows, --max-time"
	case errors.As(err, &held) && strings.HasPrefix(held.Command, "crawl serve"):
		return "a daemon holds it: have that crawl, with `crawl schedule run NAME` or POST /v1/runs"
	case errors.As(err, &held):
		return "wait until it ends, or name another store with --data DIR"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "make room and try again; `crawl resume` goes on with a run, nothing acknowledged is lost"
	case errors.Is(err, syscall.EFBIG):
		return "raise the limit on file sizes (ulimit -f), then `crawl resume`: nothing acknowledged is lost"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "allow more open files (ulimit -n) or take a lower --concurrency, then `crawl resume`"
	case errors.Is(err, store.ErrDamaged), errors.Is(err, kv.ErrDamaged):
		return "see what is damaged with `crawl db check`; nothing was changed"
	}
	return ""
}
