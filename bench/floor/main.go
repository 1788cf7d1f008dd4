// Command floor asks for the URLs of a list with net/http and does nothing
// else: no crawler on this HTTP client can be cheaper.
//
//	floor LIST CONNECTIONS USER-AGENT
package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: floor LIST CONNECTIONS USER-AGENT")
	}
	connections, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	list, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer list.Close()
	urls := make(chan string)
	faults := make(chan error, connections)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for url := range urls {
				if err := get(client, url, args[2]); err != nil {
					select {
					case faults <- err:
					default: // one of them is told
					}
				}
			}
		})
	}
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		urls <- lines.Text()
	}
	close(urls)
	all.Wait()
	close(faults)
	if err := lines.Err(); err != nil {
		return err
	}
	return <-faults
}

// get reads what url answers, and lets it fall.
func get(client *http.Client, url, agent string) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", agent)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}
