package load

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"parley.chat/bench/histogram"
	"parley.chat/bench/proc"
)

// Connections are streams that only beat.
type Connections struct {
	Streams int
	// Opened and closed before memory is first looked at, so that what a process makes once is not counted per stream.
	WarmUpStreams int
	// How long all of them are held.
	For time.Duration
	// Time between the heartbeats of one stream, ± a tenth.
	Beat time.Duration
	// How many may be opening at once.
	Opening int
	// How long a warm server gets to settle before its memory is read.
	Settle time.Duration
	// Told of progress.
	Progress func(opened int)
}

// ConnectionsResult is what Connections found.
type ConnectionsResult struct {
	// From the first to the last stream that went live.
	OpenSeconds float64
	// From the wish to open to live.
	Opened histogram.Histogram
	// From the time a heartbeat was due to its answer, of those due while all streams were held.
	Beats histogram.Histogram
	// Streams that the server ended, and why the first of them was.
	Expired     uint64
	FirstReason error
	// Heartbeats due more than a second ago that had no answer at the end.
	Unanswered uint64
	// Before the streams and at the end.
	Before map[string]proc.Memory
	// What was used while all streams were held.
	Span Span
}

type connectionsRun struct {
	Connections
	clock    Clock
	beats    *histogram.Histogram
	from     atomic.Int64 // beats due before this are not counted
	stopping atomic.Bool
	expired  atomic.Uint64
	reason   *failure
}

// Run opens the streams, holds them and closes them. Streams that the server ends are counted, not fatal.
func (c Connections) Run(ctx context.Context, carrier Carrier, meter *Meter) (*ConnectionsResult, error) {
	result := &ConnectionsResult{}
	// What becomes of streams that only warm up is no result.
	warmUp := c.run(meter.Clock, &histogram.Histogram{})
	warm, err := warmUp.open(ctx, carrier, 0, c.WarmUpStreams, &histogram.Histogram{})
	if err != nil {
		return nil, err
	}
	warmUp.stopping.Store(true)
	for _, stream := range warm {
		stream.close()
	}
	run := c.run(meter.Clock, &result.Beats)
	time.Sleep(c.Settle)
	if result.Before, err = proc.MemoryOf(meter.Processes); err != nil {
		return nil, err
	}
	start := meter.Clock.Now()
	streams, err := run.open(ctx, carrier, c.WarmUpStreams, c.Streams, &result.Opened)
	if err != nil {
		return nil, err
	}
	held := meter.Clock.Now()
	result.OpenSeconds = (held - start).Seconds()
	run.from.Store(int64(held))
	if result.Span, err = meter.Measure(c.For, ctx.Done()); err != nil {
		return nil, err
	}
	run.stopping.Store(true)
	now := meter.Clock.Now()
	for _, stream := range streams {
		if due := time.Duration(stream.waiting.Load()); due != 0 && now-due > time.Second && !stream.ended.Load() {
			result.Unanswered++
		}
		stream.close()
	}
	result.Expired, result.FirstReason = run.expired.Load(), run.reason.error()
	return result, nil
}

func (c Connections) run(clock Clock, beats *histogram.Histogram) *connectionsRun {
	run := &connectionsRun{Connections: c, clock: clock, beats: beats, reason: newFailure()}
	run.from.Store(math.MaxInt64)
	return run
}

func (r *connectionsRun) open(ctx context.Context, carrier Carrier, first, n int, opened *histogram.Histogram) ([]*idler, error) {
	streams := make([]*idler, n)
	var live atomic.Int64
	err := inParallel(ctx, r.Opening, n, func(ctx context.Context, i int) (err error) {
		stream := &idler{run: r}
		streams[i] = stream
		start := r.clock.Now()
		if stream.endpoint, err = carrier.Open(ctx, userName(first+i), "", stream); err != nil {
			return err
		}
		opened.Record(r.clock.Now() - start)
		r.Progress(int(live.Add(1)))
		// The first beat at any point of the interval: who opened together does not beat together.
		stream.schedule(r.clock.Now() + rand.N(r.Beat))
		return nil
	})
	return streams, err
}

// idler is one stream; it is its endpoint's handler.
type idler struct {
	run      *connectionsRun
	endpoint Endpoint
	mu       sync.Mutex
	timer    *time.Timer
	waiting  atomic.Int64 // when the beat without an answer was due; 0 = none
	ended    atomic.Bool
}

func (s *idler) schedule(due time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended.Load() {
		s.timer = time.AfterFunc(due-s.run.clock.Now(), func() { s.beat(due) })
	}
}

func (s *idler) beat(due time.Duration) {
	if s.run.stopping.Load() || s.ended.Load() {
		return
	}
	s.waiting.CompareAndSwap(0, int64(due))
	if err := s.endpoint.Beat(); err != nil {
		s.Ended(err)
		return
	}
	s.schedule(due + s.run.Beat*9/10 + rand.N(s.run.Beat/5))
}

func (s *idler) close() {
	s.ended.Store(true)
	s.mu.Lock()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.endpoint.Close()
}

// Beaten implements Handler.
func (s *idler) Beaten() {
	if due := s.waiting.Swap(0); due != 0 && due >= s.run.from.Load() {
		s.run.beats.Record(s.run.clock.Now() - time.Duration(due))
	}
}

// Ended implements Handler.
func (s *idler) Ended(err error) {
	if s.run.stopping.Load() || s.ended.Swap(true) {
		return
	}
	s.run.expired.Add(1)
	s.run.reason.set(err)
}

// Acked implements Handler: an idle stream sends nothing.
func (s *idler) Acked(uint64) {}

// Received implements Handler: an idle stream is in no thread.
func (s *idler) Received([]byte) {}
