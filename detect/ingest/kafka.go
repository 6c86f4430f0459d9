package ingest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	fetchBytes          = 8 << 20 // of one answer of a broker
	fetchPartitionBytes = 1 << 20
	decompressedBytes   = 32 << 20 // of one batch of messages: a small one can be made of much
	pollMessages        = 20_000
	deadBytes           = 900 << 10       // of a dead letter
	leastDeadBytes      = 4 << 10         // of one that is too large for the topic
	endsEvery           = 2 * time.Second // how often the ends of partitions are asked for
	produceWithin       = 10 * time.Second
	checkWithin         = 5 * time.Second
	// sessionTimeout is for how long the partitions of a copy wait that was killed.
	sessionTimeout = 10 * time.Second
	// rebalanceTimeout is how long partitions may take to be let go of: transactions end within five seconds. It is also how long a
	// group waits for a copy that was killed while it joined.
	rebalanceTimeout = 20 * time.Second
	// quiet is for how long nothing came of a partition that is taken for read, though its end is further: not all that it counts is
	// a message.
	quiet = 30 * time.Second
)

// The headers of dead letters.
const (
	headerReason   = "alertscribe-reason"
	headerSource   = "alertscribe-source"
	headerPosition = "alertscribe-position" // TOPIC/PARTITION/OFFSET, the same if it is sent twice
	headerCut      = "alertscribe-cut"      // the bytes that a body had of which the first 900 KiB are here, or 4 KiB: brokers take no more
)

// kafkaSession is a membership in the group.
type kafkaSession struct {
	r      *reader
	client *kafkaClient
	ctx    context.Context // that of the session

	partitions int // of the topic, when they were last counted; 0 before. Only askEnds uses it.
	fail       context.CancelCauseFunc

	mu      sync.Mutex
	ends    map[int32]int64     // of partitions, when they were last asked for
	came    map[int32]time.Time // when messages last did
	next    map[int32]int64     // behind the last message that came; not there before the first
	damaged map[int32]bool      // what comes next of them can't be read
}

// kafka reads the topic until ctx ends or the session must begin anew.
func (r *reader) kafka(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	k := r.source.Kafka
	s := &kafkaSession{r: r, ctx: ctx, fail: fail, ends: map[int32]int64{}, came: map[int32]time.Time{}, next: map[int32]int64{}, damaged: map[int32]bool{}}
	client, err := k.client(
		kgo.ConsumeTopics(k.Topic), kgo.ConsumerGroup(k.Group), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AutoCommitMarks(), kgo.AutoCommitInterval(time.Second), kgo.BlockRebalanceOnPoll(), kgo.AdjustFetchOffsetsFn(s.assigned),
		kgo.OnPartitionsRevoked(s.revoked), kgo.OnPartitionsLost(s.lost),
		kgo.SessionTimeout(sessionTimeout), kgo.HeartbeatInterval(sessionTimeout/4), kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(fetchPartitionBytes), kgo.MaxDecompressBatchBytes(decompressedBytes),

		// What was aborted never was. What ends a transaction has a place in the partition, and counts as read.
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.MaxConcurrentFetches(2), kgo.RecordDeliveryTimeout(produceWithin), kgo.UnknownTopicRetries(1),
	)
	if err != nil {
		return err
	}
	s.client = client
	defer client.CloseAllowingRebalance()
	defer r.closePumps()
	defer r.topic.note(r)
	if err := client.Ping(ctx); err != nil {
		return fmt.Errorf("asking the brokers: %w", client.whyNot(err))
	}
	found, err := client.topics(ctx, k.Topic)
	if err != nil { // the client would wait for it without a word
		return err
	}
	r.topic.see(found[k.Topic])
	r.metrics.connected.WithLabelValues(r.source.Name).Set(1)
	var asking sync.WaitGroup
	asking.Go(s.askEnds)
	defer asking.Wait()
	defer fail(nil)
	return s.poll()
}

func (s *kafkaSession) poll() error {
	for {
		if err := s.r.queued.wait(s.ctx); err != nil {
			return context.Cause(s.ctx)
		}
		fetches := s.client.PollRecords(s.ctx, pollMessages)
		if s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		var failed error
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			s.add(p)
			if err := s.skip(p); err != nil && failed == nil {
				failed = err
			}
		})
		s.client.AllowRebalance()
		if failed != nil {
			return failed
		}
	}
}

