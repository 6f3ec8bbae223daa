package parley

import (
	"errors"
	"strings"
	"testing"
	"time"

	pb "parley.chat/go/parley/v1"

	"parley.chat/bench/fake"
	"parley.chat/bench/load"
)

var quickChannel = load.Channel{
	Fanout: load.Fanout{
		Listeners: 30, Senders: 2, Rate: 200, Size: 300, For: 400 * time.Millisecond, Patience: 5 * time.Second, Opening: 8,
	},
	Channel: "post-1",
}

func hear(t *testing.T, channel load.Channel, script fake.Script) (load.ChannelResult, *load.Meter, *fake.Server, error) {
	t.Helper()
	carrier, server := carrierTo(t, script, Options{})
	meter := &load.Meter{Clock: load.NewClock()}
	result, err := channel.Run(inTime(t), carrier, meter)
	return result, meter, server, err
}

func TestAChannelIsHeardByAllAndEveryCommentIsAccountedFor(t *testing.T) {
	channel := quickChannel
	channel.How = load.Subscription{Class: "SAMPLED", MaxRate: 20}
	result, meter, server, err := hear(t, channel, fake.Script{})
	if err != nil {
		t.Fatal(err)
	}
	if result.Listeners.Lost+result.Unacked != 0 || result.Listeners.Received != 30*result.Messages || result.Messages < 50 {
		t.Errorf("%+v", result)
	}
	if result.Slow.Count != 0 || result.Listeners.Count != 30 || result.Arrived == 0 || meter.Received.Count() == 0 {
		t.Errorf("%+v, %d timed", result, meter.Received.Count())
	}
	for _, subscription := range server.Subscriptions() {
		if subscription.GetDeliveryClass() != pb.DeliveryClass_DELIVERY_CLASS_SAMPLED || subscription.GetMaxRate() != 20 {
			t.Errorf("subscribed by %v", subscription)
		}
	}
}

// instead tells one listener something else than the frame of one comment.
func instead(number uint64, told func(frame *pb.ServerFrame) []*pb.ServerFrame) fake.Script {
	return fake.Script{Channel: func(user string, frame *pb.ServerFrame) []*pb.ServerFrame {
		if user != "viewer-4" || frame.GetCommentBatch().GetFromNumber() != number {
			return []*pb.ServerFrame{frame}
		}
		return told(frame)
	}}
}

func TestWhatIsNotAccountedForOnceFailsTheRunByName(t *testing.T) {
	nothing := func(*pb.ServerFrame) []*pb.ServerFrame { return nil }
	twice := func(frame *pb.ServerFrame) []*pb.ServerFrame { return []*pb.ServerFrame{frame, frame} }
	for want, script := range map[string]fake.Script{
		"listener viewer-4: the accounting is broken: numbers 50–50 are not accounted for":   instead(50, nothing),
		"listener viewer-4: the accounting is broken: numbers 51–51 are accounted for twice": instead(51, twice),
	} {
		_, _, _, err := hear(t, quickChannel, script)
		if !errors.Is(err, load.ErrContract) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func skipped(channel string, number uint64) *pb.ServerFrame {
	return &pb.ServerFrame{Frame: &pb.ServerFrame_Skipped{Skipped: &pb.Skipped{
		What: &pb.Skipped_ChannelId{ChannelId: channel}, From: number, To: number, Reason: pb.SkipReason_SKIP_REASON_TOO_SLOW,
	}}}
}

func TestSkippedAndLeftOutCommentsAreAccountedForAndNotReceived(t *testing.T) {
	result, _, _, err := hear(t, quickChannel, fake.Script{Channel: func(user string, frame *pb.ServerFrame) []*pb.ServerFrame {
		batch := frame.GetCommentBatch()
		switch {
		case user == "viewer-4" && batch.GetFromNumber() < 51:
			return []*pb.ServerFrame{skipped(batch.GetChannelId(), batch.GetFromNumber())}
		case user == "viewer-5" && batch.GetFromNumber() < 51:
			return []*pb.ServerFrame{{Frame: &pb.ServerFrame_CommentBatch{CommentBatch: &pb.CommentBatch{
				ChannelId: batch.GetChannelId(), Epoch: batch.GetEpoch(), FromNumber: batch.GetFromNumber(), ToNumber: batch.GetToNumber(),
			}}}}
		}
		return []*pb.ServerFrame{frame}
	}})
	all := result.Listeners
	if err != nil || all.Skipped != 10 || all.LeftOut != 10 || all.Lost != 0 || all.Received+20 != 30*result.Messages {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestNumbersThatNothingAccountsForAtTheEndAreLost(t *testing.T) {
	channel := quickChannel
	channel.Patience = time.Second
	result, _, _, err := hear(t, channel, fake.Script{Channel: func(user string, frame *pb.ServerFrame) []*pb.ServerFrame {
		if user == "viewer-4" && frame.GetCommentBatch().GetFromNumber() > 60 {
			return nil
		}
		return []*pb.ServerFrame{frame}
	}})
	if err != nil || result.Listeners.Lost != result.Messages-20 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestSlowReadersAreToldApartAndAccountForAllOnceTheyMayRead(t *testing.T) {
	channel := quickChannel
	channel.SlowReaders, channel.SlowEvery = 0.1, 150*time.Millisecond
	result, _, _, err := hear(t, channel, fake.Script{})
	if err != nil || result.Slow.Count != 3 || result.Listeners.Count != 27 || result.Slow.Lost+result.Slow.Disconnects != 0 {
		t.Errorf("%+v, %v", result, err)
	}
	if result.Slow.Received != 3*result.Messages || result.Arrived > 27*result.Messages {
		t.Errorf("%+v", result)
	}
}
