package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"crawl/internal/web"
	"crawl/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// askHolder has whoever holds the store run a command that he may run. The error is
// web.ErrNobody or web.ErrSilent where nobody did.
func askHolder(c *cobra.Command, s *Settings) error {
	dir, err := s.dataDir()
	if err != nil {
		return err
	}
	folder, err := os.Getwd()
	if err != nil {
		return err
	}
	rules, err := findingRulesOf(c)
	if err != nil {
		return err
	}
	settings, err := json.Marshal(askedSettings{folder, s.JSON, s.Quiet, s.Verbose, s.LogFormat, rules, wantsASCII(c.OutOrStdout()), hasColour(c.OutOrStdout()), hasColour(c.ErrOrStderr())})
	if err != nil {
		return err
	}
	cmd := &web.Command{Args: wordsOf(c), Settings: settings, Terminal: isTerminal(c.OutOrStdout()), Width: terminalWidth(c.OutOrStdout())}
	here := &herself{out: c.OutOrStdout(), talk: c.ErrOrStderr(), name: "-"}
	if f := c.Flags().Lookup("output"); f != nil {
		here.name = f.Value.String()
	}
	if here.program, err = newNearRows(c, here.name); err != nil {
		return err
	}
	var refused *web.Error
	code, err := web.NewClient(dir).Do(c.Context(), cmd, here.frame)
	err = errors.Join(err, here.close())
	switch {
	case err == nil && code != exitDone:
		return &exitError{code: code}
	case errors.As(err, &refused):
		return &exitError{exitStore, refused}
	case errors.Is(err, web.ErrCut) && !here.begun:
		return web.ErrNobody // it is just ending
	case (errors.Is(err, web.ErrCut) || errors.Is(err, web.ErrSilent)) && here.begun:
		return &exitError{exitStore, fmt.Errorf("%w: the process that holds the store has ended, or stands still; ask again", web.ErrCut)}
	}
	return err
}

// wordsOf are the words of a command as its user could have typed them, without
// the settings: those are resolved already.
func wordsOf(c *cobra.Command) []string {
	words := strings.Fields(c.CommandPath())[1:]
	c.Flags().Visit(func(f *pflag.Flag) {
		if _, ok := f.Value.(*settingFlag); ok || f.Name == configFlag {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			words = append(words, "--"+f.Name+"="+v)
		}
	})
	return slices.Concat(words, []string{"--"}, c.Flags().Args())
}

// herself is where the pieces of an answer go: the user's own terminal and file.
type herself struct {
	out, talk io.Writer
	name      string // of the file; - for none
	begun     bool
	file      *os.File  // under another name until it is whole
	program   *nearRows // nil for none; what it makes is all that there is of the file
}

func (h *herself) frame(f *web.Frame) (err error) {
	h.begun = true
	switch f.To {
	case web.ToOut:
		_, err = h.out.Write(f.Data)
	case web.ToTalk:
		_, err = h.talk.Write(f.Data)
	case web.ToFile:
		if h.program == nil {
			err = h.toFile(f)
		}
	case web.ToProgram:
		if h.program == nil {
			return errors.New("rows come for a program that there is not")
		}
		_, err = h.program.Write(f.Data)
	}
	return err
}

func (h *herself) toFile(f *web.Frame) (err error) {
	if h.name == "-" {
		return errors.New("a file comes that nobody asked for")
	}
	if h.file == nil {
		if h.file, err = os.CreateTemp(filepath.Dir(h.name), partName); err != nil {
			return err
		}
	}
	if _, err := h.file.Write(f.Data); err != nil || !f.Whole {
		return err
	}
	part := h.file
	h.file = nil
	return finishFile(part, h.name, nil)
}

// close takes away a file that did not become whole.
func (h *herself) close() error {
	if h.file == nil {
		return nil
	}
	return errors.Join(h.file.Close(), os.Remove(h.file.Name()))
}

// openOrAsk opens the store for a command, unless whoever holds it
// has answered the command: then the store is nil.
func openOrAsk(c *cobra.Command, s *Settings) (*store.Bolt, string, error) {
	if !isAnswered(c) {
		return reopenStore(s)
	}
	asked := askHolder(c, s)
	if !errors.Is(asked, web.ErrNobody) && !errors.Is(asked, web.ErrSilent) {
		return nil, "", asked
	}
	st, dir, err := reopenStore(s)
	var held *store.HeldError
	if !errors.As(err, &held) {
		return st, dir, err
	}
	if errors.Is(asked, web.ErrNobody) { // it may just have begun
		if asked = askHolder(c, s); !errors.Is(asked, web.ErrNobody) && !errors.Is(asked, web.ErrSilent) {
			return nil, "", asked
		}
	}
	return nil, "", &exitError{exitStore, fmt.Errorf("%w; it does not answer on its socket", held)}
}
