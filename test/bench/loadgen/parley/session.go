package parley

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"
	pb "parley.chat/go/parley/v1"

	"parley.chat/bench/h2"
	"parley.chat/bench/load"
	"parley.chat/bench/wire"
)

// Session is one user's stream; it implements load.Endpoint. Request ids: sends have even ones, twice their number.
type Session struct {
	carrier *Carrier
	handler load.Handler
	user    string
	thread  string // or the channel that it publishes on
	stream  *h2.Stream
	owned   *h2.Conn // nil when the connection is shared
	opened  chan struct{}
	failure error // set before opened closes, if it never went live
	// It sends comments on a channel, which it does not hear.
	publishes bool

	head     atomic.Uint64 // the highest sequence heard of: known_head of what is sent next
	peerRead atomic.Uint64 // what the other user of a direct thread has read
	lastOwn  atomic.Uint64
	live     bool  // only the reader uses it
	goodbye  error // likewise
	entries  int   // likewise: in the message being read

	mu      sync.Mutex
	held    held
	acks    acks
	told    uint64 // the position that was acknowledged
	nextOdd uint64
	timer   *time.Timer
	closed  bool
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Open implements load.Carrier.
func (c *Carrier) Open(ctx context.Context, user, thread string, handler load.Handler) (load.Endpoint, error) {
	return c.open(ctx, &Session{carrier: c, handler: handler, user: user, thread: thread})
}

// Publisher implements load.Channels.
func (c *Carrier) Publisher(ctx context.Context, user, channel string, handler load.Handler) (load.Endpoint, error) {
	return c.open(ctx, &Session{carrier: c, handler: handler, user: user, thread: channel, publishes: true})
}

func helloOf() ([]byte, error) {
	return proto.Marshal(&pb.OpenRequest{Frames: []*pb.ClientFrame{{Frame: &pb.ClientFrame_Hello{Hello: &pb.Hello{
		DeviceId: "bench", ApiRevision: 1, Foreground: true, Sdk: &pb.Sdk{Name: "parley-bench", Version: "1"},
	}}}}})
}

func (c *Carrier) open(ctx context.Context, s *Session) (load.Endpoint, error) {
	user := s.user
	signed, err := c.options.Signer.Sign(user)
	if err != nil {
		return nil, err
	}
	conn, owned, err := c.take(ctx)
	if err != nil {
		return nil, err
	}
	s.opened, s.nextOdd = make(chan struct{}), 1
	if owned {
		s.owned = conn
	}
	hello, err := helloOf()
	if err != nil {
		return nil, err
	}
	if c.options.Receipts != NoReceipts && !s.publishes {
		hello = wire.AppendSubscribe(hello, s.odd(), s.thread)
	}
	if s.stream, err = conn.Open(pb.StreamService_Open_FullMethodName, signed, s); err != nil {
		return nil, err
	}
	if err := s.stream.Send(hello); err != nil {
		return nil, err
	}
	select {
	case <-s.opened:
		return s, s.failure
	case <-ctx.Done():
		s.Close()
		return nil, fmt.Errorf("user %s: the stream was not live in time: %w", user, context.Cause(ctx))
	}
}

func (s *Session) odd() uint64 {
	s.nextOdd += 2
	return s.nextOdd - 2
}

// Send implements load.Endpoint.
func (s *Session) Send(number uint64, body []byte) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	id := fmt.Sprintf("b%d", number)
	if s.publishes {
		*buffer = wire.AppendPublish((*buffer)[:0], 2*number, s.thread, id, body)
	} else {
		*buffer = wire.AppendSend((*buffer)[:0], 2*number, s.thread, id, s.head.Load(), body)
	}
	return s.stream.Send(*buffer)
}

// Beat implements load.Endpoint.
func (s *Session) Beat() error { return s.stream.Send(beat) }

var beat = wire.AppendHeartbeat(nil)

// Settled implements load.Endpoint.
func (s *Session) Settled() bool {
	s.mu.Lock()
	whole := s.held.whole()
	s.mu.Unlock()
	return whole && (s.carrier.options.Receipts == NoReceipts || s.peerRead.Load() >= s.lastOwn.Load())
}

// Close implements load.Endpoint.
func (s *Session) Close() {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.stream.Reset()
	if s.owned != nil {
		s.owned.Close()
	}
}

// Message implements h2.Handler.
func (s *Session) Message(_ *h2.Stream, message []byte) {
	s.entries = 0
	if err := wire.Read(message, s); err != nil {
		s.handler.Ended(err)
		return
	}
	s.mu.Lock()
	s.acks.heard(s.entries, len(message))
	s.tell(s.entries > 0 && s.carrier.options.Receipts == EachReceipts)
	s.mu.Unlock()
}

// tell says what is held, if it is time to or `now` wants it; mu is held.
func (s *Session) tell(now bool) {
	if s.closed || s.held.upTo <= s.told {
		return
	}
	at := time.Now()
	due, wait := s.acks.due(at)
	if wait > 0 {
		s.timer = time.AfterFunc(wait, s.tellLater)
	}
	if !due && !now {
		return
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	out := (*buffer)[:0]
	if due {
		out = wire.AppendAck(out, s.thread, s.held.upTo)
		s.told = s.held.upTo
		s.acks.told(at)
	}
	if s.carrier.options.Receipts != NoReceipts {
		out = wire.AppendMarkRead(out, s.odd(), s.thread, s.held.upTo)
	}
	*buffer = out
	// A stream that cannot be written to has ended, or is about to: the handler hears it from the reader.
	_ = s.stream.Send(out)
}

func (s *Session) tellLater() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acks.planned = false
	s.tell(false)
}

// Ended implements h2.Handler.
func (s *Session) Ended(_ *h2.Stream, code int, text string) {
	err := errors.Join(fmt.Errorf("the stream ended with gRPC status %d: %s", code, text), s.goodbye)
	if !s.live {
		s.fail(err)
		return
	}
	s.handler.Ended(err)
}

func (s *Session) fail(err error) {
	s.failure = fmt.Errorf("user %s: %w", s.user, err)
	close(s.opened)
}
