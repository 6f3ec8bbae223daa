package load

import (
	"context"
	"fmt"
	"time"

	"parley.chat/bench/histogram"
)

// Channel is a channel that many listen to: comments leave at a steady rate, whether or not earlier ones have arrived.
type Channel struct {
	Fanout
	Channel string
	How     Subscription
	// Share of the listeners, 0–1, who read one message each SlowEvery.
	SlowReaders float64
	SlowEvery   time.Duration
	// Told once a second; nil = nobody asks.
	Progress func(Progress)
}

// Progress is how a channel goes: the last second's latencies and what was counted since the start.
type Progress struct {
	Published, Delivered, Skipped, LeftOut uint64
	P50Ms, P99Ms                           float64
	// Of slow readers, that the server ended.
	Disconnects uint64
}

// ChannelResult is what Channel found. A delivery is one comment that came to one listener.
type ChannelResult struct {
	Span
	// Comments that the server never acknowledged, and those that were sent, warm-up included.
	Unacked, Messages uint64
	// Of the listeners that read as it comes, and of the slow ones.
	Listeners, Slow AudienceResult
}

// AudienceResult is what became of some listeners. Received + LeftOut + Skipped + Lost = what was published, for each.
type AudienceResult struct {
	Count int
	// All added up. Lost: numbers that nothing accounts for at the end.
	Received, LeftOut, Skipped, Lost uint64
	// Streams that the server ended, and why the first was.
	Disconnects uint64
	Reason      error
}

type channelRun struct {
	*fanoutRun
	channel   Channel
	channels  Channels
	listeners []*channelListener
	beats     []beater
}

// Run opens the channel, then measures; one that is cancelled while it measures tells what it has. A slow reader that the server ends is counted; any other, and any breach of the accounting,
// ends the run.
func (c Channel) Run(ctx context.Context, channels Channels, meter *Meter) (ChannelResult, error) {
	run := &channelRun{channel: c, channels: channels, fanoutRun: &fanoutRun{Fanout: c.Fanout, meter: meter, failed: newFailure()}}
	if c.Progress != nil {
		meter.Recent = &histogram.Histogram{}
	}
	senders, err := run.open(ctx)
	if err != nil {
		return ChannelResult{}, err
	}
	defer beatAll(run.beats)()
	stop, cancelStop := context.WithCancel(ctx)
	defer cancelStop()
	run.slowDown(c.SlowEvery)
	sent := make(chan uint64, 1)
	go func() { sent <- run.pace(stop, senders) }()
	go run.tell(stop)
	if err := run.failed.wait(ctx, c.WarmUp); err != nil {
		return ChannelResult{}, err
	}
	measuring, cancelMeasuring := context.WithCancel(ctx)
	defer cancelMeasuring()
	go func() {
		select {
		case <-run.failed.happened:
			cancelMeasuring()
		case <-measuring.Done():
		}
	}()
	span, err := meter.Measure(c.For, measuring.Done())
	if err != nil {
		return ChannelResult{}, err
	}
	cancelStop()
	result := ChannelResult{Span: span, Messages: <-sent}
	run.finish(&result)
	return result, run.failed.error()
}

func (r *channelRun) open(ctx context.Context) ([]*fanoutSender, error) {
	senders := make([]*fanoutSender, r.Senders)
	r.listeners = make([]*channelListener, r.Listeners)
	r.beats = make([]beater, r.Senders+len(r.listeners))
	slow := int(r.channel.SlowReaders*float64(len(r.listeners)) + 0.5)
	err := inParallel(ctx, r.Opening, len(r.beats), func(ctx context.Context, i int) (err error) {
		if i < r.Senders {
			sender := &fanoutSender{run: r.fanoutRun, index: uint32(i), intended: map[uint32]time.Duration{}}
			sender.endpoint, err = r.channels.Publisher(ctx, fmt.Sprintf("author-%d", i), r.channel.Channel, sender)
			senders[i], r.beats[i] = sender, sender.endpoint
			return err
		}
		at := i - r.Senders
		listener := &channelListener{run: r, slow: at < slow}
		how := r.channel.How
		how.Slow = listener.slow
		listener.stream, err = r.channels.Listen(ctx, fmt.Sprintf("viewer-%d", at), r.channel.Channel, how, listener)
		r.listeners[at], r.beats[i] = listener, listener.stream
		return err
	})
	return senders, err
}

// slowDown gives the slow readers their pace; 0 = as it comes.
func (r *channelRun) slowDown(every time.Duration) {
	for _, listener := range r.listeners {
		if listener.slow {
			listener.stream.Pace(every)
		}
	}
}

// finish lets the slow ones read what waits for them, waits until all is accounted for, and counts.
func (r *channelRun) finish(result *ChannelResult) {
	r.slowDown(0)
	deadline := time.Now().Add(r.Patience)
	complete := func() bool {
		if r.acked.Load() < result.Messages {
			return false
		}
		published := r.channels.Published()
		for _, listener := range r.listeners {
			if !listener.ended.Load() && listener.stream.Account().UpTo < published {
				return false
			}
		}
		return true
	}
	for !complete() && time.Now().Before(deadline) && r.failed.error() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	result.Unacked = result.Messages - r.acked.Load()
	published := r.channels.Published()
	for _, listener := range r.listeners {
		if listener.slow {
			result.Slow.add(listener, published)
		} else {
			result.Listeners.add(listener, published)
		}
		listener.stream.Close()
	}
}

func (a *AudienceResult) add(listener *channelListener, published uint64) {
	account := listener.stream.Account()
	a.Count++
	a.Received += account.Received
	a.LeftOut += account.LeftOut
	a.Skipped += account.Skipped
	if listener.ended.Load() {
		a.Disconnects++
		if a.Reason == nil {
			a.Reason = *listener.reason.Load()
		}
	}
	if published > account.UpTo {
		a.Lost += published - account.UpTo
	}
}

// tell tells how it goes, once a second until stopped.
func (r *channelRun) tell(ctx context.Context) {
	if r.channel.Progress == nil {
		return
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		recent := r.meter.Recent.Take()
		progress := Progress{P50Ms: recent.QuantileMs(0.5), P99Ms: recent.QuantileMs(0.99)}
		progress.Published, progress.Delivered = r.meter.Counts()
		for _, listener := range r.listeners {
			account := listener.stream.Account()
			progress.Skipped += account.Skipped
			progress.LeftOut += account.LeftOut
			if listener.ended.Load() {
				progress.Disconnects++
			}
		}
		r.channel.Progress(progress)
	}
}
