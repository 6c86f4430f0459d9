package incident

import (
	"fmt"
	"slices"
)

// Language is what reports, verdicts, evidence and pages are written in.
type Language string

// The languages, as the setting reports.language and the front matter of a report name them.
const (
	English Language = "en"
	Chinese Language = "zh" // simplified
)

// Languages lists all languages, the default first.
func Languages() []Language { return []Language{English, Chinese} }

// Validate returns an error that names the setting for what is none of Languages.
func (l Language) Validate() error {
	if slices.Contains(Languages(), l) {
		return nil
	}
	return fmt.Errorf("unknown language %q; set REPORT_LANGUAGE (reports.language) to en or zh", string(l))
}
