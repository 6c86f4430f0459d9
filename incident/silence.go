package incident

import (
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// Silence is what a person asks Alertmanager to keep silent about.
type Silence struct {
	Matchers    labels.Matchers
	From, Until time.Time
	By, Comment string
}
