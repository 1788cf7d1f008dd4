package fetcher

import (
	"bytes"
	"io"
	"testing"
)

// TestBufferOfBody: a long body whose length was promised gets a buffer of that
// size, and a promise that is not kept costs no more than four times what came.
func TestBufferOfBody(t *testing.T) {
	const mega = 1 << 20
	for _, test := range []struct {
		comes       int
		hint, limit int64
		most        int
	}{
		{5 * mega, 5 * mega, 16 * mega, 5*mega + 64<<10},
		{5*mega + 1, 5*mega + 1, 5 * mega, 5*mega + 64<<10}, // cut at the limit
		{5 * mega, -1, 16 * mega, 11 * mega},
		{5 * mega, 5*mega - 10, 16 * mega, 13 * mega}, // more than was promised
		{mega, 1 << 40, 64 * mega, 4*mega + 64<<10},
		{100, 1 << 40, 64 * mega, 256 << 10},
	} {
		want := bytes.Repeat([]byte("x"), test.comes)
		b, over, err := readUpTo(io.MultiReader(bytes.NewReader(want)), test.limit, test.hint)
		if err != nil || over != (int64(test.comes) > test.limit) || !bytes.Equal(b, want[:min(int64(test.comes), test.limit)]) {
			t.Fatalf("%+v: %d bytes, over %v, %v", test, len(b), over, err)
		}
		if cap(b) > test.most {
			t.Errorf("%+v: a buffer of %d bytes", test, cap(b))
		}
	}
}
