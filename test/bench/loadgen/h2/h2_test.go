package h2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// raw passes messages through as bytes.
type raw struct{}

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}
func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
func (raw) Name() string { return "raw" }

var _ encoding.CodecV2 = raw{}

// startEcho serves /echo, which says everything back and ends OK when the client does, and /token, which tells the token in an error.
func startEcho(t *testing.T, options ...grpc.ServerOption) string {
	t.Helper()
	handler := func(_ any, stream grpc.ServerStream) error {
		if method, _ := grpc.MethodFromServerStream(stream); method == "/test/token" {
			md, _ := metadata.FromIncomingContext(stream.Context())
			return status.Error(codes.PermissionDenied, "not "+md.Get("authorization")[0])
		}
		for {
			var message []byte
			if err := stream.RecvMsg(&message); err != nil {
				return nil
			}
			if err := stream.SendMsg(&message); err != nil {
				return err
			}
		}
	}
	server := grpc.NewServer(append(options, grpc.UnknownServiceHandler(handler), grpc.ForceServerCodecV2(raw{}), grpc.MaxRecvMsgSize(64<<20))...)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func dial(t *testing.T, target string, options Options) (context.Context, *Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	conn, err := Dial(ctx, target, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return ctx, conn
}

func TestAUnaryCallIsAnswered(t *testing.T) {
	ctx, conn := dial(t, startEcho(t), Options{Source: "127.0.0.9"})
	for size := range 5 {
		message := bytes.Repeat([]byte("x"), size*10_000)
		answer, err := conn.Call(ctx, "/test/echo", "", message)
		if err != nil || !bytes.Equal(answer, message) {
			t.Fatalf("%d bytes came back as %d, %v", len(message), len(answer), err)
		}
	}
}

func TestAMessageBeyondEveryWindowArrivesWhole(t *testing.T) {
	for _, buffer := range []int{1 << 10, 64 << 10} {
		ctx, conn := dial(t, startEcho(t), Options{ReadBuffer: buffer})
		message := bytes.Repeat([]byte("0123456789abcdef"), 640<<10)
		answer, err := conn.Call(ctx, "/test/echo", "", message)
		if err != nil || !bytes.Equal(answer, message) {
			t.Fatalf("read buffer %d: %d bytes came back as %d, %v", buffer, len(message), len(answer), err)
		}
	}
}

func TestAFailedCallTellsStatusAndText(t *testing.T) {
	ctx, conn := dial(t, startEcho(t), Options{})
	_, err := conn.Call(ctx, "/test/token", "abc", nil)
	var failed *StatusError
	if !errors.As(err, &failed) || failed.Code != int(codes.PermissionDenied) || failed.Text != "not Bearer abc" {
		t.Errorf("got %v", err)
	}
}

type recorder struct {
	messages chan string
	ended    chan int
}

func (r *recorder) Message(_ *Stream, message []byte) { r.messages <- string(message) }
func (r *recorder) Ended(_ *Stream, code int, _ string) {
	r.ended <- code
}

func newRecorder() *recorder { return &recorder{make(chan string, 10_000), make(chan int, 1)} }

func TestManyStreamsOfOneConnectionKeepTheirMessagesApartAndInOrder(t *testing.T) {
	_, conn := dial(t, startEcho(t), Options{})
	const streams, messages = 50, 100
	recorders := make([]*recorder, streams)
	opened := make([]*Stream, streams)
	for i := range streams {
		recorders[i] = newRecorder()
		var err error
		if opened[i], err = conn.Open("/test/echo", "", recorders[i]); err != nil {
			t.Fatal(err)
		}
	}
	text := func(stream, message int) string {
		return fmt.Sprintf("%d/%d%s", stream, message, strings.Repeat(".", message*31))
	}
	for m := range messages {
		for i, stream := range opened {
			send := stream.Send
			if m == messages-1 {
				send = stream.SendLast
			}
			if err := send([]byte(text(i, m))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, r := range recorders {
		for m := range messages {
			if got := <-r.messages; got != text(i, m) {
				t.Fatalf("stream %d, message %d: got %.20q", i, m, got)
			}
		}
		if code := <-r.ended; code != CodeOK {
			t.Errorf("stream %d ended with %d", i, code)
		}
	}
}

func TestAStreamEndsAsUnavailableWhenTheConnectionBreaks(t *testing.T) {
	_, conn := dial(t, startEcho(t), Options{})
	r := newRecorder()
	stream, err := conn.Open("/test/echo", "", r)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send([]byte("x")); err != nil {
		t.Fatal(err)
	}
	<-r.messages
	conn.nc.Close()
	if code := <-r.ended; code != CodeUnavailable {
		t.Errorf("ended with %d", code)
	}
	if err := stream.Send([]byte("y")); err == nil {
		t.Error("a broken connection took a message")
	}
}

func TestTheServersBoundOfStreamsIsKnownOnceItSettled(t *testing.T) {
	ctx, conn := dial(t, startEcho(t, grpc.MaxConcurrentStreams(17)), Options{})
	if most, err := conn.Settled(ctx); err != nil || most != 17 {
		t.Errorf("got %d, %v", most, err)
	}
}
