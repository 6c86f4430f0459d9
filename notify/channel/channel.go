package channel

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Channel delivers messages to one destination. It may be used by many goroutines.
type Channel interface {
	// Send delivers a message. An error is a *[Failure], or that of ctx.
	Send(ctx context.Context, d Delivery) (Receipt, error)
	// Pace returns how often the service takes messages: one each interval, so many at once.
	Pace() (every time.Duration, burst int)
}

// Delivery is one attempt at a message.
type Delivery struct {
	Message *Message
	// Thread is what the last receipt for this incident brought; "" for the first message of it. A service that can edits or
	// continues what is there.
	Thread string
	// Small says that the service refused the content: it is rendered shorter and plainer.
	Small bool
}

// Receipt is what a service said about a delivered message.
type Receipt struct {
	Thread string        // to be stored and handed over with the incident's next message
	Wait   time.Duration // how long the service wants no other message; 0 for its usual pace
	// Warning says what went wrong although the message was delivered; "" for nothing.
	Warning string
}

// FailureKind says what to do about a message that was not delivered. The set is closed: it labels a metric.
type FailureKind string

// The kinds of failures.
const (
	Retry      FailureKind = "retry"   // later: overload, rate limit, no connection
	BadConfig  FailureKind = "config"  // the settings are wrong: no attempt helps until somebody changes something
	BadContent FailureKind = "content" // the service refuses this content: too long, or its markup
)

// FailureKinds lists all kinds, for metrics that start at zero.
func FailureKinds() []FailureKind { return []FailureKind{Retry, BadConfig, BadContent} }

// Failure is a message that was not delivered. Its text holds no secret.
type Failure struct {
	Kind  FailureKind
	After time.Duration // of Retry: how long the service wants to be left alone; 0 when it did not say
	Err   error
}

// Error implements error.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// AsFailure returns the Failure in err; any other error is one to retry.
func AsFailure(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Kind: Retry, Err: err}
}

func failed(kind FailureKind, format string, args ...any) *Failure {
	return &Failure{Kind: kind, Err: fmt.Errorf(format, args...)}
}
