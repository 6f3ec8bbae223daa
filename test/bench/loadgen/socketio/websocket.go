package socketio

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
)

const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xa

	final  = 0x80
	masked = 0x80

	// IP_BIND_ADDRESS_NO_PORT, as in package h2.
	bindAddressNoPort = 24
)

// Any key but zero will do: the servers that this meets unmask with what they are told.
var maskKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// websocket is a client's connection, with as little work per message as package h2's: no copy of a message that
// arrived whole, one write for all that a batch of arrivals led to.
type websocket struct {
	nc     net.Conn
	reader *bufio.Reader

	mu     sync.Mutex
	out    []byte
	corked bool
	closed bool
}

func dialWebsocket(ctx context.Context, target, source, path string, buffer int) (*websocket, error) {
	dialer := net.Dialer{}
	if source != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
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
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cGFybGV5LWJlbmNoLXBlZQ==\r\n\r\n", path, target)
	if _, err := io.WriteString(nc, request); err != nil {
		return nil, err
	}
	reader := bufio.NewReaderSize(nc, buffer)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		nc.Close()
		return nil, fmt.Errorf("the server answered %s to the upgrade", response.Status)
	}
	return &websocket{nc: nc, reader: reader}, nil
}

func (w *websocket) cork(on bool) {
	w.mu.Lock()
	w.corked = on
	w.flush()
	w.mu.Unlock()
}

// flush writes what is due; mu is held. A failed write closes the connection, which ends the reader.
func (w *websocket) flush() {
	if len(w.out) == 0 || w.corked || w.closed {
		return
	}
	if _, err := w.nc.Write(w.out); err != nil {
		w.nc.Close()
	}
	w.out = w.out[:0]
}

func (w *websocket) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.nc.Close()
}

// send writes one text message; parts are what it is made of.
func (w *websocket) send(parts ...[]byte) { w.write(opText, parts...) }

func (w *websocket) write(op byte, parts ...[]byte) {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.out = append(w.out, final|op); {
	case length < 126:
		w.out = append(w.out, masked|byte(length))
	case length < 1<<16:
		w.out = binary.BigEndian.AppendUint16(append(w.out, masked|126), uint16(length))
	default:
		w.out = binary.BigEndian.AppendUint64(append(w.out, masked|127), uint64(length))
	}
	w.out = append(w.out, maskKey[:]...)
	start := len(w.out)
	for _, part := range parts {
		w.out = append(w.out, part...)
	}
	for i := range w.out[start:] {
		w.out[start+i] ^= maskKey[i%4]
	}
	w.flush()
}

// await makes sure that n bytes have arrived, and lets writes go first if they have not.
func (w *websocket) await(n int) ([]byte, error) {
	if w.reader.Buffered() < n {
		w.cork(false)
		bytes, err := w.reader.Peek(n)
		if err == nil {
			w.cork(true)
		}
		return bytes, err
	}
	return w.reader.Peek(n)
}

// read tells of every text message until the connection is over. The bytes are valid until heard returns.
func (w *websocket) read(heard func(message []byte) error) error {
	for {
		if err := w.readFrame(heard); err != nil {
			w.cork(false)
			return err
		}
	}
}

func (w *websocket) readFrame(heard func(message []byte) error) error {
	head, err := w.await(2)
	if err != nil {
		return err
	}
	op, length, size := head[0], uint64(head[1]), 2
	switch length {
	case 126:
		size = 4
		if head, err = w.await(size); err == nil {
			length = uint64(binary.BigEndian.Uint16(head[2:]))
		}
	case 127:
		size = 10
		if head, err = w.await(size); err == nil {
			length = binary.BigEndian.Uint64(head[2:])
		}
	}
	if err != nil {
		return err
	}
	if _, err := w.reader.Discard(size); err != nil {
		return err
	}
	payload, keep, err := w.payload(int(length))
	if err != nil {
		return err
	}
	switch op {
	case final | opText:
		err = heard(payload)
	case final | opPing:
		w.write(opPong, payload)
	case final | opClose:
		err = errors.New("the server closed the websocket")
	default:
		err = fmt.Errorf("websocket frame of kind %#x", op)
	}
	if err == nil {
		_, err = w.reader.Discard(keep)
	}
	return err
}

// payload gives the frame's bytes and how many of them are still to be discarded.
func (w *websocket) payload(length int) ([]byte, int, error) {
	if length <= w.reader.Size() {
		bytes, err := w.await(length)
		return bytes, length, err
	}
	bytes := make([]byte, length)
	w.cork(false)
	_, err := io.ReadFull(w.reader, bytes)
	w.cork(true)
	return bytes, 0, err
}
