package wire

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	pb "parley.chat/go/parley/v1"
)

func TestAppendedFramesAreWhatTheStubsWouldWrite(t *testing.T) {
	text := strings.Repeat("å", 150)
	position := &pb.ThreadPosition{ThreadId: "g1", UpToSequence: 1 << 40}
	want := []*pb.ClientFrame{
		{RequestId: 7, Frame: &pb.ClientFrame_Send{Send: &pb.Send{
			ThreadId: "g1", ClientMessageId: "m-300", KnownHead: 299,
			Content: &pb.Content{Body: &pb.Content_Text{Text: text}},
		}}},
		{Frame: &pb.ClientFrame_Ack{Ack: &pb.Ack{Position: position}}},
		{RequestId: 9, Frame: &pb.ClientFrame_MarkRead{MarkRead: &pb.MarkRead{Position: position}}},
		{RequestId: 8, Frame: &pb.ClientFrame_Subscribe{Subscribe: &pb.Subscribe{Target: &pb.Subscribe_ThreadId{ThreadId: "g1"}}}},
		{RequestId: 1, Frame: &pb.ClientFrame_Subscribe{Subscribe: &pb.Subscribe{
			Target: &pb.Subscribe_ChannelId{ChannelId: "post:1"}, DeliveryClass: pb.DeliveryClass_DELIVERY_CLASS_SAMPLED, MaxRate: 300,
		}}},
		{RequestId: 12, Frame: &pb.ClientFrame_PublishComment{PublishComment: &pb.PublishComment{
			ChannelId: "post:1", ClientMessageId: "c-1", Text: text,
		}}},
		{Frame: &pb.ClientFrame_Heartbeat{Heartbeat: &pb.Heartbeat{}}},
	}
	bytes := AppendSend(nil, 7, "g1", "m-300", 299, []byte(text))
	bytes = AppendAck(bytes, "g1", 1<<40)
	bytes = AppendMarkRead(bytes, 9, "g1", 1<<40)
	bytes = AppendSubscribe(bytes, 8, "g1")
	bytes = AppendListen(bytes, 1, "post:1", uint64(pb.DeliveryClass_DELIVERY_CLASS_SAMPLED), 300)
	bytes = AppendPublish(bytes, 12, "post:1", "c-1", []byte(text))
	bytes = AppendHeartbeat(bytes)
	var got pb.OpenRequest
	if err := proto.Unmarshal(bytes, &got); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(&got, &pb.OpenRequest{Frames: want}) {
		t.Errorf("got %v", &got)
	}
}

type record struct{ heard []string }

func (r *record) note(format string, args ...any) {
	r.heard = append(r.heard, fmt.Sprintf(format, args...))
}

func (r *record) Reply(request, sequence uint64, refusal []byte) {
	var refused status.Status
	if err := proto.Unmarshal(refusal, &refused); err != nil {
		panic(err)
	}
	r.note("reply %d %d %s", request, sequence, refused.GetMessage())
}
func (r *record) Entry(thread []byte, sequence uint64, sender, text []byte) {
	r.note("entry %s %d %s %s", thread, sequence, sender, text)
}
func (r *record) Receipt(user []byte, delivered, read uint64) {
	r.note("receipt %s %d %d", user, delivered, read)
}
func (r *record) Skipped(what []byte, from, to uint64) {
	r.note("skipped %s %d %d", what, from, to)
}
func (r *record) HeartbeatReply()                 { r.note("heartbeat") }
func (r *record) Other(field int, message []byte) { r.note("other %d %d", field, len(message)) }

func response() []byte {
	message := func(sequence uint64, text string) *pb.Entry {
		return &pb.Entry{Sequence: sequence, Ordinal: sequence, SenderId: "ann", ClientMessageId: "x", Kind: &pb.Entry_Message{
			Message: &pb.MessagePosted{Content: &pb.Content{Body: &pb.Content_Text{Text: text}}, ReplyTo: 3},
		}}
	}
	removed := &pb.Entry{Sequence: 302, SenderId: "ann", Kind: &pb.Entry_MemberRemoved{MemberRemoved: &pb.MemberRemoved{UserId: "bob"}}}
	bytes, err := proto.Marshal(&pb.OpenResponse{Frames: []*pb.ServerFrame{
		{Frame: &pb.ServerFrame_Reply{Reply: &pb.Reply{RequestId: 9, Result: &pb.Reply_Send{Send: &pb.SendResult{ThreadId: "g1", Sequence: 300, Epoch: 4}}}}},
		{Frame: &pb.ServerFrame_Reply{Reply: &pb.Reply{RequestId: 10, Result: &pb.Reply_Error{Error: &status.Status{Code: 8, Message: "too fast"}}}}},
		{Frame: &pb.ServerFrame_Reply{Reply: &pb.Reply{RequestId: 12, Result: &pb.Reply_Comment{Comment: &pb.CommentResult{ChannelId: "post:1", Number: 77, Epoch: 2}}}}},
		{Frame: &pb.ServerFrame_EntriesAppended{EntriesAppended: &pb.EntriesAppended{
			ThreadId: "g1", Epoch: 4, Entries: []*pb.Entry{message(300, "hello"), message(301, strings.Repeat("y", 300)), removed},
		}}},
		{Frame: &pb.ServerFrame_ReceiptAdvanced{ReceiptAdvanced: &pb.ReceiptAdvanced{ThreadId: "g1", UserId: "bob", DeliveredSequence: 301, ReadSequence: 300}}},
		{Frame: &pb.ServerFrame_Skipped{Skipped: &pb.Skipped{What: &pb.Skipped_ThreadId{ThreadId: "g1"}, From: 303, To: 900, Reason: pb.SkipReason_SKIP_REASON_WINDOW_FULL}}},
		{Frame: &pb.ServerFrame_Skipped{Skipped: &pb.Skipped{What: &pb.Skipped_ChannelId{ChannelId: "post:1"}, From: 5, To: 6}}},
		{Frame: &pb.ServerFrame_HeartbeatReply{HeartbeatReply: &pb.HeartbeatReply{ResumeToken: []byte("r")}}},
		{Frame: &pb.ServerFrame_CaughtUp{CaughtUp: &pb.CaughtUp{UserSequence: 5}}},
	}})
	if err != nil {
		panic(err)
	}
	return bytes
}

func TestWhatTheStubsWriteIsReadFrameByFrame(t *testing.T) {
	var got record
	if err := Read(response(), &got); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"reply 9 300 ",
		"reply 10 0 too fast",
		"reply 12 77 ",
		"entry g1 300 ann hello",
		"entry g1 301 ann " + strings.Repeat("y", 300),
		"entry g1 302 ann ",
		"receipt bob 301 300",
		"skipped g1 303 900",
		"skipped post:1 5 6",
		"heartbeat",
		"other 11 2",
	}
	if !slices.Equal(got.heard, want) {
		t.Errorf("heard %q", got.heard)
	}
}

func TestACutMessageIsRefusedOrAShorterOne(t *testing.T) {
	whole := response()
	for n := range whole {
		var got record
		err := Read(whole[:n], &got)
		var stub pb.OpenResponse
		if stubErr := proto.Unmarshal(whole[:n], &stub); (stubErr == nil) != (err == nil) {
			t.Errorf("cut at %d: read says %v, the stubs say %v", n, err, stubErr)
		}
	}
}
