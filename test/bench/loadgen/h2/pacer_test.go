package h2

import (
	"bytes"
	"testing"
	"time"
)

func TestAPacedStreamTakesOneMessageATimeAndStopsTheSender(t *testing.T) {
	_, conn := dial(t, startEcho(t), Options{StreamWindow: 64 << 10})
	slow, quick := newRecorder(), newRecorder()
	stream, err := conn.Open("/test/echo", "", slow)
	if err != nil {
		t.Fatal(err)
	}
	stream.Pace(time.Hour)
	other, err := conn.Open("/test/echo", "", quick)
	if err != nil {
		t.Fatal(err)
	}
	const messages = 40
	for range messages {
		for _, each := range []*Stream{stream, other} {
			if err := each.Send(bytes.Repeat([]byte("x"), 8<<10)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range messages {
		<-quick.messages
	}
	<-slow.messages
	if waiting := len(slow.messages); waiting != 0 {
		t.Errorf("%d more messages were taken", waiting)
	}
	stream.pacer.mu.Lock()
	held := len(stream.pacer.waiting)
	stream.pacer.mu.Unlock()
	if held > 64<<10 {
		t.Errorf("%d bytes came into a window of 64 KiB", held)
	}
	stream.Pace(0)
	for range messages - 1 {
		<-slow.messages
	}
}

func TestAPacedStreamReadsAMessageBeyondItsWindow(t *testing.T) {
	_, conn := dial(t, startEcho(t), Options{StreamWindow: 64 << 10})
	r := newRecorder()
	stream, err := conn.Open("/test/echo", "", r)
	if err != nil {
		t.Fatal(err)
	}
	stream.Pace(time.Millisecond)
	for range 3 {
		if err := stream.Send(bytes.Repeat([]byte("x"), 300<<10)); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if got := <-r.messages; len(got) != 300<<10 {
			t.Errorf("%d bytes", len(got))
		}
	}
}

func TestTheEndOfAPacedStreamIsToldAfterWhatHadCome(t *testing.T) {
	_, conn := dial(t, startEcho(t), Options{})
	r := newRecorder()
	stream, err := conn.Open("/test/echo", "", r)
	if err != nil {
		t.Fatal(err)
	}
	stream.Pace(time.Hour)
	for range 4 {
		if err := stream.Send([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.SendLast([]byte("y")); err != nil {
		t.Fatal(err)
	}
	if code := <-r.ended; code != CodeOK || len(r.messages) != 5 {
		t.Errorf("ended with %d after %d messages", code, len(r.messages))
	}
}