func (s *kafkaSession) add(p kgo.FetchTopicPartition) {
	to := s.r.pump(p.Partition)
	if to == nil || len(p.Records) == 0 {
		return
	}
	s.mu.Lock()
	s.came[p.Partition] = time.Now()
	s.ends[p.Partition] = max(s.ends[p.Partition], p.HighWatermark)
	next, read := s.next[p.Partition]
	s.next[p.Partition] = p.Records[len(p.Records)-1].Offset + 1
	delete(s.damaged, p.Partition)
	s.mu.Unlock()
	if read {
		s.missed(p.Partition, next, p.LogStartOffset)
	}
	messages := make([]message, len(p.Records))
	for i, r := range p.Records {
		messages[i] = message{position: r.Offset + 1, key: r.Key, body: r.Value, nothing: r.Attrs.IsControl()}
	}
	to.add(messages)
}

// assigned takes over partitions: reading goes on at what is stored, whatever the group was told.
func (s *kafkaSession) assigned(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	for topic, parts := range offsets {
		if topic != s.r.source.Kafka.Topic {
			continue
		}
		for part := range parts {
			if p := s.r.pump(part); p != nil { // a rebalance that left it here
				continue
			}
			at, err := s.open(ctx, part)
			if err != nil {
				s.fail(err)
				return nil, err
			}
			if at >= 0 {
				parts[part] = kgo.NewOffset().At(at)
			}
		}
	}
	return offsets, nil
}

// open takes over a partition, and returns where reading goes on; -1 where the group says it. A partition that ends before what was read
// of it is another one of the same name, or has lost its end: it is read from its begin, where what was known counts as late.
func (s *kafkaSession) open(ctx context.Context, part int32) (int64, error) {
	p, err := s.r.open(ctx, s.ctx, part, s, true, func(err error) { s.fail(err) })
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	s.came[part] = time.Now()
	delete(s.next, part)
	delete(s.damaged, part)
	s.mu.Unlock()
	at, _ := p.stored()
	anew := s.r.topic.isAnew(part)
	if at <= 0 {
		return at, nil
	}
	if anew {
		s.r.log.Warn("Topic was made anew, the partition is read from its begin", "part", part, "read", at)
		p.rewind()
		return 0, nil
	}
	if err := s.askEndsOnce(ctx, part); err != nil {
		return 0, err
	}
	s.mu.Lock()
	end, known := s.ends[part]
	s.mu.Unlock()
	if known && end < at {
		s.r.log.Warn("Partition ends before what was read of it, it is read from its begin: the topic was made anew, or has lost messages",
			"part", part, "read", at, "end", end)
		p.rewind()
		return 0, nil
	}
	s.mu.Lock()
	s.next[part] = at
	s.mu.Unlock()
	return at, nil
}

func (s *kafkaSession) revoked(ctx context.Context, client *kgo.Client, parts map[string][]int32) {
	s.lost(ctx, client, parts)
	ctx, cancel := context.WithTimeout(ctx, closeWithin)
	defer cancel()
	_ = client.CommitMarkedOffsets(ctx) // for those who look at the group; what is stored is what counts
}

func (s *kafkaSession) lost(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
	if mine := parts[s.r.source.Kafka.Topic]; len(mine) > 0 {
		s.r.closePumps(mine...)
	}
}

// done implements broker.
func (s *kafkaSession) done(part int32, last *message) {
	s.client.MarkCommitOffsets(map[string]map[int32]kgo.EpochOffset{
		s.r.source.Kafka.Topic: {part: {Epoch: -1, Offset: last.position}},
	})
}

// caughtUp implements broker.
func (s *kafkaSession) caughtUp(part int32, position int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	end, known := s.ends[part]
	came, read := s.came[part]
	return known && !s.damaged[part] && (max(position, 0) >= end || read && time.Since(came) > quiet)
}

// lag tells how many messages wait behind a position.
func (s *kafkaSession) lag(part int32, position int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, s.ends[part]-max(position, 0))
}

// putAside implements broker.
func (s *kafkaSession) putAside(ctx context.Context, letters []letter) {
	k := s.r.source.Kafka
	if k.DeadLetterTopic == "" {
		return
	}
	records := make([]*kgo.Record, len(letters))
	for i := range letters {
		records[i] = s.deadLetter(&letters[i], deadBytes)
	}
	failed := s.sendLetters(ctx, letters, records)
	if errors.Is(failed, kerr.MessageTooLarge) { // the topic takes less: one by one, and the begin alone
		failed = nil
		for i := range letters {
			if !letters[i].sent {
				one := letters[i : i+1]
				failed = errors.Join(failed, s.sendLetters(ctx, one, []*kgo.Record{s.deadLetter(&one[0], leastDeadBytes)}))
			}
		}
	}
	s.r.notPutAside(ctx, "topic", k.DeadLetterTopic, failed)
}

