package h2

import (
	"encoding/binary"
	"errors"
)

// The gRPC status codes that this package gives itself.
const (
	CodeOK          = 0
	CodeUnknown     = 2
	CodeUnavailable = 14
)

// Bytes before each message: a flag of compression and the length.
const prefixBytes = 5

// Handler hears a stream. Both methods run on the connection's reader (of a paced stream, on its pacer): they must not block.
type Handler interface {
	// Message has arrived. The bytes are the reader's: valid until it returns.
	Message(s *Stream, message []byte)
	// Ended tells the status, once, last.
	Ended(s *Stream, code int, text string)
}

// Stream is one call.
type Stream struct {
	conn    *Conn
	id      uint32
	handler Handler

	// Guarded by conn.mu.
	sendWindow int64
	held       []byte // frames' payload that a window holds back
	closing    bool   // the end of our half follows what is held
	waiting    bool   // is in conn.blocked
	pacer      *pacer // of a stream that is read slowly
	unreturned int    // was read and not given back to the window

	// Only the reader uses this, or the pacer from its first bytes on.
	partial []byte
}

var errEnded = errors.New("the stream has ended")

// Send writes one message. It never waits for a window: what does not fit is held until it does.
func (s *Stream) Send(message []byte) error { return s.send(message, false) }

// SendLast writes one message and ends our half of the call.
func (s *Stream) SendLast(message []byte) error { return s.send(message, true) }

func (s *Stream) send(message []byte, last bool) error {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	if c.streams[s.id] != s {
		return errEnded
	}
	size := prefixBytes + len(message)
	if len(s.held) == 0 && size <= c.maxFrame && int64(size) <= min(s.sendWindow, c.sendWindow) {
		c.out = appendFrameHeader(c.out, size, frameData, endFlag(last), s.id)
		c.out = appendPrefix(c.out, len(message))
		c.out = append(c.out, message...)
		s.sendWindow -= int64(size)
		c.sendWindow -= int64(size)
	} else {
		s.held = append(appendPrefix(s.held, len(message)), message...)
		s.closing = last
		s.release()
	}
	c.flush()
	return nil
}

// release moves what the windows allow from held to the connection; mu is held.
func (s *Stream) release() {
	c := s.conn
	for len(s.held) > 0 {
		n := int(min(int64(len(s.held)), int64(c.maxFrame), s.sendWindow, c.sendWindow))
		if n <= 0 {
			if !s.waiting {
				s.waiting = true
				c.blocked = append(c.blocked, s)
			}
			return
		}
		c.out = appendFrame(c.out, frameData, endFlag(s.closing && n == len(s.held)), s.id, s.held[:n])
		s.sendWindow -= int64(n)
		c.sendWindow -= int64(n)
		s.held = s.held[n:]
	}
	s.held = nil
}

// releaseAll tries every stream that waits for a window; mu is held.
func (c *Conn) releaseAll() {
	waiting := c.blocked
	c.blocked = nil
	for _, s := range waiting {
		s.waiting = false
		if c.streams[s.id] == s {
			s.release()
		}
	}
}

// Reset gives the call up. Ended is not told.
func (s *Stream) Reset() {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[s.id] != s {
		return
	}
	delete(c.streams, s.id)
	if s.pacer != nil {
		s.pacer.change(func() { s.pacer.stopped = true })
	}
	c.out = appendReset(c.out, s.id, resetCancel)
	c.flush()
}

func endFlag(last bool) byte {
	if last {
		return flagEndStream
	}
	return 0
}

func appendPrefix(out []byte, length int) []byte {
	return binary.BigEndian.AppendUint32(append(out, 0), uint32(length))
}

// nextSize is the length of the first message among the unread bytes, with its prefix; 0 = it is not there in whole.
func (s *Stream) nextSize() int {
	if len(s.partial) < prefixBytes {
		return 0
	}
	size := prefixBytes + int(binary.BigEndian.Uint32(s.partial[1:]))
	if len(s.partial) < size {
		return 0
	}
	return size
}
