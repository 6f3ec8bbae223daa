package load

import (
	"context"
	"sync/atomic"
	"time"
)

// Fanout is a group that many listen to: messages leave at a steady rate, whether or not earlier ones have arrived.
type Fanout struct {
	Listeners int
	// Users who send, in turn.
	Senders int
	// Messages a second, of all senders together.
	Rate float64
	// Bytes of a message.
	Size int
	// Measured time, after WarmUp.
	For    time.Duration
	WarmUp time.Duration
	// How long to wait at the end for what is under way, and how many endpoints may be opening at once.
	Patience time.Duration
	Opening  int
}

// FanoutResult is what Fanout found. A delivery is one message at one listener.
type FanoutResult struct {
	Span
	// Deliveries that neither came nor were announced as skipped.
	Lost uint64
	// Messages that the server never acknowledged.
	Unacked uint64
	// Messages that were sent, warm-up included.
	Messages uint64
	// Listeners with a hole in what they heard.
	Unsettled uint64
}

type fanoutRun struct {
	Fanout
	meter     *Meter
	failed    *failure
	delivered atomic.Uint64
	acked     atomic.Uint64
}

// Run opens the group, then measures.
func (f Fanout) Run(ctx context.Context, carrier Carrier, meter *Meter) (FanoutResult, error) {
	run := &fanoutRun{Fanout: f, meter: meter, failed: newFailure()}
	names := make([]string, f.Senders+f.Listeners)
	for i := range names {
		names[i] = userName(i)
	}
	thread, err := carrier.Group(ctx, names)
	if err != nil {
		return FanoutResult{}, err
	}
	senders := make([]*fanoutSender, f.Senders)
	endpoints := make([]Endpoint, len(names))
	err = inParallel(ctx, f.Opening, len(names), func(ctx context.Context, i int) (err error) {
		if i >= f.Senders {
			endpoints[i], err = carrier.Open(ctx, names[i], thread, &fanoutListener{run: run, last: make([]uint32, f.Senders)})
			return err
		}
		senders[i] = &fanoutSender{run: run, index: uint32(i), intended: map[uint32]time.Duration{}}
		senders[i].endpoint, err = carrier.Open(ctx, names[i], thread, senders[i])
		endpoints[i] = senders[i].endpoint
		return err
	})
	if err != nil {
		return FanoutResult{}, err
	}
	defer beatAll(endpoints)()
	stop, cancelStop := context.WithCancel(ctx)
	defer cancelStop()
	sent := make(chan uint64, 1)
	go func() { sent <- run.pace(stop, senders) }()
	if err := run.failed.wait(ctx, f.WarmUp); err != nil {
		return FanoutResult{}, err
	}
	span, err := meter.Measure(f.For, run.failed.happened)
	if err != nil {
		return FanoutResult{}, err
	}
	cancelStop()
	result := FanoutResult{Span: span, Messages: <-sent}
	run.finish(carrier, endpoints, &result)
	return result, run.failed.error()
}

// finish waits for what is under way and counts what did not come.
func (r *fanoutRun) finish(carrier Carrier, endpoints []Endpoint, result *FanoutResult) {
	due := result.Messages * uint64(r.Listeners)
	deadline := time.Now().Add(r.Patience)
	complete := func() bool {
		return r.delivered.Load()+carrier.Tally().Skipped >= due && r.acked.Load() >= result.Messages
	}
	for !complete() && time.Now().Before(deadline) && r.failed.error() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	if came := r.delivered.Load() + carrier.Tally().Skipped; came < due {
		result.Lost = due - came
	}
	result.Unacked = result.Messages - r.acked.Load()
	for _, endpoint := range endpoints {
		if !endpoint.Settled() {
			result.Unsettled++
		}
		endpoint.Close()
	}
}

// pace sends at the rate until stopped and gives how many messages left. A late one keeps the time it was meant for.
func (r *fanoutRun) pace(ctx context.Context, senders []*fanoutSender) uint64 {
	start := r.meter.Clock.Now()
	for i := uint64(0); ; i++ {
		intended := start + time.Duration(float64(i)/r.Rate*float64(time.Second))
		if wait := intended - r.meter.Clock.Now(); wait > 0 {
			time.Sleep(wait)
		}
		if ctx.Err() != nil || r.failed.error() != nil {
			return i
		}
		senders[i%uint64(len(senders))].send(intended)
	}
}
