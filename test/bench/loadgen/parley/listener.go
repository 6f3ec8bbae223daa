package parley

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	pb "parley.chat/go/parley/v1"

	"parley.chat/bench/h2"
	"parley.chat/bench/load"
	"parley.chat/bench/wire"
)

const (
	frameChannel = 16

	// What a slow reader lets come before it has read, on its stream: the protocol's own start value.
	slowWindow = 64 << 10
	// Request id of the only frame of a listener that wants a reply.
	subscribing = 1
)

// Listener is one user's stream that hears a channel; it implements load.Listener.
type Listener struct {
	carrier  *Carrier
	audience load.Audience
	user     string
	channel  string
	stream   *h2.Stream
	owned    *h2.Conn // nil when the connection is shared
	ready    chan struct{}
	failure  error // set before ready closes, if it never went live

	// Whoever tells of the stream's messages uses these: the reader or, of a slow listener, its pacer.
	caughtUp bool
	known    bool // the channel was told
	broken   bool // the stream or its contract is: nothing after it counts
	goodbye  error

	mu      sync.Mutex
	account account
}

// Listen implements load.Channels.
func (c *Carrier) Listen(ctx context.Context, user, channel string, how load.Subscription, audience load.Audience) (load.Listener, error) {
	signed, err := c.options.Signer.Sign(user)
	if err != nil {
		return nil, err
	}
	l := &Listener{carrier: c, audience: audience, user: user, channel: channel, ready: make(chan struct{})}
	conn, owned, err := c.takeFor(ctx, how.Slow)
	if err != nil {
		return nil, err
	}
	if owned {
		l.owned = conn
	}
	hello, err := helloOf()
	if err != nil {
		return nil, err
	}
	class := pb.DeliveryClass_value["DELIVERY_CLASS_"+how.Class]
	hello = wire.AppendListen(hello, subscribing, channel, uint64(class), uint64(how.MaxRate))
	if l.stream, err = conn.Open(pb.StreamService_Open_FullMethodName, signed, l); err != nil {
		return nil, err
	}
	if err := l.stream.Send(hello); err != nil {
		return nil, err
	}
	select {
	case <-l.ready:
		return l, l.failure
	case <-ctx.Done():
		l.Close()
		return nil, fmt.Errorf("user %s: the channel was not heard in time: %w", user, context.Cause(ctx))
	}
}

// Beat implements load.Listener.
func (l *Listener) Beat() error { return l.stream.Send(beat) }

// Pace implements load.Listener.
func (l *Listener) Pace(every time.Duration) { l.stream.Pace(every) }

// Account implements load.Listener.
func (l *Listener) Account() load.Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.account.Account
}

// Close implements load.Listener.
func (l *Listener) Close() {
	l.stream.Reset()
	if l.owned != nil {
		l.owned.Close()
	}
}

// Message implements h2.Handler.
func (l *Listener) Message(_ *h2.Stream, message []byte) {
	if l.broken {
		return
	}
	l.audience.Message()
	l.mu.Lock()
	before := l.account.Received
	err := wire.Read(message, l)
	received := l.account.Received - before
	l.mu.Unlock()
	if err != nil {
		l.breaks(err)
	}
	l.audience.Received(received)
}

func (l *Listener) breaks(err error) {
	if l.broken {
		return
	}
	l.broken = true
	l.end(fmt.Errorf("listener %s: %w: %w", l.user, load.ErrContract, err))
}

// Ended implements h2.Handler.
func (l *Listener) Ended(_ *h2.Stream, code int, text string) {
	if l.broken {
		return
	}
	l.broken = true
	err := errors.Join(fmt.Errorf("the stream ended with gRPC status %d: %s", code, text), l.goodbye)
	l.end(fmt.Errorf("listener %s: %w", l.user, err))
}

func (l *Listener) end(err error) {
	if l.caughtUp && l.known {
		l.audience.Ended(err)
		return
	}
	l.failure = err
	close(l.ready)
}

// Comment implements wire.CommentVisitor.
func (l *Listener) Comment(number uint64, text []byte) error {
	fresh, err := l.account.comment(number)
	if fresh {
		err = l.audience.Comment(text)
	}
	return err
}

// Reply implements wire.Visitor.
func (l *Listener) Reply(request, _ uint64, refusal []byte) {
	if refusal != nil {
		l.breaks(fmt.Errorf("request %d was refused: %s", request, describe(refusal)))
	}
}

// Skipped implements wire.Visitor.
func (l *Listener) Skipped(what []byte, from, to uint64) {
	if string(what) != l.channel {
		return
	}
	if err := l.account.skipped(from, to); err != nil {
		l.breaks(err)
	}
}

// Other implements wire.Visitor.
func (l *Listener) Other(field int, message []byte) {
	if l.broken {
		return
	}
	var err error
	switch field {
	case wire.FrameComments:
		err = l.comments(message)
	case frameChannel:
		err = l.changed(message)
	case frameCaughtUp:
		l.caughtUp = true
		l.wake()
	case frameGoodbye:
		var goodbye pb.Goodbye
		if err = proto.Unmarshal(message, &goodbye); err == nil {
			l.goodbye = fmt.Errorf("goodbye %s: %s", goodbye.GetReason(), goodbye.GetMessage())
		}
	}
	if err != nil {
		l.breaks(err)
	}
}

func (l *Listener) comments(message []byte) error {
	batch, err := wire.ReadBatch(message)
	switch {
	case err != nil:
		return err
	case string(batch.Channel) != l.channel:
		return fmt.Errorf("comments of channel %q came to a listener of %q", batch.Channel, l.channel)
	case !l.known:
		return errors.New("comments came before the channel was told")
	}
	if err := l.account.batch(batch.Epoch, batch.From, batch.To); err != nil {
		return err
	}
	return wire.ReadComments(message, l)
}

// changed takes in where counting begins; later, only another epoch would mean something.
func (l *Listener) changed(message []byte) error {
	var changed pb.ChannelChanged
	if err := proto.Unmarshal(message, &changed); err != nil {
		return err
	}
	channel := changed.GetChannel()
	switch {
	case channel.GetChannelId() != l.channel:
	case !l.known:
		l.account.begin(channel.GetEpoch(), channel.GetPublishedCount())
		l.known = true
		l.wake()
	case channel.GetEpoch() != l.account.epoch:
		return fmt.Errorf("numbering began anew: epoch %d after %d", channel.GetEpoch(), l.account.epoch)
	}
	return nil
}

func (l *Listener) wake() {
	if l.caughtUp && l.known {
		close(l.ready)
	}
}

// Entry implements wire.Visitor: who only listens is in no thread.
func (l *Listener) Entry([]byte, uint64, []byte, []byte) {}

// Receipt implements wire.Visitor.
func (l *Listener) Receipt([]byte, uint64, uint64) {}

// HeartbeatReply implements wire.Visitor.
func (l *Listener) HeartbeatReply() {}
