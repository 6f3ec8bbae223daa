package fake

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	pb "parley.chat/go/parley/v1"
)

// Open implements the service.
func (s *Server) Open(stream grpc.BidiStreamingServer[pb.OpenRequest, pb.OpenResponse]) error {
	user, err := userOf(stream.Context())
	if err != nil {
		return err
	}
	own := &session{user: user, frames: make(chan *pb.ServerFrame, 10_000)}
	go func() {
		for {
			select {
			case frame := <-own.frames:
				if stream.Send(&pb.OpenResponse{Frames: []*pb.ServerFrame{frame}}) != nil {
					return
				}
			case <-stream.Context().Done():
				return
			}
		}
	}()
	for {
		request, err := stream.Recv()
		if err != nil {
			return err
		}
		for _, frame := range request.GetFrames() {
			if err := s.take(own, frame); err != nil {
				return err
			}
		}
	}
}

func (s *Server) take(own *session, frame *pb.ClientFrame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f := frame.GetFrame().(type) {
	case *pb.ClientFrame_Hello:
		s.hello(own)
	case *pb.ClientFrame_Send:
		s.send(own, frame.GetRequestId(), f.Send)
	case *pb.ClientFrame_Ack:
		s.acks[own.user] = max(s.acks[own.user], f.Ack.GetPosition().GetUpToSequence())
	case *pb.ClientFrame_MarkRead:
		s.read(own, frame.GetRequestId(), f.MarkRead.GetPosition())
	case *pb.ClientFrame_Subscribe:
		own.reply(frame.GetRequestId(), &pb.Reply{})
		if f.Subscribe.GetChannelId() != "" {
			s.listen(own, f.Subscribe)
		}
	case *pb.ClientFrame_PublishComment:
		s.publish(own, frame.GetRequestId(), f.PublishComment)
	case *pb.ClientFrame_Heartbeat:
		if s.script.EndOnBeat {
			return grpcstatus.Error(codes.DeadlineExceeded, "scripted")
		}
		own.frames <- &pb.ServerFrame{Frame: &pb.ServerFrame_HeartbeatReply{HeartbeatReply: &pb.HeartbeatReply{}}}
	}
	return nil
}

func (own *session) reply(request uint64, reply *pb.Reply) {
	if request != 0 {
		reply.RequestId = request
		own.frames <- &pb.ServerFrame{Frame: &pb.ServerFrame_Reply{Reply: reply}}
	}
}

func (s *Server) hello(own *session) {
	s.opened++
	limits := &pb.SessionLimits{WindowEntries: 256, WindowBytes: 256 << 10}
	own.frames <- &pb.ServerFrame{Frame: &pb.ServerFrame_Welcome{Welcome: &pb.Welcome{UserId: own.user, Limits: limits}}}
	for _, t := range s.threads {
		if t.members[own.user] {
			t.sessions = append(t.sessions, own)
			heads := []*pb.ThreadHead{{ThreadId: t.id, Sequence: t.head, VisibleFromSequence: 1, Member: true}}
			own.frames <- &pb.ServerFrame{Frame: &pb.ServerFrame_HeadsChanged{HeadsChanged: &pb.HeadsChanged{Heads: heads}}}
		}
	}
	own.frames <- &pb.ServerFrame{Frame: &pb.ServerFrame_CaughtUp{CaughtUp: &pb.CaughtUp{}}}
}

func (s *Server) send(own *session, request uint64, send *pb.Send) {
	t := s.threads[send.GetThreadId()]
	t.messages++
	if s.script.Refuse != nil {
		if reason := s.script.Refuse(own.user, t.messages); reason != "" {
			own.reply(request, &pb.Reply{Result: refusal(reason)})
			return
		}
	}
	t.head++
	own.reply(request, &pb.Reply{Result: &pb.Reply_Send{Send: &pb.SendResult{ThreadId: t.id, Sequence: t.head}}})
	entry := &pb.Entry{Sequence: t.head, SenderId: own.user, Kind: &pb.Entry_Message{Message: &pb.MessagePosted{Content: send.GetContent()}}}
	for _, other := range t.sessions {
		if other != own {
			s.tell(other, t.id, entry)
		}
	}
}

func (s *Server) tell(to *session, thread string, entry *pb.Entry) {
	if s.script.Skip != nil && s.script.Skip(to.user, entry.GetSequence()) {
		to.frames <- &pb.ServerFrame{Frame: &pb.ServerFrame_Skipped{Skipped: &pb.Skipped{
			What: &pb.Skipped_ThreadId{ThreadId: thread}, From: entry.GetSequence(), To: entry.GetSequence(),
		}}}
		return
	}
	times := 1
	if s.script.Tell != nil {
		times = s.script.Tell(to.user, entry.GetSequence())
	}
	for range times {
		appended := &pb.EntriesAppended{ThreadId: thread, Entries: []*pb.Entry{entry}}
		to.frames <- &pb.ServerFrame{Frame: &pb.ServerFrame_EntriesAppended{EntriesAppended: appended}}
	}
}

func (s *Server) read(own *session, request uint64, position *pb.ThreadPosition) {
	own.reply(request, &pb.Reply{})
	if s.script.HideReads {
		return
	}
	for _, other := range s.threads[position.GetThreadId()].sessions {
		if other.user != own.user {
			other.frames <- &pb.ServerFrame{Frame: &pb.ServerFrame_ReceiptAdvanced{ReceiptAdvanced: &pb.ReceiptAdvanced{
				ThreadId: position.GetThreadId(), UserId: own.user, ReadSequence: position.GetUpToSequence(),
			}}}
		}
	}
}
