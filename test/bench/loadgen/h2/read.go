package h2

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/net/http2/hpack"
)

// headerList keeps of a header block what a client asks about.
type headerList struct {
	status      string
	grpcStatus  string
	grpcMessage string
	last        bool // the block ends the stream
}

func (h *headerList) emit(field hpack.HeaderField) {
	switch field.Name {
	case ":status":
		h.status = field.Value
	case "grpc-status":
		h.grpcStatus = field.Value
	case "grpc-message":
		h.grpcMessage = field.Value
	}
}

// read handles frames until the connection is over. What the handlers write is held back while more has arrived, and
// goes out in one write before the reader waits.
func (c *Conn) read() {
	reader := bufio.NewReaderSize(c.nc, c.buffer)
	for {
		if err := c.readFrame(reader); err != nil {
			c.cork(false)
			c.fail(err)
			return
		}
	}
}

func (c *Conn) cork(on bool) {
	c.mu.Lock()
	c.corked = on
	c.flush()
	c.mu.Unlock()
}

// await makes sure that n bytes have arrived, and lets writes go first if they have not.
func (c *Conn) await(reader *bufio.Reader, n int) ([]byte, error) {
	if reader.Buffered() < n {
		c.cork(false)
		b, err := reader.Peek(n)
		if err == nil {
			c.cork(true)
		}
		return b, err
	}
	return reader.Peek(n)
}

func (c *Conn) readFrame(reader *bufio.Reader) error {
	header, err := c.await(reader, frameHeaderBytes)
	if err != nil {
		return err
	}
	length := int(header[0])<<16 | int(header[1])<<8 | int(header[2])
	kind, flags := header[3], header[4]
	id := binary.BigEndian.Uint32(header[5:]) & (1<<31 - 1)
	if _, err := reader.Discard(frameHeaderBytes); err != nil {
		return err
	}
	if length > c.buffer {
		payload := make([]byte, length)
		c.cork(false)
		if _, err := io.ReadFull(reader, payload); err != nil {
			return err
		}
		c.cork(true)
		return c.handle(kind, flags, id, payload)
	}
	payload, err := c.await(reader, length)
	if err != nil {
		return err
	}
	if err := c.handle(kind, flags, id, payload); err != nil {
		return err
	}
	_, err = reader.Discard(length)
	return err
}

func (c *Conn) handle(kind, flags byte, id uint32, payload []byte) error {
	switch kind {
	case frameData:
		return c.handleData(flags, id, payload)
	case frameHeaders, frameContinuation:
		return c.handleHeaders(kind, flags, id, payload)
	case frameRstStream:
		if len(payload) != 4 {
			return errors.New("RST_STREAM of a wrong size")
		}
		c.end(id, CodeUnavailable, fmt.Sprintf("reset with HTTP/2 code %d", binary.BigEndian.Uint32(payload)))
	case frameSettings:
		return c.handleSettings(flags, payload)
	case framePing:
		if flags&flagAck == 0 {
			c.mu.Lock()
			c.out = appendFrame(c.out, framePing, flagAck, 0, payload)
			c.mu.Unlock()
		}
	case frameGoAway:
		if len(payload) < 8 {
			return errors.New("GOAWAY of a wrong size")
		}
		return c.handleGoAway(binary.BigEndian.Uint32(payload), binary.BigEndian.Uint32(payload[4:]))
	case frameWindowUpdate:
		if len(payload) != 4 {
			return errors.New("WINDOW_UPDATE of a wrong size")
		}
		c.handleWindow(id, int64(binary.BigEndian.Uint32(payload)&(1<<31-1)))
	}
	return nil
}

func (c *Conn) handleData(flags byte, id uint32, payload []byte) error {
	c.mu.Lock()
	s := c.streams[id]
	c.unreturned += len(payload)
	if c.unreturned > connWindow/2 {
		c.out = appendWindowUpdate(c.out, 0, uint32(c.unreturned))
		c.unreturned = 0
	}
	var pacer *pacer
	if s != nil {
		if pacer = s.pacer; pacer == nil {
			s.giveBack(len(payload))
		}
	}
	c.mu.Unlock()
	if s == nil {
		return nil
	}
	if flags&flagPadded != 0 {
		if len(payload) == 0 || int(payload[0])+1 > len(payload) {
			return errors.New("padding longer than its frame")
		}
		payload = payload[1 : len(payload)-int(payload[0])]
	}
	if pacer == nil {
		s.take(payload)
	} else {
		pacer.push(payload)
	}
	if flags&flagEndStream != 0 {
		c.end(id, CodeUnknown, "the stream ended without a status")
	}
	return nil
}

