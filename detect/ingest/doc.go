// Package ingest reads metrics from Kafka and RabbitMQ and gives them to the rules of package watch that name the queue as their
// source.
//
//	in, err := ingest.New(ingest.Options{Sources: sources, Streams: watcher, Outbox: store})
//	…
//	in.Run(ctx)
//
// # Messages
//
// [Decode] says what a message holds: one metric, a list of them, or {"metrics": […]}. What can't be read goes to the dead letters,
// once, with the reason in a header, and never holds up what comes behind it.
//
// # Delivery
//
// Points, what becomes of them, and where reading goes on are stored in one transaction; the broker is told afterward. So the broker
// may deliver a message twice, and a point counts once: Kafka is read from the stored offset on, and of RabbitMQ's redelivered
// messages the points are not newer than those that were taken.
// A partition of Kafka, or a queue of RabbitMQ, has one reader at a time, who has what is known of its series from the store. All
// messages of a series must have the same key, so that it stays in one partition.
//
// # Bounds
//
// While the store does not take points, at most [MaxQueued] bytes of messages wait, and what the client of Kafka has fetched, or what
// RabbitMQ may send ahead (prefetch). The rest stays in the broker.
package ingest
