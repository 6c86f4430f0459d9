package ingest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topic is what a reader knows of its topic from one session to the next.
type topic struct {
	mu   sync.Mutex
	id   [16]byte       // zero where brokers tell none
	held map[int32]bool // partitions that were read of the topic of this id
	anew map[int32]bool // those of them that are another topic's by now
}

// see notes which topic is there. Of the one before nothing is left.
func (t *topic) see(now kmsg.MetadataResponseTopic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.id != [16]byte{} && now.TopicID != [16]byte{} && t.id != now.TopicID {
		t.anew, t.held = t.held, nil
	}
	if now.TopicID != [16]byte{} {
		t.id = now.TopicID
	}
}

// note notes which partitions are read, before they are let go of.
func (t *topic) note(r *reader) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.eachPump(func(p *pump) {
		if t.held == nil {
			t.held = map[int32]bool{}
		}
		t.held[p.part.Number] = true
	})
}

// isAnew tells, once, whether a partition was read of a topic that had the same name.
func (t *topic) isAnew(part int32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	is := t.anew[part]
	delete(t.anew, part)
	return is
}

// other tells whether another topic is there than the one that is read.
func (t *topic) other(now kmsg.MetadataResponseTopic) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.id != [16]byte{} && now.TopicID != [16]byte{} && t.id != now.TopicID
}

// current returns the id of the topic; zero where brokers tell none.
func (t *topic) current() [16]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.id
}

// look compares the topic with what the client knows: it would ask every few minutes alone, and never reads a topic that was made anew.
func (s *kafkaSession) look(now kmsg.MetadataResponseTopic) {
	switch {
	case s.r.topic.other(now):
		s.fail(&fault{kind: faultMissing, err: fmt.Errorf("topic %s was deleted and made anew, which is read from its begin", s.r.source.Kafka.Topic)})
	case s.partitions > 0 && len(now.Partitions) > s.partitions:
		s.r.log.Info("Topic has more partitions, they are read as well", "partitions", len(now.Partitions))
		s.client.ForceMetadataRefresh()
		fallthrough
	default:
		s.partitions = len(now.Partitions)
	}
}

// missed tells of messages that the broker has deleted before they were read.
func (s *kafkaSession) missed(part int32, next, begin int64) {
	if begin <= next {
		return
	}
	s.r.metrics.of(s.r.source.Name).missed.Add(float64(begin - next))
	s.r.log.Warn("Messages were deleted before they were read, reading goes on behind them; retention is too short for what waits",
		"part", part, "from", next, "to", begin-1)
}

// damagedWait is how long a partition waits that can't be read on, before it is asked for again.
const damagedWait = 5 * time.Second

// skip goes on behind what nobody can read, which becomes a dead letter without a body: it would be what is read next forever. What was
// written otherwise than it is read stays: another replica may have it as it was. Of anything else it returns the error.
func (s *kafkaSession) skip(p kgo.FetchTopicPartition) error {
	_, refused := errors.AsType[*kerr.Error](p.Err)
	to := s.r.pump(p.Partition)
	switch {
	case p.Err == nil:
		return nil
	case p.Topic == "": // it is about the group
		return s.client.why(p.Err)
	case refused && !errors.Is(p.Err, kerr.CorruptMessage) || unreachable(p.Err):
		return fmt.Errorf("reading %s/%d: %w", p.Topic, p.Partition, p.Err)
	case to == nil:
		return nil
	}
	unread := batchFrame{}
	why := ""
	if bomb, ok := errors.AsType[*kgo.ErrDecompressTooLarge](p.Err); ok {
		unread = batchFrame{bomb.Offset, bomb.NextOffset, bomb.Epoch}
		why = fmt.Sprintf("are compressed together and have more than %d MiB", decompressedBytes>>20)
	} else {
		var err error
		if unread, err = s.frame(p); err != nil {
			s.wait(p, err)
			return nil
		}
		why = "can't be unpacked (" + p.Err.Error() + ")"
	}
	to.add([]message{{
		position: unread.behind,
		fault:    fmt.Errorf("messages %d to %d %s; they were not read, look at them where they are", unread.first, unread.behind-1, why),
	}})
	s.mu.Lock()
	s.next[p.Partition] = unread.behind
	delete(s.damaged, p.Partition)
	s.mu.Unlock()
	s.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{p.Topic: {p.Partition: {Epoch: unread.epoch, Offset: unread.behind}}})
	return nil
}

