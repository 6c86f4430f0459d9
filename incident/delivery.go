package incident

import "time"

// Delivery is what one channel was told of one incident. In JSON it lacks what the store keeps in columns.
type Delivery struct {
	Incident string `json:"-"` // id
	Channel  string `json:"-"` // its name in the configuration
	// Open says that there may be more to tell. Kept says that the channel has to be told again, all the time, what still holds.
	Open bool `json:"-"`
	Kept bool `json:"-"`

	// Revision is that of the incident in the last message, ID the id of that message, At when it was
	// delivered, or given up.
	Revision int64     `json:"revision,omitempty"`
	ID       string    `json:"id,omitempty"`
	At       time.Time `json:"at,omitzero"`
	// Generation is the one of the incident that changes count from.
	Generation int64 `json:"generation"`
	// Told is which occurrence of each event was told last.
	Told map[string]string `json:"told,omitempty"`
	// Thread is the channel's own: where its message is.
	Thread string `json:"thread,omitempty"`

	// Trying is the id of a message of which Attempts failed in a row since Failing, the last one with Error.
	Trying   string    `json:"trying,omitempty"`
	Attempts int       `json:"attempts,omitempty"`
	Failing  time.Time `json:"failing,omitzero"`
	Error    string    `json:"error,omitempty"`
	// Refused is the id of a message whose content the channel refuses, whatever its size.
	Refused string `json:"refused,omitempty"`
}
