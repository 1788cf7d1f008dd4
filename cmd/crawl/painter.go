package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// painter keeps a block of lines at the foot of a terminal, below all else that
// is written through it. It may be used by several goroutines.
type painter struct {
	out  io.Writer
	size func() (width, height int) // of the terminal, in characters and lines; 0 where that is not known

	mu    sync.Mutex
	shown []string // the block as it stands there
	apart bool     // what was written last did not end its line
}

func newPainter(out io.Writer) *painter {
	return &painter{out: out, size: func() (width, height int) { return terminalSize(out) }}
}

// paintable tells whether lines that were written to w can be written over.
func paintable(w io.Writer) bool { return isTerminal(w) && !dumbTerminal() }

// Write puts text above the block.
func (p *painter) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.shown) == 0 || len(text) == 0 {
		p.apart = len(text) > 0 && text[len(text)-1] != '\n'
		return p.out.Write(text)
	}
	p.apart = false
	var b bytes.Buffer
	p.erase(&b)
	b.Write(text)
	if text[len(text)-1] != '\n' {
		b.WriteByte('\n')
	}
	p.draw(&b, p.shown)
	if _, err := p.out.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(text), nil
}

// paint replaces the block; none takes it away. Lines that are too long are cut,
// so that each takes one of the terminal.
func (p *painter) paint(lines []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines, cut := asShown(p.out, lines)
	if width, _ := p.size(); width > 1+cut {
		for i := range lines {
			lines[i] = fitTo(lines[i], width-1-cut)
		}
	}
	var b bytes.Buffer
	p.erase(&b)
	if p.apart && len(lines) > 0 {
		b.WriteByte('\n')
		p.apart = false
	}
	p.draw(&b, lines)
	if p.shown = lines; b.Len() == 0 {
		return nil
	}
	_, err := p.out.Write(b.Bytes())
	return err
}

// erase takes away the block, however often a terminal that became narrower has
// wrapped its lines since.
func (p *painter) erase(b *bytes.Buffer) {
	if len(p.shown) == 0 {
		return
	}
	rows := 0
	width, _ := p.size()
	for _, line := range p.shown {
		rows++
		if n := textWidth(line); width > 0 && n > width {
			rows += (n - 1) / width
		}
	}
	fmt.Fprintf(b, "\r\x1b[%dA\x1b[J", rows)
}

func (p *painter) draw(b *bytes.Buffer, lines []string) {
	for _, line := range lines {
		b.WriteString(line)
		b.WriteByte('\n')
	}
}
