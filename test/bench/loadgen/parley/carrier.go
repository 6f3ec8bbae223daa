// Package parley carries a bench's work to a Parley node or gateway.
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
	"parley.chat/bench/token"
)

// Receipts says how much is told of what was read.
type Receipts string

// A client says what it has read with its acks, as the SDK does, or after every message.
const (
	NoReceipts   Receipts = ""
	SdkReceipts  Receipts = "sdk"
	EachReceipts Receipts = "each"
)

// A CreateGroup request may name this many members; the rest are added, so many a call.
const (
	membersAtCreation = 3000
	membersPerCall    = 100
)

// Options of a carrier.
type Options struct {
	Target string
	Signer *token.Signer
	// Source addresses, taken in turn: each has its own ports.
	Sources []string
	// Streams that share a connection; 1 = each has its own.
	StreamsPerConn int
	ReadBuffer     int
	Receipts       Receipts
}

// Carrier implements load.Carrier.
type Carrier struct {
	options Options

	mu      sync.Mutex
	control *h2.Conn
	shared  *h2.Conn // the connection that new streams join
	room    int      // streams it still takes

	dialled    atomic.Uint64
	skipped    atomic.Uint64
	duplicated atomic.Uint64
	receipts   atomic.Uint64
	published  atomic.Uint64 // the highest number that a comment was given
}

// UNAVAILABLE, and how long calls that met it wait before they are made again.
const (
	unavailable = 14
	firstWait   = time.Second
	longestWait = 16 * time.Second
)

// New makes a carrier; it connects when it is used.
func New(options Options) *Carrier { return &Carrier{options: options} }

// Tally implements load.Carrier.
func (c *Carrier) Tally() load.Tally {
	return load.Tally{Skipped: c.skipped.Load(), Duplicated: c.duplicated.Load(), Receipts: c.receipts.Load()}
}

// Published implements load.Channels.
func (c *Carrier) Published() uint64 { return c.published.Load() }

func (c *Carrier) hasPublished(number uint64) {
	for was := c.published.Load(); number > was && !c.published.CompareAndSwap(was, number); was = c.published.Load() {
	}
}

// dial connects from the next source address.
func (c *Carrier) dial(ctx context.Context, options h2.Options) (*h2.Conn, error) {
	options.ReadBuffer = c.options.ReadBuffer
	if n := uint64(len(c.options.Sources)); n > 0 {
		options.Source = c.options.Sources[c.dialled.Add(1)%n]
	}
	return h2.Dial(ctx, c.options.Target, options)
}

// takeFor gives a connection for one more listener: who reads slowly has one of its own, with a small window.
func (c *Carrier) takeFor(ctx context.Context, slow bool) (conn *h2.Conn, owned bool, err error) {
	if !slow {
		return c.take(ctx)
	}
	conn, err = c.dial(ctx, h2.Options{StreamWindow: slowWindow})
	return conn, true, err
}

// take gives a connection for one more stream, and whether the stream owns it.
func (c *Carrier) take(ctx context.Context) (conn *h2.Conn, owned bool, err error) {
	if c.options.StreamsPerConn <= 1 {
		conn, err = c.dial(ctx, h2.Options{})
		return conn, true, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.room == 0 {
		if c.shared, err = c.dial(ctx, h2.Options{}); err != nil {
			return nil, false, err
		}
		most, err := c.shared.Settled(ctx)
		if err != nil {
			return nil, false, err
		}
		c.room = min(c.options.StreamsPerConn, int(min(most, 1<<20)))
	}
	c.room--
	return c.shared, false, nil
}

// call makes a unary call as the user. It is made again when the server says that it cannot just now, as clients do: a
// store that has just started is slow, and every call here is idempotent.
func (c *Carrier) call(ctx context.Context, user, method string, request, answer proto.Message) error {
	for wait := firstWait; ; wait *= 2 {
		err := c.callOnce(ctx, user, method, request, answer)
		var failed *h2.StatusError
		if wait > longestWait || !errors.As(err, &failed) || failed.Code != unavailable {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

func (c *Carrier) callOnce(ctx context.Context, user, method string, request, answer proto.Message) error {
	signed, err := c.options.Signer.Sign(user)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if c.control == nil {
		c.control, err = c.dial(ctx, h2.Options{})
	}
	conn := c.control
	c.mu.Unlock()
	if err != nil {
		return err
	}
	bytes, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	reply, err := conn.Call(ctx, method, signed, bytes)
	if err != nil {
		return err
	}
	return proto.Unmarshal(reply, answer)
}

// Direct implements load.Carrier.
func (c *Carrier) Direct(ctx context.Context, user, other string) (string, error) {
	var answer pb.OpenDirectThreadResponse
	err := c.call(ctx, user, pb.ThreadService_OpenDirectThread_FullMethodName, &pb.OpenDirectThreadRequest{UserId: other}, &answer)
	return answer.GetThread().GetThreadId(), err
}

// Group implements load.Carrier.
func (c *Carrier) Group(ctx context.Context, users []string) (string, error) {
	owner, members := users[0], users[1:]
	first := members[:min(len(members), membersAtCreation)]
	var created pb.CreateGroupResponse
	request := &pb.CreateGroupRequest{RequestId: "bench", Name: "bench", MemberIds: first}
	if err := c.call(ctx, owner, pb.GroupService_CreateGroup_FullMethodName, request, &created); err != nil {
		return "", err
	}
	thread := created.GetThread().GetThreadId()
	for at := len(first); at < len(members); at += membersPerCall {
		more := &pb.AddMembersRequest{
			ThreadId: thread, RequestId: fmt.Sprintf("bench-%d", at), UserIds: members[at:min(len(members), at+membersPerCall)],
		}
		if err := c.call(ctx, owner, pb.GroupService_AddMembers_FullMethodName, more, &pb.AddMembersResponse{}); err != nil {
			return "", err
		}
	}
	return thread, nil
}
