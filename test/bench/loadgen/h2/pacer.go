package h2

import (
	"sync"
	"time"
)

// pacer reads a stream as a slow application does: the connection goes on (pings are answered, other streams move), but of this
// stream one message is taken at a time, and the window opens again only by what was taken. So it closes, and the sender must stop.
type pacer struct {
	stream *Stream
	wake   chan struct{} // holds one: something is new

	// Only run uses this: bytes at the head of what is unread by which the window was opened already.
	credited int

	mu      sync.Mutex
	every   time.Duration
	waiting []byte
	over    func() // tells the stream's end, once it has come
	stopped bool   // nobody listens any more
}

// Pace takes at most one message each `every` from now on; what has come is read at once when it is 0, or when the stream has ended.
func (s *Stream) Pace(every time.Duration) {
	s.conn.mu.Lock()
	p := s.pacer
	if p == nil && every > 0 {
		p = &pacer{stream: s, wake: make(chan struct{}, 1)}
		s.pacer = p
		go p.run()
	}
	s.conn.mu.Unlock()
	if p != nil {
		p.change(func() { p.every = every })
	}
}

func (p *pacer) change(change func()) {
	p.mu.Lock()
	change()
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *pacer) push(bytes []byte) {
	p.change(func() { p.waiting = append(p.waiting, bytes...) })
}

func (p *pacer) run() {
	begun := false
	for {
		p.mu.Lock()
		every, over, stopped, bytes := p.every, p.over, p.stopped, p.waiting
		p.waiting = nil
		p.mu.Unlock()
		// What is unread belongs to the connection's reader until it has handed over the first bytes.
		begun = begun || bytes != nil
		took := false
		if begun && !stopped {
			took = p.take(bytes, every == 0 || over != nil)
		}
		switch {
		case stopped:
			return
		case over != nil:
			over()
			return
		case took && every > 0:
			p.pause(every)
		default:
			<-p.wake
		}
	}
}

// pause ends early when the pace has changed or the stream is over; more bytes are left waiting.
func (p *pacer) pause(every time.Duration) {
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case <-p.wake:
			p.mu.Lock()
			changed := p.every != every || p.over != nil || p.stopped
			p.mu.Unlock()
			if changed {
				return
			}
		}
	}
}

// take adds bytes to what is unread, takes one message of it, or all, and opens the window by them. The window is opened for the bytes
// of a message that is not there in whole, too: it may be larger than the window.
func (p *pacer) take(bytes []byte, all bool) (took bool) {
	s := p.stream
	s.partial = append(s.partial, bytes...)
	credit := 0
	for all || !took {
		size := s.nextSize()
		if size == 0 {
			credit += len(s.partial) - p.credited
			p.credited = len(s.partial)
			break
		}
		s.handler.Message(s, s.partial[prefixBytes:size])
		s.partial = s.partial[size:]
		credit += size - min(size, p.credited)
		p.credited -= min(size, p.credited)
		took = true
	}
	s.conn.mu.Lock()
	s.giveBack(credit)
	s.conn.flush()
	s.conn.mu.Unlock()
	return took
}

// ended tells the handler; of a paced stream, after what had come.
func (s *Stream) ended(code int, text string) {
	s.conn.mu.Lock()
	p := s.pacer
	s.conn.mu.Unlock()
	if p == nil {
		s.handler.Ended(s, code, text)
		return
	}
	p.change(func() { p.over = func() { s.handler.Ended(s, code, text) } })
}
