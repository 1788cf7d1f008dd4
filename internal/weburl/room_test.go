package weburl

import (
	"fmt"
	"strings"
	"testing"
)

// Addresses in one room are those that they are elsewhere, however many there
// are, and none overwrites another.
func TestRoom(t *testing.T) {
	base := mustParse(t, "https://a.example/b/c?d")
	var room Room
	var got, want []URL
	for n := range 2000 {
		ref := [...]string{"%d", "/%d", "../x/%d.html", "?q=%d", "https://b.example/%d", "é/%d", "#%d", "", "%d/" + strings.Repeat("long/", 60), "%d/" + strings.Repeat("é", 300)}[n%10]
		if strings.Contains(ref, "%d") {
			ref = fmt.Sprintf(ref, n)
		}
		there, err := base.ResolveTo(&room, ref)
		alone, otherErr := base.Resolve(ref)
		if err != nil || otherErr != nil {
			t.Fatal(err, otherErr)
		}
		got, want = append(got, there), append(want, alone)
	}
	for i := range got {
		if got[i] != want[i] || got[i].Path() != want[i].Path() {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
}

// Many addresses cost few allocations.
func TestRoomAllocations(t *testing.T) {
	base := mustParse(t, "https://a.example/b/c")
	var room Room
	got := testing.AllocsPerRun(100, func() {
		for range 100 {
			if _, err := base.ResolveTo(&room, "../some/page.html"); err != nil {
				t.Error(err)
			}
		}
	})
	if got > 2 {
		t.Errorf("%v allocations for 100 addresses", got)
	}
}
