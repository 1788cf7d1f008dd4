package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"crawl/internal/kv"
	"crawl/store"
)

// TestExitCodes has, for each kind of error, the code and what is to be typed
// next.
func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
		says string
	}{
		{nil, exitDone, ""},
		{newUsageError("depth", "bad", "take 1"), exitUsage, "error: depth: bad; take 1\n"},
		{&usageError{[]fault{{What: "a"}, {What: "b\x1b"}}}, exitUsage, "error: a\nerror: b\\x1b\n"},
		{&noStoreError{"d"}, exitUsage, "crawl run URL"},
		{&exitError{code: exitPartial}, exitPartial, ""},
		{&exitError{exitStore, errors.New("x")}, exitStore, "error: x\n"},
		{&store.HeldError{Path: "d", PID: 7, Command: "crawl run"}, exitStore, "--data DIR"},
		{fmt.Errorf("store: %w", kv.ErrDamaged), exitStore, "crawl db check"},
		{fmt.Errorf("store: %w", store.ErrDamaged), exitStore, "crawl db check"},
		{fmt.Errorf("kv: %w", syscall.ENOSPC), exitStore, "crawl resume"},
		{fmt.Errorf("kv: %w", syscall.EIO), exitStore, "error: "},
		{fmt.Errorf("kv: %w", syscall.EMFILE), exitStore, "ulimit -n"},
		{fmt.Errorf("write: %w", syscall.EPIPE), exitDone, ""},
		{context.Canceled, exitInterrupted, ""},
	} {
		var talk bytes.Buffer
		code := exitCode(tt.err, &talk)
		if code != tt.code || !strings.Contains(talk.String(), tt.says) || tt.says == "" && talk.Len() > 0 {
			t.Errorf("%v: %d %q, want %d %q", tt.err, code, talk.String(), tt.code, tt.says)
		}
	}
}
