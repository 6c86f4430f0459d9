package detect

import "errors"

// Part names a part of a source of points: a partition of a Kafka topic, or 0 of a queue of RabbitMQ. What is known of series
// belongs to the part that their points come from, and moves with it from one copy of the service to another.
type Part struct {
	Source string
	Number int32
}

// Commit is what is stored of a part at once: points that were taken, and what became of them.
type Commit struct {
	Seq      int64         // of the entry in the journal of the part, one more than the one before; the first is 1
	Position int64         // where reading goes on
	Entry    []byte        // points, in the form of the reader's own; empty for none
	Series   []SavedSeries // what is known of series as of this entry
	Keep     int64         // the oldest entry of the journal that is kept
	Events   []Event       // to be published; their Seq is not looked at
}

// SavedSeries is what is known of a series of a rule. A state of nil deletes it.
type SavedSeries struct {
	Rule, Series string
	State        []byte
}

// Event is a message that is to be published. Its ID stays the same when it is sent again.
type Event struct {
	Seq  int64
	ID   string
	Body []byte
}

// ErrMoved says that another copy of the service has taken a part over: what this one knows of it is not what is stored.
var ErrMoved = errors.New("another copy has taken over this part of the source")
