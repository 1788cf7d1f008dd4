package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"crawl/internal/kv"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
)

// configEdit changes a config file. The nodes of its YAML say where things stand,
// and lines of its text are put in, replaced or taken out there: what is not
// meant stays as it is to the last blank. What stands in one line with braces is
// written anew as a block if something in it changes.
type configEdit struct {
	flags *pflag.FlagSet
	path  string // as shown
	file  string // what is written: behind all links
	old   []byte
	lines []string
	lock  *os.File   // nil where there is none
	root  *yaml.Node // nil: the file is empty
}

// editConfig reads the config file that is to be changed: the nearest one that
// has the site, or else the nearest there is, or else the one that was named, or
// the user's. Until it is closed other commands that would change it wait.
func editConfig(flags *pflag.FlagSet, site string) (*configEdit, error) {
	paths := configPaths(flags)
	files, faults := readConfigFiles(slices.DeleteFunc(slices.Clone(paths), func(p configPath) bool {
		_, err := os.Stat(p.path)
		return errors.Is(err, fs.ErrNotExist)
	}))
	if len(faults) > 0 {
		return nil, asUsageError(faults)
	}
	at := 0 // the only one that was named
	if len(paths) > 1 {
		at = 1 // the user's
	}
	path := paths[min(at, len(paths)-1)].path
	if len(files) > 0 {
		path = files[0].path
	}
	for _, f := range slices.Backward(files) {
		if _, ok := f.sites[site]; ok {
			path = f.path
		}
	}
	e := &configEdit{flags: flags, path: path, file: path}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		e.file = real
	}
	e.lock = lockFolder(filepath.Dir(e.file))
	if err := e.read(); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// close lets others change the file. It may be called of nil, and again.
func (e *configEdit) close() {
	if e != nil && e.lock != nil {
		_ = e.lock.Close() // nothing was written to it
		e.lock = nil
	}
}

// read reads the file; one that is not there is empty.
func (e *configEdit) read() error {
	text, err := os.ReadFile(e.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return newUsageError(e.path, "the config file cannot be read: "+cause(err), "name another with --config FILE")
	}
	e.old = text
	e.lines = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(text) == 0 {
		e.lines = nil
	}
	return e.parse()
}

// parse finds the nodes of the text as it is now.
func (e *configEdit) parse() error {
	r := &configReader{path: e.path}
	e.root = r.document([]byte(e.text()))
	return asUsageError(r.faults)
}

func (e *configEdit) text() string {
	if len(e.lines) == 0 {
		return ""
	}
	return strings.Join(e.lines, "\n") + "\n"
}

// find returns the key and the value at a path of keys; nil if it is not there.
func (e *configEdit) find(path ...string) (key, value *yaml.Node) {
	value = e.root
	for _, name := range path {
		if value == nil || value.Kind != yaml.MappingNode {
			return nil, nil
		}
		var next *yaml.Node
		key = nil
		for i := 0; i+1 < len(value.Content); i += 2 {
			if value.Content[i].Value == name {
				key, next = value.Content[i], value.Content[i+1]
			}
		}
		value = next
	}
	return key, value
}

// aliased refuses to change what stands elsewhere in the file.
func (e *configEdit) aliased(n *yaml.Node, path []string) error {
	if n != nil && n.Kind == yaml.AliasNode {
		return newUsageError(fmt.Sprintf("%s:%d", e.path, n.Line), strings.Join(path, ".")+" is written as an alias of another part of the file", "change it with an editor")
	}
	return nil
}

func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

