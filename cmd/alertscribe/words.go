package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// unknownWord says which is the first word of a command line that is neither a flag nor a command, and what may have been meant, or
// which flag has a value that it can't have; "" where something else is wrong.
func unknownWord(app *kingpin.ApplicationModel, args []string) string {
	flags, commands := slices.Clone(app.Flags), app.Commands
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			return ""
		case strings.HasPrefix(arg, "-") && arg != "-":
			name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
			f := flagOf(flags, arg, name)
			if f == nil {
				return unknownFlag(app, flags, args[i:], arg, name)
			}
			if !hasValue && !f.IsBoolFlag() && (strings.HasPrefix(arg, "--") || len(arg) == 2) {
				i++
				value, hasValue = strings.Join(args[min(i, len(args)):min(i+1, len(args))], ""), i < len(args)
			}
			if wrong := wrongValue(f, value); hasValue && wrong != "" {
				return wrong
			}
		case len(commands) > 0:
			at := slices.IndexFunc(commands, func(c *kingpin.CmdModel) bool { return c.Name == arg })
			if at < 0 {
				return fmt.Sprintf("%q is no command%s", arg, didYouMean("", arg, commandNames(commands)))
			}
			flags, commands = append(flags, commands[at].Flags...), commands[at].Commands
		}
	}
	return ""
}

// wrongValue says what is wrong with the value of a flag, which kingpin tells without the flag's name; "" for nothing.
func wrongValue(f *kingpin.FlagModel, value string) string {
	err := f.Value.Set(value)
	_, number := errors.AsType[*strconv.NumError](err)
	switch {
	case err == nil:
		return ""
	case number:
		return fmt.Sprintf("--%s: %q is not a number", f.Name, value)
	}
	return fmt.Sprintf("--%s: %v", f.Name, err)
}

// flagOf returns the flag that a word of the command line sets; nil for none.
func flagOf(flags []*kingpin.FlagModel, arg, name string) *kingpin.FlagModel {
	for _, f := range flags {
		long := strings.HasPrefix(arg, "--") && (f.Name == name || f.IsBoolFlag() && "no-"+f.Name == name)
		if long || !strings.HasPrefix(arg, "--") && f.Short != 0 && strings.HasPrefix(name, string(f.Short)) {
			return f
		}
	}
	return nil
}

// unknownFlag says what may have been meant by a flag: one of another name, or one of a command that stands behind it.
func unknownFlag(app *kingpin.ApplicationModel, known []*kingpin.FlagModel, rest []string, arg, name string) string {
	for _, c := range app.Commands {
		if slices.Contains(rest[1:], c.Name) && flagOf(c.Flags, arg, name) != nil {
			return fmt.Sprintf("%s is a flag of %s; write it behind that word", cutValue(arg), c.Name)
		}
	}
	var names []string
	for _, f := range known {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	return fmt.Sprintf("%s is no flag%s", cutValue(arg), didYouMean("--", name, names))
}

// cutValue leaves out the value of a flag, which may be a secret.
func cutValue(arg string) string {
	name, _, _ := strings.Cut(arg, "=")
	return name
}

func commandNames(commands []*kingpin.CmdModel) []string {
	names := make([]string, len(commands))
	for i, c := range commands {
		names[i] = c.Name
	}
	return names
}

// didYouMean returns the words of a list that a misspelt or shortened one may stand for, as the end of a sentence.
func didYouMean(prefix, word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return "; did you mean " + prefix + near + "?"
	}
	var holding []string
	for _, k := range known {
		if len(word) >= 3 && strings.Contains(sameLetters(k), sameLetters(word)) {
			holding = append(holding, prefix+k)
		}
	}
	if len(holding) == 0 || len(holding) > 3 {
		return ""
	}
	return "; did you mean " + strings.Join(holding, " or ") + "?"
}
