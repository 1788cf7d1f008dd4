package web

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// TestSteer steers runs by all of their names.
func TestSteer(t *testing.T) {
	st, dir, _ := open(t)
	c := config(st)
	var did []string
	note := func(what string) { did = append(did, what) }
	running := []Running{}
	for _, site := range []string{"acme", "a.example:8080"} {
		name := site + "@3"
		running = append(running, Running{
			Name: name, Site: site,
			Progress: func() Progress { return Progress{Run: name, State: StatePaused, Found: 7} },
			Pause: func(on bool) error {
				if on {
					note("pause " + name)
				} else {
					note("unpause " + name)
				}
				return nil
			},
			Stop: func() error { return ErrOver },
			Tune: func(_ context.Context, t *Tuning) (*Tuned, error) {
				note("tune " + name + " " + t.Rate)
				return &Tuned{Run: name, Rate: t.Rate, Exclude: t.Exclude}, nil
			},
		})
	}
	c.Running = func() []Running { return running }
	_, client := serve(t, dir, c)
	ctx := t.Context()
	for _, name := range []string{"acme", "acme@3", "acme@live"} {
		if p, err := client.Steer(ctx, name, "pause"); err != nil || p.Run != "acme@3" || p.Found != 7 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	if _, err := client.Steer(ctx, "a.example:8080", "unpause"); err != nil {
		t.Error(err)
	}
	if after, err := client.Tune(ctx, "acme", &Tuning{Rate: "1/s", Exclude: []string{"/x"}}); err != nil || after.Rate != "1/s" || !slices.Equal(after.Exclude, []string{"/x"}) {
		t.Errorf("%+v, %v", after, err)
	}
	if want := []string{"pause acme@3", "pause acme@3", "pause acme@3", "unpause a.example:8080@3", "tune acme@3 1/s"}; !slices.Equal(did, want) {
		t.Errorf("did %q", did)
	}
	refused := func(err error, status int) {
		t.Helper()
		var e *Error
		if !errors.As(err, &e) || e.Status != status {
			t.Errorf("%v, want status %d", err, status)
		}
	}
	_, err := client.Steer(ctx, "@live", "pause") // which?
	refused(err, 409)
	_, err = client.Steer(ctx, "acme@2", "pause")
	refused(err, 404)
	_, err = client.Steer(ctx, "acme", "stop")
	refused(err, 409)
	_, err = client.Steer(ctx, "acme", "dance")
	refused(err, 404)
	_, err = client.Tune(ctx, "acme", &Tuning{Host: "x"})
	refused(err, 400)
	running = running[:1]
	if _, err := client.Steer(ctx, "@live", "pause"); err != nil {
		t.Error(err)
	}
	if status, err := client.Status(ctx); err != nil || len(status.Runs) != 1 || status.Runs[0].State != StatePaused {
		t.Errorf("%+v, %v", status, err)
	}
}
