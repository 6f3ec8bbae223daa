package parley

import (
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	pb "parley.chat/go/parley/v1"
)

// The rare frames, by their field in ServerFrame.
const (
	frameHeads    = 8
	frameCaughtUp = 11
	frameWelcome  = 13
	frameGoodbye  = 14
)

// Reply implements wire.Visitor.
func (s *Session) Reply(request, sequence uint64, refusal []byte) {
	if refusal != nil {
		s.handler.Ended(fmt.Errorf("request %d was refused: %s", request, describe(refusal)))
		return
	}
	if request%2 != 0 {
		return
	}
	if s.publishes {
		s.carrier.hasPublished(sequence)
		s.handler.Acked(request / 2)
		return
	}
	s.mu.Lock()
	s.held.add(sequence, sequence)
	s.mu.Unlock()
	s.lastOwn.Store(max(s.lastOwn.Load(), sequence))
	s.head.Store(max(s.head.Load(), sequence))
	s.handler.Acked(request / 2)
}

func describe(refusal []byte) string {
	var refused status.Status
	if err := proto.Unmarshal(refusal, &refused); err != nil {
		return err.Error()
	}
	for _, detail := range refused.GetDetails() {
		var info errdetails.ErrorInfo
		if detail.UnmarshalTo(&info) == nil {
			return info.GetReason() + ": " + refused.GetMessage()
		}
	}
	return refused.GetMessage()
}

// Entry implements wire.Visitor.
func (s *Session) Entry(thread []byte, sequence uint64, sender, text []byte) {
	if string(thread) != s.thread {
		s.handler.Ended(fmt.Errorf("an entry of thread %s came to a member of %q", thread, s.thread))
		return
	}
	s.entries++
	s.mu.Lock()
	fresh := s.held.add(sequence, sequence)
	s.mu.Unlock()
	s.head.Store(max(s.head.Load(), sequence))
	if string(sender) == s.user {
		return
	}
	if fresh == 0 {
		s.carrier.duplicated.Add(1)
		return
	}
	if len(text) > 0 {
		s.handler.Received(text)
	}
}

// Receipt implements wire.Visitor.
func (s *Session) Receipt(_ []byte, _, read uint64) {
	s.carrier.receipts.Add(1)
	s.peerRead.Store(max(s.peerRead.Load(), read))
}

// Skipped implements wire.Visitor. What was left out while the stream opened was never waited for.
func (s *Session) Skipped(_ []byte, from, to uint64) {
	s.mu.Lock()
	fresh := s.held.add(from, to)
	s.mu.Unlock()
	s.head.Store(max(s.head.Load(), to))
	if s.live {
		s.carrier.skipped.Add(fresh)
	}
}

// HeartbeatReply implements wire.Visitor.
func (s *Session) HeartbeatReply() { s.handler.Beaten() }

// Other implements wire.Visitor.
func (s *Session) Other(field int, message []byte) {
	if err := s.rare(field, message); err != nil {
		s.handler.Ended(err)
	}
}

func (s *Session) rare(field int, message []byte) error {
	switch field {
	case frameWelcome:
		var welcome pb.Welcome
		if err := proto.Unmarshal(message, &welcome); err != nil {
			return err
		}
		s.mu.Lock()
		s.acks.maxEntries = int(welcome.GetLimits().GetWindowEntries()) / 2
		s.acks.maxBytes = int(welcome.GetLimits().GetWindowBytes()) / 2
		s.mu.Unlock()
	case frameHeads:
		return s.heads(message)
	case frameCaughtUp:
		// What was below the head and did not come is left to history.
		s.mu.Lock()
		s.held.add(1, s.head.Load())
		s.mu.Unlock()
		s.live = true
		close(s.opened)
	case frameGoodbye:
		var goodbye pb.Goodbye
		if err := proto.Unmarshal(message, &goodbye); err != nil {
			return err
		}
		s.goodbye = fmt.Errorf("goodbye %s: %s", goodbye.GetReason(), goodbye.GetMessage())
	}
	return nil
}

func (s *Session) heads(message []byte) error {
	var changed pb.HeadsChanged
	if err := proto.Unmarshal(message, &changed); err != nil {
		return err
	}
	for _, head := range changed.GetHeads() {
		if head.GetThreadId() != s.thread {
			continue
		}
		s.mu.Lock()
		s.held.add(1, max(head.GetVisibleFromSequence(), 1)-1)
		s.mu.Unlock()
		s.head.Store(max(s.head.Load(), head.GetSequence()))
	}
	return nil
}
