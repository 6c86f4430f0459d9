package layout

import (
	"fmt"

	"github.com/alertscribe/alertscribe/incident"
)

// Cursor is a place in the list of incidents.
type Cursor struct {
	Firing, Rank  int // Firing is 1 for what fires, whose Rank counts; else both are 0
	OpenedAt, Seq int64
}

func (c Cursor) String() string {
	return fmt.Sprintf("%d-%d-%d-%d", c.Firing, c.Rank, c.OpenedAt, c.Seq)
}

// ParseCursor undoes String; [incident.ErrCursor] for what is no cursor.
func ParseCursor(s string) (c Cursor, err error) {
	n, err := fmt.Sscanf(s, "%d-%d-%d-%d", &c.Firing, &c.Rank, &c.OpenedAt, &c.Seq)
	if n != 4 || err != nil || c.String() != s {
		return c, fmt.Errorf("%q: %w", s, incident.ErrCursor)
	}
	return c, nil
}
