package report

import (
	"fmt"

	"github.com/alertscribe/alertscribe/incident"
)

// severity says how bad the alerts say that it is. Where that is not what the incident is handled as, it says both.
func (p *page) severity() string {
	said, known := p.inc.SaidSeverity()
	ours := escaped(p.inc.Severity, labelRunes)
	switch {
	case known || ours == "":
		return ours
	case said == "":
		return fmt.Sprintf(p.w.NoSeverity, ours)
	}
	return fmt.Sprintf(p.w.SeverityOurs, escaped(said, labelRunes), ours)
}

// severityCell shows what one alert says of itself; a label other than severity with its name.
func severityCell(a incident.Alert) string {
	name, value := a.SeverityLabel()
	if name != "severity" && name != "" {
		value = name + "=" + value
	}
	return escaped(value, labelRunes)
}