// set gives the key at the end of the path a value, in place of the one it has.
// What is above it is made.
func (e *configEdit) set(value *yaml.Node, path ...string) error {
	name, above := path[len(path)-1], path[:len(path)-1]
	_, parent := e.find(above...)
	if err := e.aliased(parent, above); err != nil {
		return err
	}
	switch {
	case parent == nil && len(above) == 0: // an empty file
		return e.insert(len(e.lines), 0, name, value)
	case parent == nil || isNull(parent):
		block := mapping()
		block.Content = []*yaml.Node{textNode(name), value}
		return e.set(block, above...)
	case isFlow(parent) && len(above) > 0:
		return e.set(withEntry(parent, name, value), above...)
	case isFlow(parent):
		return newUsageError(e.path, "the whole file is one pair of braces", "write it as lines with indentation, or change it with an editor")
	}
	indent := parent.Content[0].Column - 1
	if key, _ := e.find(path...); key != nil {
		from := key.Line - 1
		e.lines = slices.Delete(e.lines, from, e.end(from, indent, true))
		return e.insert(from, indent, name, value)
	}
	last := parent.Content[len(parent.Content)-2]
	return e.insert(e.end(last.Line-1, indent, true), indent, name, value)
}

// withEntry is a block with the entries of a mapping, and one more or another.
func withEntry(m *yaml.Node, name string, value *yaml.Node) *yaml.Node {
	block := *m
	block.Style &^= yaml.FlowStyle
	block.Content = slices.Clone(m.Content)
	for i := 0; i+1 < len(block.Content); i += 2 {
		if block.Content[i].Value == name {
			block.Content[i+1] = value
			return &block
		}
	}
	block.Content = append(block.Content, textNode(name), value)
	return &block
}

// append adds the entries of block to those of the block at a path, which is no
// pair of braces and has none of them.
func (e *configEdit) append(block *yaml.Node, path ...string) error {
	_, parent := e.find(path...)
	if err := e.aliased(parent, path); err != nil {
		return err
	}
	indent := parent.Content[0].Column - 1
	last := parent.Content[len(parent.Content)-2]
	return e.insertNode(e.end(last.Line-1, indent, true), indent, block)
}

// insert puts an entry before a line.
func (e *configEdit) insert(at, indent int, name string, value *yaml.Node) error {
	entry := mapping()
	entry.Content = []*yaml.Node{textNode(name), value}
	return e.insertNode(at, indent, entry)
}

// insertNode puts a node before a line, and reads the text again.
func (e *configEdit) insertNode(at, indent int, n *yaml.Node) error {
	text, err := yaml.Dump(n, yaml.WithV3Defaults(), yaml.WithIndent(e.indent()), yaml.WithLineWidth(-1))
	if err != nil {
		return fmt.Errorf("config: write YAML: %w", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = strings.Repeat(" ", indent) + line
		}
	}
	e.lines = slices.Insert(e.lines, at, lines...)
	return e.parse()
}

// indent is how many blanks the file itself takes for a step.
func (e *configEdit) indent() int {
	if e.root == nil || e.root.Kind != yaml.MappingNode {
		return 2
	}
	for i := 1; i < len(e.root.Content); i += 2 {
		block := e.root.Content[i]
		if block.Kind == yaml.MappingNode && !isFlow(block) && len(block.Content) > 0 {
			return min(max(block.Content[0].Column-e.root.Content[i-1].Column, 2), 9)
		}
	}
	return 2
}

// add appends an item to the list at a path.
func (e *configEdit) add(item *yaml.Node, path ...string) error {
	_, list := e.find(path...)
	if err := e.aliased(list, path); err != nil {
		return err
	}
	if list == nil || isNull(list) || isFlow(list) || list.Kind != yaml.SequenceNode {
		whole := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		if list != nil && list.Kind == yaml.SequenceNode {
			whole.Content = slices.Clone(list.Content)
		}
		whole.Content = append(whole.Content, item)
		return e.set(whole, path...)
	}
	indent := list.Column - 1
	last := list.Content[len(list.Content)-1]
	at := e.end(e.dash(last.Line-1, indent), indent, false)
	return e.insertNode(at, indent, &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{item}})
}

// dash is the line of an item's dash: its content may begin below it.
func (e *configEdit) dash(line, indent int) int {
	for line > 0 && !strings.HasPrefix(e.lines[line], strings.Repeat(" ", indent)+"-") {
		line--
	}
	return line
}