// wait lets a partition be for a while, and says why. The others are read.
func (s *kafkaSession) wait(p kgo.FetchTopicPartition, err error) {
	f := &fault{kind: faultDamaged, err: fmt.Errorf("reading %s/%d at %d: %w", p.Topic, p.Partition, s.at(p), errors.Join(p.Err, err))}
	f.way = "let another replica lead the partition, or delete the messages up to behind the damage (kafka-delete-records)"
	s.r.metrics.faults.WithLabelValues(s.r.source.Name, f.kind).Inc()
	if _, say := s.r.harmed.say(1, time.Now()); say {
		s.r.log.Error("Partition is not read on, what comes next is damaged in the broker", "kind", f.kind, "part", p.Partition, "err", f)
	}
	s.mu.Lock()
	s.damaged[p.Partition] = true
	s.mu.Unlock()
	which := map[string][]int32{p.Topic: {p.Partition}}
	s.client.PauseFetchPartitions(which)
	time.AfterFunc(damagedWait, func() { s.client.ResumeFetchPartitions(which) })
}

// at returns where a partition is read next.
func (s *kafkaSession) at(p kgo.FetchTopicPartition) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.next[p.Partition], p.LogStartOffset)
}

// batchFrame is a batch of messages, by its place.
type batchFrame struct {
	first, behind int64
	epoch         int32
}

// frame reads the batch that comes next by its bytes, and returns its place. It is an error if they are not those that were written: then
// its place is not known either.
func (s *kafkaSession) frame(p kgo.FetchTopicPartition) (batchFrame, error) {
	ctx, cancel := context.WithTimeout(s.ctx, produceWithin)
	defer cancel()
	leader, epoch, err := s.client.PartitionLeader(p.Topic, p.Partition)
	if err != nil {
		return batchFrame{}, err
	}
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxBytes, req.MinBytes, req.MaxWaitMillis, req.SessionEpoch = -1, fetchPartitionBytes, 1, 100, -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = p.Topic
	t.TopicID = s.r.topic.current()
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.CurrentLeaderEpoch, part.PartitionMaxBytes = p.Partition, s.at(p), epoch, fetchPartitionBytes
	t.Partitions = append(t.Partitions, part)
	req.Topics = append(req.Topics, t)
	answer, err := s.client.Broker(int(leader)).Request(ctx, req)
	if err != nil {
		return batchFrame{}, err
	}
	got, ok := answer.(*kmsg.FetchResponse)
	if !ok || len(got.Topics) != 1 || len(got.Topics[0].Partitions) != 1 {
		return batchFrame{}, errors.New("no answer to a question for one partition")
	}
	if err := kerr.ErrorForCode(got.Topics[0].Partitions[0].ErrorCode); err != nil {
		return batchFrame{}, err
	}
	return frameOf(got.Topics[0].Partitions[0].RecordBatches, s.at(p))
}

// frameOf returns the place of the first batch of some bytes, if its checksum says that they are as they were written.
func frameOf(b []byte, at int64) (batchFrame, error) {
	const header, magic2 = 61, 2 // up to the messages; the form since Kafka 0.11
	if len(b) < header || b[16] != magic2 {
		return batchFrame{}, errors.New("no batch that is known")
	}
	first, length, epoch := int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint32(b[8:]))+12, int32(binary.BigEndian.Uint32(b[12:]))
	if length < header || length > int64(len(b)) {
		return batchFrame{}, fmt.Errorf("a batch of %d bytes, and %d came", length, len(b))
	}
	if crc32.Checksum(b[21:length], crc32.MakeTable(crc32.Castagnoli)) != binary.BigEndian.Uint32(b[17:]) {
		return batchFrame{}, errors.New("its checksum is another one")
	}
	behind := first + int64(int32(binary.BigEndian.Uint32(b[23:]))) + 1
	if at < first || at >= behind {
		return batchFrame{}, fmt.Errorf("a batch of the messages %d to %d", first, behind-1)
	}
	return batchFrame{first, behind, epoch}, nil
}
