package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"time"
)

// Errors of a client; test with errors.Is.
var (
	ErrNobody = errors.New("nobody listens")           // on the socket, or there is none
	ErrSilent = errors.New("it does not answer")       // who listens says nothing
	ErrCut    = errors.New("the answer was cut short") // who answered has ended
)

// How long a client waits for the first word, and for the next.
const (
	firstWord = 3 * time.Second
	nextWord  = 15 * time.Second
)

// How long a line of an answer, and one that is one object, may be.
const (
	maxFrame  = 1 << 20
	maxAnswer = 16 << 20
)

// Client asks whoever holds the store in a folder.
type Client struct{ http *http.Client }

// NewClient returns a client of the store in dir. It asks nobody yet.
func NewClient(dir string) *Client {
	path := filepath.Join(dir, SocketFile)
	dial := func(ctx context.Context, _, _ string) (c net.Conn, err error) {
		err = reach(path, func(name string) (err error) {
			c, err = (&net.Dialer{Timeout: firstWord}).DialContext(ctx, "unix", name)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%w on %s: %w", ErrNobody, path, err)
		}
		return c, nil
	}
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext: dial, DisableKeepAlives: true, ResponseHeaderTimeout: firstWord, MaxResponseHeaderBytes: maxHeader,
	}}}
}

// Do has a command run and hands what it writes to frame, until that returns an
// error, which it returns. It returns the exit code.
func (c *Client) Do(ctx context.Context, cmd *Command, frame func(*Frame) error) (code int, err error) {
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	resp, err := c.post(ctx, "/v1/command", cmd)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	quiet := time.AfterFunc(nextWord, func() { cut(ErrSilent) })
	defer quiet.Stop()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxFrame)
	for lines.Scan() {
		quiet.Stop() // what frame does takes as long as it takes
		var f Frame
		switch err := json.Unmarshal(lines.Bytes(), &f); {
		case err != nil:
			return 0, fmt.Errorf("an answer that is none: %w", err)
		case f.Error != nil:
			return 0, f.Error
		case f.Exit != nil:
			return *f.Exit, nil
		case f.To == "":
		default:
			if err := frame(&f); err != nil {
				return 0, err
			}
		}
		quiet.Reset(nextWord)
	}
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return 0, errors.Join(ErrCut, lines.Err())
}

// Status asks what the holder of the store does.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	return answered[Status](ctx)(c.ask(ctx, http.MethodGet, "/v1/status", nil))
}

// Steer has a run pause, unpause or stop, and returns how it is afterwards. The
// run is named as in Running, "@live" is the only one.
func (c *Client) Steer(ctx context.Context, run, verb string) (*Progress, error) {
	return answered[Progress](ctx)(c.ask(ctx, http.MethodPost, "/v1/runs/"+url.PathEscape(run)+"/"+verb, nil))
}

// Tune changes a run.
func (c *Client) Tune(ctx context.Context, run string, t *Tuning) (*Tuned, error) {
	return answered[Tuned](ctx)(c.post(ctx, "/v1/runs/"+url.PathEscape(run)+"/tune", t))
}

// answered reads an answer that is one object.
func answered[T any](ctx context.Context) func(*http.Response, error) (*T, error) {
	return func(resp *http.Response, err error) (*T, error) {
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		defer time.AfterFunc(nextWord, func() { resp.Body.Close() }).Stop()
		v := new(T)
		if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(v); err != nil {
			return nil, heard(ctx, err)
		}
		return v, nil
	}
}

// post sends a request and returns the answer, or the error that it tells.
func (c *Client) post(ctx context.Context, path string, v any) (*http.Response, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return c.ask(ctx, http.MethodPost, path, bytes.NewReader(body))
}

func (c *Client) ask(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://crawl"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, heard(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var f failure
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxFrame)).Decode(&f); err != nil || f.Error == nil {
		return nil, fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	f.Error.Status = resp.StatusCode
	return nil, f.Error
}

// heard tells apart why no answer came.
func heard(ctx context.Context, err error) error {
	var late net.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, ErrNobody):
		return err
	case errors.As(err, &late) && late.Timeout():
		return ErrSilent
	}
	return fmt.Errorf("%w: %w", ErrCut, err)
}
