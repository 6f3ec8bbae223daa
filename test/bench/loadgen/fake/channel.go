package fake

import pb "parley.chat/go/parley/v1"

// The numbers of the one channel begin here, so that a listener that counts from 0 is found out.
const publishedBefore = 40

const epoch = 7

type channel struct {
	published uint64
	listeners []*session
	heard     []*pb.Subscribe
}

// Subscriptions gives the frames by which the channel was subscribed to.
func (s *Server) Subscriptions() []*pb.Subscribe {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*pb.Subscribe(nil), s.channel.heard...)
}

func (s *Server) listen(own *session, subscribe *pb.Subscribe) {
	s.channel.listeners = append(s.channel.listeners, own)
	s.channel.heard = append(s.channel.heard, subscribe)
	own.frames <- &pb.ServerFrame{Frame: &pb.ServerFrame_ChannelChanged{ChannelChanged: &pb.ChannelChanged{Channel: &pb.Channel{
		ChannelId: subscribe.GetChannelId(), Epoch: epoch, PublishedCount: publishedBefore + s.channel.published,
	}}}}
}

func (s *Server) publish(own *session, request uint64, publish *pb.PublishComment) {
	s.channel.published++
	number := publishedBefore + s.channel.published
	own.reply(request, &pb.Reply{Result: &pb.Reply_Comment{Comment: &pb.CommentResult{
		ChannelId: publish.GetChannelId(), Number: number, Epoch: epoch,
	}}})
	for _, to := range s.channel.listeners {
		frame := &pb.ServerFrame{Frame: &pb.ServerFrame_CommentBatch{CommentBatch: &pb.CommentBatch{
			ChannelId: publish.GetChannelId(), Epoch: epoch, FromNumber: number, ToNumber: number,
			Comments: []*pb.Comment{{Number: number, SenderId: own.user, Text: publish.GetText(), ClientMessageId: publish.GetClientMessageId()}},
		}}}
		told := []*pb.ServerFrame{frame}
		if s.script.Channel != nil {
			told = s.script.Channel(to.user, frame)
		}
		for _, each := range told {
			to.frames <- each
		}
	}
}
