package weburl

import (
	"errors"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
)

func TestResolveIn(t *testing.T) {
	tests := []struct {
		ref  string
		enc  encoding.Encoding
		want string
	}{
		{"é?é", nil, "/%C3%A9?%C3%A9"},
		{"é?é=1&b=è c#é", charmap.Windows1252, "/%C3%A9?%E9=1&b=%E8%20c"},
		{"?a=1&b='", charmap.Windows1252, "/?a=1&b=%27"},
		{"#a?é", charmap.Windows1252, "/"},
		{"?é€†中", charmap.ISO8859_1, "/?%E9%26%238364%3B%26%238224%3B%26%2320013%3B"},
		{"?中文", simplifiedchinese.GBK, "/?%D6%D0%CE%C4"},
		{"?－", japanese.ShiftJIS, "/?%81|"},
		{"?\xff", charmap.Windows1252, "/?%26%2365533%3B"},
	}
	base := mustParse(t, "http://a/")
	for _, tt := range tests {
		got, err := base.ResolveIn(tt.ref, tt.enc)
		if err != nil || got.RequestURI() != tt.want {
			t.Errorf("%q in %v: got %v, %v, want %s", tt.ref, tt.enc, got, err, tt.want)
		}
		invariants(t, got)
	}
	if _, err := base.ResolveIn("mailto:a?é", charmap.Windows1252); !errors.Is(err, ErrScheme) {
		t.Errorf("mailto: got %v, want ErrScheme", err)
	}
}
