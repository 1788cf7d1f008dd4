package store_test

import (
	"testing"

	"crawl/store"
	"crawl/store/storetest"
)

func TestBolt(t *testing.T) {
	storetest.Run(t, func(t *testing.T, dir string) store.Store {
		s, err := store.Open(dir, store.Options{Program: "crawl/test", Command: "go test"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
