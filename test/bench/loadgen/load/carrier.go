// Package load is the work that a bench does, whatever carries it: users in pairs, a group that listens, streams that
// idle. It counts and times; how a message travels is the carrier's business.
package load

import (
	"context"
	"time"
)

// Carrier opens endpoints on one kind of server.
type Carrier interface {
	// Direct opens the thread of two users and gives its id.
	Direct(ctx context.Context, user, other string) (string, error)
	// Group makes a group of the users and gives its id; the first is its owner.
	Group(ctx context.Context, users []string) (string, error)
	// Open signs the user in and returns when the stream is live. An endpoint sends to and hears one thread; none if it is empty.
	Open(ctx context.Context, user, thread string, handler Handler) (Endpoint, error)
	// Tally is what all endpoints have counted so far.
	Tally() Tally
}

// Endpoint is one user's open stream.
type Endpoint interface {
	// Send hands over a message; the handler hears Acked with the same number once the server has it.
	Send(number uint64, body []byte) error
	// Beat sends a heartbeat; the handler hears Beaten.
	Beat() error
	// Settled says whether nothing is outstanding: no hole in what was heard and, with receipts, all of one's own is read.
	Settled() bool
	// Close ends the stream. Ended is not told.
	Close()
}

// Handler hears an endpoint. Its methods run on the endpoint's reader and must not block.
type Handler interface {
	Acked(number uint64)
	// Received is a message of somebody else; the body is valid until the method returns.
	Received(body []byte)
	Beaten()
	// Ended: the server or the network ended the stream, or it broke the contract.
	Ended(err error)
}

// Tally is what the carrier saw beside messages.
type Tally struct {
	// Entries that the server said it left out.
	Skipped uint64
	// Entries that came twice.
	Duplicated uint64
	// Receipts heard.
	Receipts uint64
}

// Clock gives the time since the bench began; it never jumps.
type Clock struct{ start time.Time }

// NewClock starts at 0.
func NewClock() Clock { return Clock{time.Now()} }

// Now is the time since the start.
func (c Clock) Now() time.Duration { return time.Since(c.start) }
