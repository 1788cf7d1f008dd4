package main

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUnitTexts(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		text string
		want encoding.TextMarshaler
		out  string // as String writes it; empty: as text
	}{
		{"0", Count(0), ""},
		{"500", Count(500), ""},
		{"100k", Count(100000), "100000"},
		{"2M", Count(2000000), "2000000"},
		{"unlimited", Count(unlimited), ""},
		{" 5 ", Count(5), "5"},

		{"0", Duration(0), "0s"},
		{"0s", Duration(0), ""},
		{"500ms", Duration(500 * time.Millisecond), ""},
		{"30s", Duration(30 * time.Second), ""},
		{"5m", Duration(5 * time.Minute), ""},
		{"2h", Duration(2 * time.Hour), ""},
		{"7d", Duration(7 * day), ""},
		{"2w", Duration(14 * day), "14d"},
		{"1h30m", Duration(90 * time.Minute), ""},
		{"90m", Duration(90 * time.Minute), "1h30m"},
		{"1.5h", Duration(90 * time.Minute), "1h30m"},
		{"0.001s", Duration(time.Millisecond), "1ms"},
		{"1d1h1m1s1ms", Duration(day + time.Hour + time.Minute + time.Second + time.Millisecond), ""},
		{"36500d", maxDuration, ""},
		{"unlimited", Duration(unlimited), ""},

		{"0", Size(0), "0B"},
		{"1", Size(1), "1B"},
		{"512", Size(512), "512B"},
		{"10MB", Size(10e6), ""},
		{"10mb", Size(10e6), "10MB"},
		{"10 MB", Size(10e6), "10MB"},
		{"64KiB", Size(65536), ""},
		{"500KiB", Size(512000), ""},
		{"512KB", Size(512000), "500KiB"},
		{"1.5GB", Size(1.5e9), "1500MB"},
		{"1000KB", Size(1e6), "1MB"},
		{"1024KiB", Size(1 << 20), "1MiB"},
		{"1TB", Size(1e12), ""},
		{"0.5KiB", Size(512), "512B"},
		{"unlimited", Size(unlimited), ""},

		{"64B/s", Speed(64), ""},
		{"64 B/s", Speed(64), "64B/s"},
		{"64", Speed(64), "64B/s"},
		{"0", Speed(0), "0B/s"},
		{"10KB/s", Speed(10000), ""},

		{"adaptive", Rate{}, ""},
		{"4/s", Rate{4, Duration(time.Second)}, ""},
		{"30/m", Rate{30, Duration(time.Minute)}, ""},
		{"1/h", Rate{1, Duration(time.Hour)}, ""},
		{"1/d", Rate{1, Duration(day)}, ""},
		{"1/10s", Rate{1, Duration(10 * time.Second)}, ""},
		{"1/15s", Rate{1, Duration(15 * time.Second)}, ""},
		{"1/60s", Rate{1, Duration(time.Minute)}, "1/m"},
		{"1/90s", Rate{1, Duration(90 * time.Second)}, "1/1m30s"},
		{"1000/s", Rate{1000, Duration(time.Second)}, ""},
		{"1/1ms", Rate{1, Duration(time.Millisecond)}, ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%T %s", tt.want, tt.text), func(t *testing.T) {
			got := reflect.New(reflect.TypeOf(tt.want))
			if err := got.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(tt.text)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Elem().Interface()); diff != "" {
				t.Error(diff)
			}
			out := tt.out
			if out == "" {
				out = tt.text
			}
			if b, err := tt.want.MarshalText(); err != nil || string(b) != out {
				t.Errorf("MarshalText = %q, %v; want %q", b, err, out)
			}
		})
	}
}

func TestUnitFaults(t *testing.T) {
	tests := map[string]struct {
		to    encoding.TextUnmarshaler
		texts []string
	}{
		"count":    {new(Count), []string{"", "-1", "1.5", "1.5k", "1e3", "0x10", "1_000", "k", "5 pages", "Unlimited", "+5", "9999999999999999", "１"}},
		"duration": {new(Duration), []string{"", "20", "1.5", "-5s", "5", "s", "5 s", "5y", "1m1h", "1s1s", "1.5ms", "0.5ms", "1..5s", ".5s", "5.s", "36501d", "99999999999999999999s", "100y", "5µs", "1h30"}},
		"size":     {new(Size), []string{"", "-1", "1.5", "10M", "10 M B", "KB", "0.1B", "1e3", "2000000000TB", "10MB/s", "1.2.3KB", "1/2"}},
		"speed":    {new(Speed), []string{"", "unlimited", "fast", "64/m", "-1B/s"}},
		"rate":     {new(Rate), []string{"", "4", "4/", "/s", "0/s", "0.5/s", "4/y", "4/0s", "-4/s", "4/unlimited", "1001/s", "1/2d", "1000000000000000/s", "unlimited", "4/s/s"}},
	}
	for name, tt := range tests {
		for _, text := range tt.texts {
			err := tt.to.UnmarshalText([]byte(text))
			var f fault
			if !errors.As(err, &f) || f.What == "" || f.Next == "" {
				t.Errorf("%s %q: error %v, want a fault that says what next", name, text, err)
			}
		}
		if err := tt.to.UnmarshalText([]byte(strings.Repeat("0", 100) + "1s")); err == nil || len(err.Error()) > 250 {
			t.Errorf("%s of 102 bytes: error %v, want a short one", name, err)
		}
	}
}

func TestUnitMeanings(t *testing.T) {
	if got := (Rate{4, Duration(time.Second)}).Interval(); got != 250*time.Millisecond {
		t.Errorf("interval of 4/s is %v", got)
	}
	if got := (Rate{}).Interval(); got != 0 || !(Rate{}).Adaptive() {
		t.Errorf("interval of adaptive is %v", got)
	}
	if Count(unlimited).Limited() || !Count(0).Limited() || Size(unlimited).Limited() || Duration(unlimited).Limited() {
		t.Error("Limited does not tell unlimited from the rest")
	}
	if got := Duration(unlimited).Std(); got != math.MaxInt64 {
		t.Errorf("unlimited is %v of package time", got)
	}
	if got := Duration(time.Minute).Std(); got != time.Minute {
		t.Errorf("1m is %v of package time", got)
	}
}

// FuzzUnits holds every type to this: what is read is written so that it is
// read as the same, and what is written stays so.
func FuzzUnits(f *testing.F) {
	for _, s := range []string{"0", "5", "100k", "unlimited", "500ms", "1h30m", "7d", "2w", "1.5h", "10MB", "64KiB", "512KB", "64B/s", "4/s", "30/m", "1/10s", "adaptive", "1.", ".5", "1/1d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkUnit[Count](t, text)
		checkUnit[Duration](t, text)
		checkUnit[Size](t, text)
		checkUnit[Speed](t, text)
		checkUnit[Rate](t, text)
	})
}

func checkUnit[T interface {
	comparable
	fmt.Stringer
}](t *testing.T, text string) {
	var first, second T
	if any(&first).(encoding.TextUnmarshaler).UnmarshalText([]byte(text)) != nil {
		return
	}
	if err := any(&second).(encoding.TextUnmarshaler).UnmarshalText([]byte(first.String())); err != nil {
		t.Fatalf("%T %q is written %q, which is refused: %v", first, text, first, err)
	}
	if first != second || first.String() != second.String() {
		t.Fatalf("%T %q is written %q, which is read as %q", first, text, first, second)
	}
}
