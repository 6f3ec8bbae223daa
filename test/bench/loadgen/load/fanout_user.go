package load

import (
	"fmt"
	"sync"
	"time"
)

// fanoutListener counts what one member of the group hears. It is the handler of one endpoint.
type fanoutListener struct {
	run  *fanoutRun
	last []uint32 // the last number heard of each sender
}

// Received implements Handler. A number may be missing only if the carrier was told that entries were left out.
func (l *fanoutListener) Received(body []byte) {
	stamp, err := ReadStamp(body, l.run.Size)
	if err == nil && (int(stamp.Sender) >= len(l.last) || stamp.Number <= l.last[stamp.Sender]) {
		err = fmt.Errorf("message %d of sender %d came twice or out of order", stamp.Number, stamp.Sender)
	}
	if err != nil {
		l.Ended(err)
		return
	}
	l.last[stamp.Sender] = stamp.Number
	l.run.delivered.Add(1)
	l.run.meter.HasReceived(stamp.Intended)
}

// Acked implements Handler: who only listens sends nothing.
func (l *fanoutListener) Acked(number uint64) {
	l.Ended(fmt.Errorf("message %d of a listener was acknowledged", number))
}

// Beaten implements Handler.
func (l *fanoutListener) Beaten() {}

// Ended implements Handler.
func (l *fanoutListener) Ended(err error) {
	l.run.failed.set(fmt.Errorf("a member of the group: %w", err))
}

// fanoutSender is a member that sends; what it hears of the other senders is not counted.
type fanoutSender struct {
	run      *fanoutRun
	index    uint32
	endpoint Endpoint

	mu       sync.Mutex
	number   uint32
	intended map[uint32]time.Duration // of the messages that are not acknowledged
}

func (s *fanoutSender) send(intended time.Duration) {
	s.mu.Lock()
	s.number++
	number := s.number
	s.intended[number] = intended
	s.mu.Unlock()
	s.run.meter.Sends(intended)
	body := Body(s.run.Size, Stamp{Intended: intended, Sender: s.index, Number: number})
	if err := s.endpoint.Send(uint64(number), body); err != nil {
		s.Ended(err)
	}
}

// Acked implements Handler.
func (s *fanoutSender) Acked(number uint64) {
	s.mu.Lock()
	intended, waiting := s.intended[uint32(number)]
	delete(s.intended, uint32(number))
	s.mu.Unlock()
	if !waiting {
		s.Ended(fmt.Errorf("message %d was acknowledged twice", number))
		return
	}
	s.run.acked.Add(1)
	s.run.meter.HasAcked(intended)
}

// Received implements Handler.
func (s *fanoutSender) Received([]byte) {}

// Beaten implements Handler.
func (s *fanoutSender) Beaten() {}

// Ended implements Handler.
func (s *fanoutSender) Ended(err error) { s.run.failed.set(fmt.Errorf("sender %d: %w", s.index, err)) }
