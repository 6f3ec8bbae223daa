// Package socketio carries a bench's work to the socket.io server of the bench (test/bench/peer/server.mjs): the same
// users, messages, acks and receipts as on Parley, in socket.io's own terms.
package socketio

import (
	"context"
	"fmt"
	"sync/atomic"

	"parley.chat/bench/load"
	"parley.chat/bench/token"
)

// Options of a carrier.
type Options struct {
	Target     string
	Signer     *token.Signer
	Sources    []string
	ReadBuffer int
	// Tell the other user of a pair what was received and read.
	Receipts bool
	// Acknowledge nothing that was received.
	NoAcks bool
}

// Carrier implements load.Carrier.
type Carrier struct {
	options  Options
	dialled  atomic.Uint64
	receipts atomic.Uint64
}

// New makes a carrier; it connects when it is used.
func New(options Options) *Carrier { return &Carrier{options: options} }

// Tally implements load.Carrier: socket.io leaves nothing out and repeats nothing that it could tell of.
func (c *Carrier) Tally() load.Tally { return load.Tally{Receipts: c.receipts.Load()} }

// Direct implements load.Carrier: a room needs no making.
func (c *Carrier) Direct(_ context.Context, user, other string) (string, error) {
	return fmt.Sprintf("%s+%s", user, other), nil
}

// Group implements load.Carrier.
func (c *Carrier) Group(context.Context, []string) (string, error) { return "group", nil }

// Open implements load.Carrier.
func (c *Carrier) Open(ctx context.Context, user, thread string, handler load.Handler) (load.Endpoint, error) {
	signed, err := c.options.Signer.Sign(user)
	if err != nil {
		return nil, err
	}
	source := ""
	if n := uint64(len(c.options.Sources)); n > 0 {
		source = c.options.Sources[c.dialled.Add(1)%n]
	}
	ws, err := dialWebsocket(ctx, c.options.Target, source, "/socket.io/?EIO=4&transport=websocket", c.options.ReadBuffer)
	if err != nil {
		return nil, err
	}
	s := &socket{carrier: c, handler: handler, room: thread, token: signed, ws: ws, opened: make(chan struct{})}
	go s.read()
	select {
	case <-s.opened:
		return s, s.failure
	case <-ctx.Done():
		s.Close()
		return nil, fmt.Errorf("user %s: the socket was not open in time: %w", user, context.Cause(ctx))
	}
}
