// Package notify tells channels what happens to incidents: who is told of what and when, in which order channels replace each
// other, and what is tried again. How a service is spoken to is the business of package channel.
//
// What has to be told follows from the incident as it is and from what is stored about each channel, not from a queue: a
// process that was killed finds at its next start whatever was not told. A message that a channel took just before we died is
// sent again, with the same id.
//
//	n, err := notify.New(notify.Options{Store: store, Channels: channels, Link: link})
//	…
//	n.Run(ctx)
//
// Channels of one list of Options.Priority replace each other. Lists are served side by side, each by a goroutine of its own,
// so that a dead channel holds up no other list.
package notify
