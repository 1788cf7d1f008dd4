package main

import (
	"encoding"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"crawl/internal/weburl"
)

// option describes one field of Settings, as its tags say; see there.
type option struct {
	Key, Flag, Env, Short string // max_pages, max-pages, CRAWL_MAX_PAGES
	Group, Section, Help  string

	words     []string
	otherwise string // what it takes besides words, for messages
	check     func(string) error
	min, max  *int64
	unlimited bool
	path      string
	split     string
	arg       string
	block     string
	adds      bool
	defaults  []string // the default's texts

	field int
	typ   reflect.Type // of the field, of one entry if list
	list  bool
}

// options is the table of all options, in the order of Settings. It is not
// written to.
var options = settingsTable()

// optionByKey finds an option.
var optionByKey = func() map[string]*option {
	m := map[string]*option{}
	for _, o := range options {
		m[o.Key] = o
	}
	return m
}()

// sharedDefaults are lists that another package owns, by what a default tag
// calls them.
var sharedDefaults = map[string][]string{"weburl.DefaultDropParams": weburl.DefaultDropParams}

func settingsTable() []*option {
	t := reflect.TypeFor[Settings]()
	var table []*option
	for i := range t.NumField() {
		table = append(table, newOption(t.Field(i), i))
	}
	return table
}

func newOption(f reflect.StructField, i int) *option {
	tag := f.Tag.Get
	key := tag("json")
	o := &option{
		Key: key, Flag: strings.ReplaceAll(key, "_", "-"), Env: "CRAWL_" + strings.ToUpper(key), Short: tag("short"),
		Group: tag("group"), Section: tag("section"), Help: tag("help"),
		otherwise: tag("else"), check: valueChecks[tag("check")], unlimited: tag("unlimited") == "yes",
		path: tag("path"), split: tag("split"), arg: tag("arg"), block: tag("block"), adds: tag("adds") == "yes", field: i, typ: f.Type,
	}
	if w := tag("words"); w != "" {
		o.words = strings.Split(w, "|")
	}
	if f.Type.Kind() == reflect.Slice {
		o.list, o.typ = true, f.Type.Elem()
		o.defaults = sharedDefaults[tag("default")]
	} else {
		o.defaults = []string{tag("default")}
	}
	o.min, o.max = o.bound(tag("min")), o.bound(tag("max"))
	return o
}

// bound reads a min or max tag; a test holds the tags to be readable.
func (o *option) bound(text string) *int64 {
	v, err := o.read(text)
	if text == "" || err != nil {
		return nil
	}
	n := v.Int()
	return &n
}

// read makes a value of the option's type from its text, unchecked.
func (o *option) read(text string) (reflect.Value, error) {
	v := reflect.New(o.typ)
	var err error
	switch p := v.Interface().(type) {
	case *string:
		*p = text
	case *bool:
		*p, err = parseSwitch(text)
	case *int:
		if *p, err = strconv.Atoi(text); err != nil {
			err = badUnit(text, "a whole number", "")
		}
	case encoding.TextUnmarshaler:
		err = p.UnmarshalText([]byte(text))
	}
	return v.Elem(), err
}

// parse reads and checks one text, or one entry of a list. The error is a
// fault without a place.
func (o *option) parse(text string) (reflect.Value, error) {
	if len(text) > maxText {
		return reflect.Value{}, fault{What: o.Key + " is longer than " + strconv.Itoa(maxText) + " bytes", Next: "shorten it"}
	}
	v, err := o.read(text)
	if err != nil {
		return v, err
	}
	if o.typ.Kind() == reflect.String {
		return v, o.checkString(text)
	}
	return v, o.checkRange(v)
}

func (o *option) checkString(text string) error {
	switch {
	case strings.ContainsRune(text, 0):
		return fault{What: o.Key + " holds a zero byte", Next: "take it out"}
	case slices.Contains(o.words, text):
		return nil
	case o.words == nil && !o.list && text == "": // not set
		return nil
	case o.words != nil && !o.besides(text):
		return fault{What: quoted(text) + " is no value of " + o.Key, Next: didYouMean(text, o.words, "take "+o.choices(", "))}
	case o.check == nil:
		return nil
	}
	return o.check(text)
}

