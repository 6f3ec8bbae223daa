package load

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Pairs is 1:1 chat: both users of each pair send to the other at once, each its next message when its last one was
// acknowledged by the server and received by the other, after a time of thinking.
type Pairs struct {
	Pairs int
	Think time.Duration
	// Bytes of a message.
	Size int
	// Measured time, after WarmUp.
	For    time.Duration
	WarmUp time.Duration
	// How long to wait at the end for what is under way, and how many endpoints may be opening at once.
	Patience time.Duration
	Opening  int
}

// PairsResult is what Pairs found.
type PairsResult struct {
	Span
	// Messages that nobody received, of all that were sent.
	Lost uint64
	// Messages that the server never acknowledged.
	Unacked uint64
	// Users whose endpoint did not settle: holes in what they heard, receipts that never came.
	Unsettled uint64
}

type pairUser struct {
	run      *pairsRun
	index    uint32
	other    *pairUser
	endpoint Endpoint

	mu       sync.Mutex
	number   uint32 // of the message under way
	intended time.Duration
	acked    bool
	received bool
}

type pairsRun struct {
	Pairs
	meter    *Meter
	failed   *failure
	stopping <-chan struct{}
	idle     sync.WaitGroup // one count per user with a message under way
}

// Run opens all pairs, then measures.
func (p Pairs) Run(ctx context.Context, carrier Carrier, meter *Meter) (PairsResult, error) {
	stop, cancelStop := context.WithCancel(ctx)
	defer cancelStop()
	run := &pairsRun{Pairs: p, meter: meter, failed: newFailure(), stopping: stop.Done()}
	users := make([]*pairUser, 2*p.Pairs)
	for i := range users {
		users[i] = &pairUser{run: run, index: uint32(i)}
	}
	err := inParallel(ctx, p.Opening, p.Pairs, func(ctx context.Context, pair int) error {
		a, b := users[2*pair], users[2*pair+1]
		a.other, b.other = b, a
		thread, err := carrier.Direct(ctx, userName(2*pair), userName(2*pair+1))
		if err != nil {
			return err
		}
		for i, user := range []*pairUser{a, b} {
			if user.endpoint, err = carrier.Open(ctx, userName(2*pair+i), thread, user); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return PairsResult{}, err
	}
	endpoints := make([]Endpoint, len(users))
	for i, user := range users {
		endpoints[i] = user.endpoint
	}
	defer beatAll(endpoints)()
	for i, user := range users {
		run.idle.Add(1)
		// Spread over the thinking time, so that the users do not think in step.
		user.sendAt(meter.Clock.Now() + p.Think*time.Duration(i)/time.Duration(len(users)))
	}
	if err := run.failed.wait(ctx, p.WarmUp); err != nil {
		return PairsResult{}, err
	}
	span, err := meter.Measure(p.For, run.failed.happened)
	if err != nil {
		return PairsResult{}, err
	}
	cancelStop()
	result := PairsResult{Span: span}
	run.awaitIdle()
	result.Unsettled = awaitSettled(users, p.Patience)
	for _, user := range users {
		user.mu.Lock()
		if user.number > 0 && !user.received {
			result.Lost++
		}
		if user.number > 0 && !user.acked {
			result.Unacked++
		}
		user.mu.Unlock()
		user.endpoint.Close()
	}
	return result, run.failed.error()
}

func (r *pairsRun) awaitIdle() {
	done := make(chan struct{})
	go func() {
		r.idle.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(r.Patience):
	case <-r.failed.happened:
	}
}

func awaitSettled(users []*pairUser, patience time.Duration) (unsettled uint64) {
	deadline := time.Now().Add(patience)
	for _, user := range users {
		for !user.endpoint.Settled() {
			if time.Now().After(deadline) {
				unsettled++
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return unsettled
}

func (u *pairUser) sendAt(due time.Duration) {
	wait := due - u.run.meter.Clock.Now()
	if wait > 0 {
		time.AfterFunc(wait, func() { u.send(due) })
		return
	}
	u.send(due)
}

func (u *pairUser) send(intended time.Duration) {
	select {
	case <-u.run.stopping:
		u.run.idle.Done()
		return
	default:
	}
	u.mu.Lock()
	u.number++
	number := u.number
	u.intended, u.acked, u.received = intended, false, false
	u.mu.Unlock()
	u.run.meter.Sends(intended)
	body := Body(u.run.Size, Stamp{Intended: intended, Sender: u.index, Number: number})
	if err := u.endpoint.Send(uint64(number), body); err != nil {
		u.Ended(err)
	}
}

// advance notes one of the two things a user waits for, and sends the next message after the second.
func (u *pairUser) advance(number uint32, flag *bool) {
	u.mu.Lock()
	if number != u.number || *flag {
		u.mu.Unlock()
		u.Ended(fmt.Errorf("message %d came when %d was due, or twice", number, u.number))
		return
	}
	*flag = true
	done := u.acked && u.received
	u.mu.Unlock()
	if done {
		u.sendAt(u.run.meter.Clock.Now() + u.run.Think)
	}
}

// Acked implements Handler.
func (u *pairUser) Acked(number uint64) {
	u.mu.Lock()
	intended := u.intended
	u.mu.Unlock()
	u.run.meter.HasAcked(intended)
	u.advance(uint32(number), &u.acked)
}

// Received implements Handler: it is the other's message.
func (u *pairUser) Received(body []byte) {
	stamp, err := ReadStamp(body, u.run.Size)
	if err == nil && stamp.Sender != u.other.index {
		err = fmt.Errorf("a message of user %d came", stamp.Sender)
	}
	if err != nil {
		u.Ended(err)
		return
	}
	u.run.meter.HasReceived(stamp.Intended)
	u.other.advance(stamp.Number, &u.other.received)
}

// Beaten implements Handler.
func (u *pairUser) Beaten() {}

// Ended implements Handler.
func (u *pairUser) Ended(err error) {
	u.run.failed.set(fmt.Errorf("user %s: %w", userName(int(u.index)), err))
}
