package warc

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLastWholeAtEveryByte(t *testing.T) {
	compressed, compressedEnds := segment(t)
	text, textEnds := []byte(nil), []int64{0}
	for _, body := range []string{"one", "", "\r\n\r\n", "WARC/1.1\r\n\r\n"} {
		text = append(text, plain("", body)...)
		textEnds = append(textEnds, int64(len(text)))
	}
	for name, test := range map[string]struct {
		file []byte
		ends []int64
	}{"gzip": {compressed, compressedEnds}, "plain": {text, textEnds}} {
		want := int64(0)
		for size := range int64(len(test.file)) + 1 {
			for _, end := range test.ends {
				if end <= size {
					want = end
				}
			}
			got, err := LastWhole(bytes.NewReader(test.file[:size]), 0, size)
			if got != want || err != nil {
				t.Errorf("%s cut at %d: %d, error %v; want %d", name, size, got, err, want)
			}
			// A power cut may leave the size and lose the bytes.
			zeroed := append(bytes.Clone(test.file[:size]), make([]byte, len(test.file)-int(size))...)
			for _, end := range test.ends {
				if bytes.Equal(zeroed[:end], test.file[:end]) { // what was lost may have been zeros
					want = end
				}
			}
			if got, err := LastWhole(bytes.NewReader(zeroed), 0, int64(len(zeroed))); got != want || err != nil {
				t.Errorf("%s zeroed from %d: %d, error %v; want %d", name, size, got, err, want)
			}
		}
	}
}

func TestLastWhole(t *testing.T) {
	file, ends := segment(t)
	last := int64(len(file))
	flipped := bytes.Clone(file)
	flipped[(ends[2]+ends[3])/2] ^= 0x10
	resource := "Content-Type: text/plain\r\n"
	bad := "WARC-Block-Digest: sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"
	badPayload := "WARC-Payload-Digest: sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"
	tests := map[string]struct {
		file       string
		from, size int64
		want       int64
	}{
		"empty":              {"", 0, 0, 0},
		"from inside":        {string(file), ends[2], last, last},
		"nothing behind":     {string(file), last, last, last},
		"size before end":    {string(file), ends[1], ends[3] + 4, ends[3]},
		"garbage behind":     {string(file) + "garbage", 0, last + 7, last},
		"damage inside":      {string(flipped), 0, last, ends[2]},
		"from behind damage": {string(flipped), ends[3], last, last},
		"block digest":       {plain(resource+bad, "x"), 0, 1 << 10, 0},
		"payload digest":     {plain(resource+badPayload, "x"), 0, 1 << 10, int64(len(plain(resource+badPayload, "x")))},
	}
	for name, test := range tests {
		got, err := LastWhole(strings.NewReader(test.file), test.from, test.size)
		if got != test.want || err != nil {
			t.Errorf("%s: %d, error %v; want %d", name, got, err, test.want)
		}
	}
}

// failingAt is a file whose disk fails from a byte on.
type failingAt struct {
	*bytes.Reader
	at int64
}

func (f failingAt) ReadAt(p []byte, offset int64) (int, error) {
	if offset+int64(len(p)) > f.at {
		return 0, iotest.ErrTimeout
	}
	return f.Reader.ReadAt(p, offset)
}

func TestLastWholeTellsDiskFromTear(t *testing.T) {
	file := []byte(nil)
	for range 3 {
		file = mustAppend(t, file, response(strings.Repeat("a", 3*bufferSize)), Stored)
	}
	for at := int64(0); at < int64(len(file)); at += bufferSize {
		end, err := LastWhole(failingAt{bytes.NewReader(file), at}, 0, int64(len(file)))
		if !errors.Is(err, iotest.ErrTimeout) || end > at {
			t.Errorf("disk fails at %d: %d, error %v", at, end, err)
		}
	}
	if _, err := LastWhole(bytes.NewReader(file), 10, 5); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file shorter than what is known to be good: %v", err)
	}
}