// remove takes the entry at a path out. A list or block that becomes empty by it
// goes too.
func (e *configEdit) remove(path ...string) error {
	key, _ := e.find(path...)
	above := path[:len(path)-1]
	_, parent := e.find(above...)
	if err := e.aliased(parent, above); err != nil || key == nil {
		return err
	}
	switch {
	case len(parent.Content) == 2 && len(above) > 0:
		return e.remove(above...)
	case isFlow(parent) && len(above) > 0:
		less := *parent
		i := slices.Index(parent.Content, key)
		less.Content = slices.Delete(slices.Clone(parent.Content), i, i+2)
		return e.set(&less, above...)
	}
	from := key.Line - 1
	e.lines = slices.Delete(e.lines, from, e.end(from, key.Column-1, true))
	return e.parse()
}

// removeItem takes an item out of the list at a path.
func (e *configEdit) removeItem(i int, path ...string) error {
	_, list := e.find(path...)
	if err := e.aliased(list, path); err != nil {
		return err
	}
	if len(list.Content) == 1 {
		return e.remove(path...)
	}
	if isFlow(list) {
		less := *list
		less.Content = slices.Delete(slices.Clone(list.Content), i, i+1)
		return e.set(&less, path...)
	}
	indent := list.Column - 1
	from := e.dash(list.Content[i].Line-1, indent)
	e.lines = slices.Delete(e.lines, from, e.end(from, indent, false))
	return e.parse()
}

// end is the line behind an entry or item that begins on the given line: behind
// all that is indented deeper. The items of a list may be as deep as its key, and
// so may a bracket that ends it.
func (e *configEdit) end(from, indent int, dashes bool) int {
	end := from + 1
	for i := end; i < len(e.lines); i++ {
		text := strings.TrimLeft(e.lines[i], " ")
		depth := len(e.lines[i]) - len(text)
		switch {
		case strings.TrimSpace(text) == "":
		case depth > indent, depth == indent && (strings.HasPrefix(text, "]") || strings.HasPrefix(text, "}")), dashes && depth == indent && (strings.HasPrefix(text, "- ") || text == "-"):
			end = i + 1
		case !strings.HasPrefix(text, "#"):
			return end
		}
	}
	return end
}

// save checks the text as `config check` does, and puts it in place of the file
// in one step, unless it is a dry run. Without a fault nothing else may have changed the file meanwhile.
func (e *configEdit) save() error {
	text := e.text()
	if err := e.check(text); err != nil || isDry(e.flags) {
		return err
	}
	mode, owner := fs.FileMode(0o644), fs.FileInfo(nil)
	if info, err := os.Stat(e.file); err == nil {
		mode, owner = info.Mode().Perm(), info
	}
	dir := filepath.Dir(e.file)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return e.unwritable(err)
	}
	part, err := os.CreateTemp(dir, ".crawl-config-*")
	if err != nil {
		return e.unwritable(err)
	}
	defer os.Remove(part.Name())
	_, err = part.WriteString(text)
	if err := errors.Join(err, keepOwner(part, owner), part.Chmod(mode), part.Sync(), part.Close()); err != nil {
		return e.unwritable(err)
	}
	now, err := os.ReadFile(e.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return e.unwritable(err)
	}
	if !bytes.Equal(now, e.old) {
		return newUsageError(e.path, "the file was changed by somebody else at the same time", "try again")
	}
	if err := os.Rename(part.Name(), e.file); err != nil {
		return e.unwritable(err)
	}
	return kv.SyncDir(dir)
}

func (e *configEdit) unwritable(err error) error {
	return newUsageError(e.path, "the config file cannot be written: "+cause(err), "name another with --config FILE")
}

// check finds the faults that the configuration would have.
func (e *configEdit) check(text string) error {
	var files []*configFile
	var faults []fault
	for _, p := range configPaths(e.flags) {
		if p.path != e.path {
			more, bad := readConfigFiles([]configPath{{path: p.path, nearby: p.nearby}})
			files, faults = append(files, more...), append(faults, bad...)
			continue
		}
		file, bad, err := parseConfig(p.path, p.nearby, []byte(text))
		if err != nil {
			return err
		}
		if faults = append(faults, bad...); file != nil {
			files = append(files, file)
		}
	}
	l, err := newLayers(e.flags, files, faults)
	if err != nil {
		return err
	}
	return l.check()
}
