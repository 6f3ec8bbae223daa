// Package load is the work that a bench does, whatever carries it: users in pairs, a group that listens, streams that
// idle. It counts and times; how a message travels is the carrier's business.
package load

import (
	"context"
	"errors"
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

// Channels is a carrier on which comments are numbered, so that each listener can account for every one of them.
type Channels interface {
	// Publisher signs the user in; what its endpoint sends are comments on the channel, which it does not hear.
	Publisher(ctx context.Context, user, channel string, handler Handler) (Endpoint, error)
	// Listen signs the user in and returns when the channel is heard.
	Listen(ctx context.Context, user, channel string, how Subscription, audience Audience) (Listener, error)
	// Published is the highest number that the server has given to a comment of any publisher.
	Published() uint64
}

// Subscription is how a channel is heard.
type Subscription struct {
	// EVERYTHING, SAMPLED or LATEST.
	Class string
	// Comments a second of a sample; 0 = the server's preset.
	MaxRate int
	// It will read slowly: it gets a connection of its own with a small window.
	Slow bool
}

// Listener is one user's open stream that hears a channel.
type Listener interface {
	Beat() error
	// Pace reads at most one message each `every` from now on, so that flow control stops the sender; 0 = as they come.
	Pace(every time.Duration)
	Account() Account
	// Close ends the stream. Ended is not told.
	Close()
}

// ErrContract is in the chain of what Audience.Ended hears when the server accounted for a number wrongly.
var ErrContract = errors.New("the accounting is broken")

// Account says where a listener stands: Received + LeftOut + Skipped = UpTo - After, and what breaks that ends the stream.
type Account struct {
	// Counting begins after this number.
	After uint64
	// Up to here each number is accounted for.
	UpTo uint64
	// Comments that came, that the delivery class left out, that the server said it skipped.
	Received, LeftOut, Skipped uint64
}

// Audience hears a listener. Its methods run on the listener's reader and must not block.
type Audience interface {
	// Message is told before what one message of the stream holds.
	Message()
	// Comment is one that had not come before; the text is valid until the method returns.
	Comment(text []byte) error
	// Received is told after it: how many comments it held.
	Received(comments uint64)
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
