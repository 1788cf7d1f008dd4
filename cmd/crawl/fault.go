package main

import (
	"errors"
	"slices"
	"strings"
)

// fault is one thing wrong with what the user gave: where, what, and what to
// do next. Where and Next may be empty.
type fault struct{ Where, What, Next string }

func (f fault) Error() string {
	text := f.What
	if f.Where != "" {
		text = f.Where + ": " + text
	}
	if f.Next != "" {
		text += "; " + f.Next
	}
	return text
}

// faultAt gives err, a fault without a place, its place.
func faultAt(where string, err error) fault {
	var f fault
	if !errors.As(err, &f) {
		f.What = err.Error()
	}
	f.Where = where
	return f
}

// usageError is a wrong command line or configuration, with all its faults.
// The command ends with exit code 2.
type usageError struct{ Faults []fault }

// Error gives one line for each fault.
func (e *usageError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// newUsageError is a usageError of one fault; where and next may be empty.
func newUsageError(where, what, next string) *usageError {
	return &usageError{[]fault{{where, what, next}}}
}

// alsoFaults adds faults to an error that is nil or a *usageError; another stays as
// it is.
func alsoFaults(err error, more []fault) error {
	var e *usageError
	switch {
	case err == nil:
		return asUsageError(more)
	case errors.As(err, &e):
		return asUsageError(append(slices.Clone(e.Faults), more...))
	}
	return err
}

// asUsageError returns nil if there are no faults.
func asUsageError(faults []fault) error {
	if len(faults) == 0 {
		return nil
	}
	return &usageError{faults}
}
