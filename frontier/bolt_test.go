package frontier_test

import (
	"testing"

	"crawl/frontier"
	"crawl/frontier/frontiertest"
)

func TestConformsToContract(t *testing.T) {
	frontiertest.Run(t, func(_ *testing.T, dir string) frontier.Frontier { return frontier.NewBolt(dir) })
}