// besides reports whether text, none of the words, is what the option takes
// besides them. Where that is a URL, a text without :// is a misspelt word.
func (o *option) besides(text string) bool {
	return o.otherwise != "" && text != "" && (o.check == nil || strings.Contains(text, "://"))
}

func (o *option) checkRange(v reflect.Value) error {
	if !v.CanInt() {
		return nil
	}
	n := v.Int()
	if o.typ.Kind() == reflect.Int64 && n == unlimited {
		if o.unlimited {
			return nil
		}
		return fault{What: o.Key + " cannot be unlimited", Next: o.rangeText()}
	}
	if n < 0 || o.min != nil && n < *o.min || o.max != nil && n > *o.max {
		return fault{What: o.Key + " is out of range: " + o.text(v), Next: o.rangeText()}
	}
	return nil
}

// rangeText says what values there are.
func (o *option) rangeText() string {
	show := func(n int64) string { return o.text(reflect.ValueOf(n).Convert(o.typ)) }
	switch {
	case o.min != nil && o.max != nil:
		return "take " + show(*o.min) + " to " + show(*o.max)
	case o.min != nil && o.unlimited:
		return "take " + show(*o.min) + " or more, or " + unlimitedWord
	case o.min != nil:
		return "take " + show(*o.min) + " or more"
	}
	return "take 0 or more"
}

// choices lists the words and what else may stand there.
func (o *option) choices(sep string) string {
	all := slices.Clone(o.words)
	if o.otherwise != "" {
		all = append(all, o.otherwise)
	}
	return strings.Join(all, sep)
}

// text writes a value of the option's type as parse reads it.
func (o *option) text(v reflect.Value) string { return fmt.Sprint(v.Interface()) }

// texts writes the option's value in s: one text, or the entries of a list.
func (o *option) texts(s *Settings) []string {
	v := reflect.ValueOf(s).Elem().Field(o.field)
	if !o.list {
		return []string{o.text(v)}
	}
	return slices.Clone(v.Interface().([]string))
}

// store sets the option in s to texts that parse accepts.
func (o *option) store(s *Settings, texts []string) {
	field := reflect.ValueOf(s).Elem().Field(o.field)
	if o.list {
		field.Set(reflect.ValueOf(append([]string{}, texts...)))
		return
	}
	if v, err := o.read(texts[0]); err == nil {
		field.Set(v)
	}
}

// divide makes a list's entries of one text, which the option's own separator
// and those of more divide; an empty text is an empty list.
func (o *option) divide(text, more string) []string {
	if !o.list {
		return []string{text}
	}
	if o.split+more == "" && text != "" {
		return []string{text}
	}
	entries := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(o.split+more, r) })
	for i, e := range entries {
		entries[i] = strings.TrimSpace(e)
	}
	return entries
}

// anchor makes the file name that stands in text absolute: relative ones are
// meant from dir, and ~/ is the home folder. So a stored run finds its files
// from wherever it is resumed.
func (o *option) anchor(text, dir string) string {
	switch {
	case o.path == "value" && text != "" && text != "-", o.path == "else" && !slices.Contains(o.words, text):
		return absolute(text, dir)
	case o.path == "token" && text != "" && !strings.HasPrefix(text, "cred:"):
		return absolute(text, dir)
	case o.path == "secret":
		if name, ok := strings.CutPrefix(text, "file:"); ok {
			return "file:" + absolute(name, dir)
		}
	case o.path == "header":
		name, value, _ := splitHeader(text)
		if file, ok := strings.CutPrefix(value, "file:"); ok {
			return name + ": file:" + absolute(file, dir)
		}
	}
	return text
}

func absolute(name, dir string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(dir, name)
}

// parseSwitch reads a boolean of a flag or the environment.
func parseSwitch(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, badUnit(text, "yes or no", "write true or false")
}

// kind names the option's type, for help and messages.
func (o *option) kind() string {
	switch o.typ {
	case reflect.TypeFor[bool]():
		return "bool" // pflag prints none for this
	case reflect.TypeFor[string]():
		if len(o.words) > 0 {
			return o.choices("|")
		}
		return o.arg
	case reflect.TypeFor[int](), reflect.TypeFor[Count]():
		return "n"
	}
	return strings.ToLower(o.typ.Name())
}