// giveBack opens the window again by what was read, once that is half of it; mu is held.
func (s *Stream) giveBack(bytes int) {
	s.unreturned += bytes
	if s.unreturned > s.conn.window/2 && s.conn.streams[s.id] == s {
		s.conn.out = appendWindowUpdate(s.conn.out, s.id, uint32(s.unreturned))
		s.unreturned = 0
	}
}

// take cuts messages out of the bytes of the stream; a message that is whole in one frame is not copied.
func (s *Stream) take(data []byte) {
	joined := len(s.partial) > 0
	if joined {
		s.partial = append(s.partial, data...)
		data = s.partial
	}
	for len(data) >= prefixBytes {
		size := prefixBytes + int(binary.BigEndian.Uint32(data[1:]))
		if len(data) < size {
			break
		}
		s.handler.Message(s, data[prefixBytes:size])
		data = data[size:]
	}
	if !joined || len(data) < len(s.partial) {
		s.partial = append(s.partial[:0], data...)
	}
}

func (c *Conn) handleHeaders(kind, flags byte, id uint32, payload []byte) error {
	if kind == frameHeaders {
		if flags&flagPadded != 0 {
			if len(payload) == 0 || int(payload[0])+1 > len(payload) {
				return errors.New("padding longer than its frame")
			}
			payload = payload[1 : len(payload)-int(payload[0])]
		}
		if flags&flagPriority != 0 {
			if len(payload) < 5 {
				return errors.New("HEADERS too short for a priority")
			}
			payload = payload[5:]
		}
		c.headers = headerList{}
		c.headers.last = flags&flagEndStream != 0
		c.fragments = c.fragments[:0]
	}
	c.fragments = append(c.fragments, payload...)
	if flags&flagEndHeaders == 0 {
		return nil
	}
	if _, err := c.decoder.Write(c.fragments); err != nil {
		return err
	}
	if err := c.decoder.Close(); err != nil {
		return err
	}
	if c.headers.grpcStatus == "" {
		if c.headers.last || c.headers.status != "200" {
			c.end(id, CodeUnknown, "HTTP status "+c.headers.status)
		}
		return nil
	}
	code, err := strconv.Atoi(c.headers.grpcStatus)
	if err != nil {
		return fmt.Errorf("grpc-status %q", c.headers.grpcStatus)
	}
	c.end(id, code, c.headers.grpcMessage)
	return nil
}

func (c *Conn) handleSettings(flags byte, payload []byte) error {
	if flags&flagAck != 0 {
		return nil
	}
	c.mu.Lock()
	for ; len(payload) >= 6; payload = payload[6:] {
		value := binary.BigEndian.Uint32(payload[2:])
		switch binary.BigEndian.Uint16(payload) {
		case settingMaxStreams:
			c.maxStreams = value
		case settingMaxFrame:
			c.maxFrame = int(value)
		case settingInitialWindow:
			change := int64(value) - c.initialWindow
			c.initialWindow = int64(value)
			for _, s := range c.streams {
				s.sendWindow += change
			}
			c.releaseAll()
		}
	}
	c.out = appendFrameHeader(c.out, 0, frameSettings, flagAck, 0)
	c.mu.Unlock()
	select {
	case <-c.settled:
	default:
		close(c.settled)
	}
	return nil
}

func (c *Conn) handleWindow(id uint32, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == 0 {
		c.sendWindow += bytes
	} else if s := c.streams[id]; s != nil {
		s.sendWindow += bytes
	}
	c.releaseAll()
}

// handleGoAway ends the streams that the server will not serve; the others go on.
func (c *Conn) handleGoAway(last, code uint32) error {
	if code != 0 {
		return fmt.Errorf("GOAWAY with HTTP/2 code %d", code)
	}
	c.mu.Lock()
	var refused []uint32
	for id := range c.streams {
		if id > last {
			refused = append(refused, id)
		}
	}
	c.mu.Unlock()
	for _, id := range refused {
		c.end(id, CodeUnavailable, "refused by GOAWAY")
	}
	return nil
}

func (c *Conn) end(id uint32, code int, text string) {
	c.mu.Lock()
	s := c.streams[id]
	delete(c.streams, id)
	c.mu.Unlock()
	if s != nil {
		s.ended(code, text)
	}
}
