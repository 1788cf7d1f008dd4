//go:build !linux && !darwin

package main

import "errors"

// freeSpace is not known here: no run pauses by itself.
func freeSpace(string) (free, volume uint64, err error) { return 0, 0, errors.ErrUnsupported }