// deadLetter makes the record of a letter, of so many bytes at most.
func (s *kafkaSession) deadLetter(l *letter, most int) *kgo.Record {
	k := s.r.source.Kafka
	at := fmt.Sprintf("%s/%d/%d", k.Topic, l.part, l.position-1)
	r := &kgo.Record{Topic: k.DeadLetterTopic, Key: l.key, Value: l.body, Headers: []kgo.RecordHeader{
		{Key: headerReason, Value: []byte(l.reason)}, {Key: headerSource, Value: []byte(s.r.source.Name)}, {Key: headerPosition, Value: []byte(at)},
	}}
	if len(l.key)+len(l.body) > most {
		r.Key = l.key[:min(len(l.key), most/4)]
		r.Value = l.body[:min(len(l.body), most-len(r.Key))]
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: headerCut, Value: strconv.AppendInt(nil, int64(len(l.body)), 10)})
	}
	return r
}

// sendLetters notes which were taken, and returns the error of one that was not.
func (s *kafkaSession) sendLetters(ctx context.Context, letters []letter, records []*kgo.Record) (failed error) {
	place := make(map[*kgo.Record]int, len(records))
	for i, r := range records {
		place[r] = i
	}
	for _, result := range s.client.ProduceSync(ctx, records...) {
		i := place[result.Record]
		if letters[i].sent = result.Err == nil; !letters[i].sent && !errors.Is(failed, kerr.MessageTooLarge) {
			failed = result.Err
		}
	}
	return failed
}

// askEnds asks for the ends of the partitions that are read, until the session ends.
func (s *kafkaSession) askEnds() {
	failing := false
	for ticker := time.NewTicker(endsEvery); ; {
		var parts []int32
		s.r.eachPump(func(p *pump) { parts = append(parts, p.part.Number) })
		found, err := s.client.topics(s.ctx, s.r.source.Kafka.Topic)
		if f, ok := errors.AsType[*fault](err); ok && (f.kind == faultMissing || f.kind == faultPermission) { // it was deleted, or taken away
			s.fail(f)
			return
		}
		if err == nil {
			s.look(found[s.r.source.Kafka.Topic])
			err = s.askEndsOnce(s.ctx, parts...)
		}
		switch {
		case s.ctx.Err() != nil:
		case err == nil && failing:
			s.r.log.Info("Brokers answer again")
			s.r.metrics.connected.WithLabelValues(s.r.source.Name).Set(1)
			failing = false
		case err != nil:
			s.mu.Lock()
			clear(s.ends) // not known: the clock decides nothing
			s.mu.Unlock()
			if f := s.r.failed(err); !failing {
				s.r.log.Warn("Brokers do not answer, alerts stay as they are", "kind", f.kind, "err", f)
			}
			failing = true
		}
		select {
		case <-s.ctx.Done():
			ticker.Stop()
			return
		case <-ticker.C:
		}
	}
}

func (s *kafkaSession) askEndsOnce(ctx context.Context, parts ...int32) error {
	req := kmsg.NewPtrListOffsetsRequest()
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = s.r.source.Kafka.Topic
	for _, part := range parts {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = part, -1
		topic.Partitions = append(topic.Partitions, p)
	}
	if len(topic.Partitions) == 0 {
		return nil
	}
	req.ReplicaID, req.Topics = -1, []kmsg.ListOffsetsRequestTopic{topic}
	ctx, cancel := context.WithTimeout(ctx, produceWithin)
	defer cancel()
	for _, shard := range s.client.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return fmt.Errorf("asking for the ends of partitions: %w", s.client.why(shard.Err))
		}
		answer, ok := shard.Resp.(*kmsg.ListOffsetsResponse)
		if !ok {
			return errors.New("no answer to a question for offsets")
		}
		s.mu.Lock()
		for _, t := range answer.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 {
					s.ends[p.Partition] = p.Offset
				} else {
					delete(s.ends, p.Partition)
				}
			}
		}
		s.mu.Unlock()
	}
	return nil
}
