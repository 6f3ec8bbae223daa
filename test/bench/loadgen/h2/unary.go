package h2

import (
	"context"
	"fmt"
)

// StatusError is a call that ended with another status than OK.
type StatusError struct {
	Method string
	Code   int
	Text   string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: gRPC status %d: %s", e.Method, e.Code, e.Text)
}

type unary struct {
	answer []byte
	code   int
	text   string
	done   chan struct{}
}

func (u *unary) Message(_ *Stream, message []byte) { u.answer = append(u.answer[:0], message...) }

func (u *unary) Ended(_ *Stream, code int, text string) {
	u.code, u.text = code, text
	close(u.done)
}

// Call makes a unary call.
func (c *Conn) Call(ctx context.Context, method, token string, request []byte) ([]byte, error) {
	call := &unary{done: make(chan struct{})}
	s, err := c.Open(method, token, call)
	if err != nil {
		return nil, err
	}
	if err := s.SendLast(request); err != nil {
		return nil, err
	}
	select {
	case <-call.done:
		if call.code != CodeOK {
			return nil, &StatusError{method, call.code, call.text}
		}
		return call.answer, nil
	case <-ctx.Done():
		s.Reset()
		return nil, ctx.Err()
	}
}
