package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settingFlag is the flag of an option. It keeps the texts it is given and
// never fails: loadSettings checks them, so that all faults are told at once.
type settingFlag struct {
	option *option
	given  []string
}

func (f *settingFlag) Type() string {
	if f.option.Key == "verbose" {
		return "count" // pflag prints no argument for this
	}
	return f.option.kind()
}

func (f *settingFlag) String() string {
	if f.given == nil && f.option != nil {
		return strings.Join(f.option.defaults, ",")
	}
	return strings.Join(f.given, ",")
}

func (f *settingFlag) Set(text string) error {
	switch {
	case f.option.list:
		f.given = append(append([]string{}, f.given...), f.option.divide(text, "")...)
	case f.Type() == "count" && text == plusOne:
		n, _ := strconv.Atoi(strings.Join(f.given, "")) // 0 before the first
		f.given = []string{strconv.Itoa(n + 1)}
	default:
		f.given = []string{text}
	}
	return nil
}

// plusOne is what a counting flag gets when it stands alone, as with pflag.
const plusOne = "+1"

// sectionAnnotation is where a flag notes the heading that help shows it under.
const sectionAnnotation = "crawl_section"

// addSettingsFlags gives fs the flags of the options in these groups or
// sections, or with these keys; of all if none is named. The data group brings --config along.
func addSettingsFlags(fs *pflag.FlagSet, groups ...string) {
	for _, o := range options {
		if len(groups) > 0 && !slices.ContainsFunc(groups, func(g string) bool { return g == o.Group || g == o.Section || g == o.Key }) {
			continue
		}
		f := fs.VarPF(&settingFlag{option: o}, o.Flag, o.Short, o.Help)
		f.Annotations = map[string][]string{sectionAnnotation: {o.Section}}
		switch f.Value.Type() {
		case "bool":
			f.NoOptDefVal = "true"
		case "count":
			f.NoOptDefVal = plusOne
		}
	}
	if len(groups) == 0 || slices.Contains(groups, "data") {
		addConfigFlag(fs)
	}
}

// addConfigFlag gives fs the flag --config.
func addConfigFlag(fs *pflag.FlagSet) {
	fs.String(configFlag, "", "read this `FILE` instead of ./config.yaml and the user's and system's one")
	fs.Lookup(configFlag).Annotations = map[string][]string{sectionAnnotation: {"data"}}
}

// usageFlagError turns cobra's error about a flag into a *usageError with the
// nearest flag; for cobra's SetFlagErrorFunc.
func usageFlagError(cmd *cobra.Command, err error) error {
	next := "see " + cmd.CommandPath() + " --help"
	var missing *pflag.NotExistError
	if errors.As(err, &missing) {
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		if name := nearest(missing.GetSpecifiedName(), known); name != "" && len(missing.GetSpecifiedName()) > 1 {
			next = "did you mean --" + name + "?"
		}
	}
	return newUsageError("", err.Error(), next)
}

// addSettingsCompletions lets the shell complete the words of the options whose
// flags cmd has.
func addSettingsCompletions(cmd *cobra.Command) {
	for _, o := range options {
		if o.words == nil || cmd.Flags().Lookup(o.Flag) == nil {
			continue
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if o.path != "" {
			directive = cobra.ShellCompDirectiveDefault
		}
		// The only error is a flag that does not exist or is completed already.
		_ = cmd.RegisterFlagCompletionFunc(o.Flag, cobra.FixedCompletions(o.words, directive))
	}
}
