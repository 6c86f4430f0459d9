package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// variables are the names that we read from the environment and from .env.
var variables = []string{
	"DEEPSEEK_API_KEY", "LLM_API_KEY", "LLM_BASE_URL", "LLM_MODEL", "PROMETHEUS_URL", "ALERTMANAGER_URL", "ALERTSCRIBE_WEBHOOK_TOKEN",
	"REPORT_DIR", "REPORT_LANGUAGE", "REPORT_TIME_ZONE", "DATABASE_URL", "LISTEN_ADDRESS", "NOTIFY_URL", "GOMEMLIMIT",
}

// misspelt returns those of names that look like a variable of ours and are none, with what may be meant.
func misspelt(names []string) []string {
	var found []string
	for _, name := range names {
		if slices.Contains(variables, name) {
			continue
		}
		near := ""
		for _, v := range variables {
			begins := len(name) >= 8 && (strings.HasPrefix(v, name) || strings.HasPrefix(name, v) && len(name) <= len(v)+2)
			if begins || editDistance(strings.ToUpper(name), v) <= 2 {
				near = v
				break
			}
		}
		if near != "" {
			found = append(found, fmt.Sprintf("%s is no variable of alertscribe's; did you mean %s?", name, near))
		}
	}
	return found
}

// misspeltInDotenv returns a fault for each name in .env that looks like one of ours. The file is ours, mostly.
func misspeltInDotenv(vars map[string]string) []error {
	var errs []error
	for _, text := range misspelt(slices.Sorted(maps.Keys(vars))) {
		errs = append(errs, fmt.Errorf(".env: %s", text))
	}
	return errs
}

// misspeltInEnvironment returns a warning for each name in the environment that looks like one of ours. It may well be another
// program's.
func misspeltInEnvironment() []string {
	var names []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name)
	}
	return misspelt(names)
}
