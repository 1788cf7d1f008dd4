package frontier_test

import (
	"testing"

	"crawl/frontier"
	"crawl/frontier/frontiertest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformsToContract(t *testing.T) {
	frontiertest.Run(t, func(_ *testing.T, dir string) frontier.Frontier { return frontier.NewBolt(dir) })
}
