// Package h2 is the client's half of gRPC over cleartext HTTP/2, with as little work per message as the protocol
// allows: one goroutine a connection, no copy of a message that arrived whole, one write for all that a batch of
// arrivals led to. grpc-go hands each message through three goroutines, which on a machine that the servers share
// would be measured as theirs. What it leaves out: TLS, compression, retries, and refusing what a broken server sends.
package h2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"golang.org/x/net/http2/hpack"
)

const (
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

	// What a server may have under way to one stream unless told otherwise, and to all streams of a connection.
	streamWindow = 256 << 10
	connWindow   = 4 << 20

	// The protocol's start values, until SETTINGS say otherwise.
	defaultWindow   = 65535
	defaultMaxFrame = 16384

	// IP_BIND_ADDRESS_NO_PORT: a bound source address does not take a port before connect, so that ports are unique
	// per pair of addresses only.
	bindAddressNoPort = 24
)

// Conn is one connection. Its methods may be called from any goroutine.
type Conn struct {
	nc        net.Conn
	authority string
	buffer    int
	window    int           // what a server may have under way to one stream
	settled   chan struct{} // closed at the server's first SETTINGS

	mu            sync.Mutex
	out           []byte // frames not yet written
	corked        bool   // the reader writes when it has handled all that had arrived
	err           error  // set once: why the connection is over
	nextID        uint32
	streams       map[uint32]*Stream
	blocked       []*Stream // have bytes that a window holds back
	sendWindow    int64
	initialWindow int64
	maxFrame      int
	maxStreams    uint32
	headerBlock   bytes.Buffer
	encoder       *hpack.Encoder

	// Only the reader uses these.
	unreturned int
	decoder    *hpack.Decoder
	headers    headerList
	fragments  []byte
}

// Options of a connection.
type Options struct {
	// Source address to connect from, such as 127.0.0.7; empty = the kernel's choice.
	Source string
	// Bytes of the read buffer; 0 = 32 KiB. Frames that fit are read without a copy.
	ReadBuffer int
	// Bytes that a server may have under way to one stream; 0 = 256 KiB.
	StreamWindow int
}

// Dial connects and says hello. It does not wait for the server's settings: see Settled.
func Dial(ctx context.Context, target string, options Options) (*Conn, error) {
	dialer := net.Dialer{}
	if options.Source != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(options.Source)}
		dialer.Control = func(_, _ string, raw syscall.RawConn) error {
			var failed error
			err := raw.Control(func(fd uintptr) {
				failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, bindAddressNoPort, 1)
			})
			return errors.Join(err, failed)
		}
	}
	nc, err := dialer.DialContext(ctx, "tcp", target)
	if err != nil {
		return nil, err
	}
	c := &Conn{
		nc: nc, authority: target, buffer: options.ReadBuffer, window: options.StreamWindow, settled: make(chan struct{}),
		nextID: 1, streams: map[uint32]*Stream{},
		sendWindow: defaultWindow, initialWindow: defaultWindow, maxFrame: defaultMaxFrame, maxStreams: 1 << 31,
	}
	if c.buffer == 0 {
		c.buffer = 32 << 10
	}
	if c.window == 0 {
		c.window = streamWindow
	}
	c.encoder = hpack.NewEncoder(&c.headerBlock)
	c.decoder = hpack.NewDecoder(4096, c.headers.emit)
	c.out = append(c.out, preface...)
	c.out = appendSettings(c.out, settingEnablePush, 0, settingInitialWindow, uint32(c.window))
	c.out = appendWindowUpdate(c.out, 0, connWindow-defaultWindow)
	c.mu.Lock()
	c.flush()
	c.mu.Unlock()
	go c.read()
	return c, nil
}

// Settled waits for the server's first settings and gives how many streams it takes at once.
func (c *Conn) Settled(ctx context.Context) (uint32, error) {
	select {
	case <-c.settled:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.maxStreams, c.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Close ends the connection and with it every stream.
func (c *Conn) Close() { c.fail(errors.New("closed by the load generator")) }

func (c *Conn) fail(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	ended := make([]*Stream, 0, len(c.streams))
	for _, s := range c.streams {
		ended = append(ended, s)
	}
	clear(c.streams)
	c.mu.Unlock()
	select {
	case <-c.settled:
	default:
		close(c.settled)
	}
	c.nc.Close()
	for _, s := range ended {
		s.ended(CodeUnavailable, fmt.Sprintf("connection lost: %v", err))
	}
}

// flush writes what is due; mu is held. A failed write closes the connection, which ends the reader, which tells the streams.
func (c *Conn) flush() {
	if len(c.out) == 0 || c.corked || c.err != nil {
		return
	}
	if _, err := c.nc.Write(c.out); err != nil {
		c.nc.Close()
	}
	c.out = c.out[:0]
}

// Open starts a call; the handler hears what comes of it, on the connection's reader.
func (c *Conn) Open(method, token string, handler Handler) (*Stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	s := &Stream{conn: c, id: c.nextID, sendWindow: c.initialWindow, handler: handler}
	c.nextID += 2
	c.streams[s.id] = s
	c.headerBlock.Reset()
	for _, field := range [...]hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "http"},
		{Name: ":path", Value: method},
		{Name: ":authority", Value: c.authority},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
		{Name: "user-agent", Value: "parley-bench"},
	} {
		if err := c.encoder.WriteField(field); err != nil {
			return nil, err
		}
	}
	if token != "" {
		// Sensitive: never kept in the peer's table, where each user's token would push out the rest.
		if err := c.encoder.WriteField(hpack.HeaderField{Name: "authorization", Value: "Bearer " + token, Sensitive: true}); err != nil {
			return nil, err
		}
	}
	c.out = appendFrame(c.out, frameHeaders, flagEndHeaders, s.id, c.headerBlock.Bytes())
	c.flush()
	return s, nil
}
