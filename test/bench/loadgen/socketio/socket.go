package socketio

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"parley.chat/bench/load"
)

// The packets of engine.io 4 and socket.io 5 that a client without binary data or namespaces meets.
const (
	engineOpen     = "0"
	enginePing     = "2"
	enginePong     = "3"
	socketConnect  = "40"
	socketRefused  = "44"
	socketEvent    = "42"
	socketAnswered = "43"

	// Answers to a send carry twice its number; these are the others.
	answerJoin = 1
	answerBeat = 3

	ackEvery = time.Second
)

// socket is one user's connection; it implements load.Endpoint.
type socket struct {
	carrier *Carrier
	handler load.Handler
	room    string
	token   string
	ws      *websocket
	opened  chan struct{}
	failure error // set before opened closes, if it never opened
	live    bool  // only the reader uses it
	closed  atomic.Bool

	sent     atomic.Uint64 // the last number of our own
	peerRead atomic.Uint64

	mu      sync.Mutex
	last    string // id of the last message received
	told    string // what was acknowledged
	toldAt  time.Time
	planned bool
}

// Send implements load.Endpoint. Bodies are ASCII that JSON need not escape.
func (s *socket) Send(number uint64, body []byte) error {
	s.sent.Store(number)
	head := make([]byte, 0, 96)
	head = append(head, socketEvent...)
	head = strconv.AppendUint(head, 2*number, 10)
	head = append(head, `["send",{"room":"`...)
	head = append(head, s.room...)
	head = append(head, `","id":"`...)
	head = strconv.AppendUint(head, number, 10)
	head = append(head, `","text":"`...)
	s.ws.send(head, body, []byte(`"}]`))
	return nil
}

// Beat implements load.Endpoint: the application's own heartbeat; socket.io's pings come from the server.
func (s *socket) Beat() error {
	s.ws.send(beat)
	return nil
}

var beat = fmt.Appendf(nil, `%s%d["beat"]`, socketEvent, answerBeat)

// Settled implements load.Endpoint.
func (s *socket) Settled() bool {
	return !s.carrier.options.Receipts || s.peerRead.Load() >= s.sent.Load()
}

// Close implements load.Endpoint.
func (s *socket) Close() {
	s.closed.Store(true)
	s.ws.close()
}

func (s *socket) read() {
	err := s.ws.read(s.take)
	s.ws.close()
	switch {
	case !s.live:
		s.failure = errors.Join(errors.New("the socket did not open"), err)
		close(s.opened)
	case !s.closed.Load():
		s.handler.Ended(err)
	}
}

func (s *socket) take(packet []byte) error {
	switch {
	case bytes.HasPrefix(packet, []byte(socketEvent)):
		return s.event(packet)
	case bytes.HasPrefix(packet, []byte(socketAnswered)):
		return s.answered(packet[len(socketAnswered):])
	case string(packet) == enginePing:
		s.ws.send([]byte(enginePong))
	case bytes.HasPrefix(packet, []byte(socketConnect)):
		if s.room == "" {
			s.open()
		} else {
			s.ws.send(fmt.Appendf(nil, `%s%d["join","%s"]`, socketEvent, answerJoin, s.room))
		}
	case bytes.HasPrefix(packet, []byte(socketRefused)):
		return fmt.Errorf("refused: %s", packet)
	case bytes.HasPrefix(packet, []byte(engineOpen)):
		s.ws.send(fmt.Appendf(nil, `%s{"token":"%s"}`, socketConnect, s.token))
	default:
		return fmt.Errorf("a packet of an unknown kind: %.80q", packet)
	}
	return nil
}

func (s *socket) open() {
	s.live = true
	close(s.opened)
}

func (s *socket) answered(packet []byte) error {
	id, err := strconv.ParseUint(string(digits(packet)), 10, 64)
	if err != nil {
		return err
	}
	switch {
	case id == answerJoin:
		s.open()
	case id == answerBeat:
		s.handler.Beaten()
	default:
		s.handler.Acked(id / 2)
	}
	return nil
}

func digits(packet []byte) []byte {
	n := 0
	for n < len(packet) && packet[n] >= '0' && packet[n] <= '9' {
		n++
	}
	return packet[:n]
}

// value gives the string of a field. What the bench's server sends has no escapes in strings.
func value(packet []byte, field string) ([]byte, error) {
	at := bytes.Index(packet, []byte(field))
	if at < 0 {
		return nil, fmt.Errorf("no %s in %.80q", field, packet)
	}
	rest := packet[at+len(field):]
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return nil, fmt.Errorf("%s has no end in %.80q", field, packet)
	}
	return rest[:end], nil
}

func (s *socket) event(packet []byte) error {
	id, err := value(packet, `"id":"`)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(packet, []byte(`42["receipt"`)) {
		s.carrier.receipts.Add(1)
		read, err := strconv.ParseUint(string(id), 10, 64)
		s.peerRead.Store(max(s.peerRead.Load(), read))
		return err
	}
	text, err := value(packet, `"text":"`)
	if err != nil {
		return err
	}
	s.handler.Received(text)
	if s.carrier.options.NoAcks {
		return nil
	}
	s.mu.Lock()
	s.last = string(id)
	s.tell()
	s.mu.Unlock()
	return nil
}

// tell acknowledges what was received, at once after a second's silence, else once a second; mu is held.
func (s *socket) tell() {
	if s.last == s.told || s.closed.Load() {
		return
	}
	now := time.Now()
	if wait := ackEvery - now.Sub(s.toldAt); wait > 0 {
		if !s.planned {
			s.planned = true
			time.AfterFunc(wait, s.tellLater)
		}
		return
	}
	s.told, s.toldAt = s.last, now
	s.ws.send(fmt.Appendf(nil, `%s["ack",{"room":"%s","id":"%s","receipt":%t}]`, socketEvent, s.room, s.last, s.carrier.options.Receipts))
}

func (s *socket) tellLater() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.planned = false
	s.tell()
}
