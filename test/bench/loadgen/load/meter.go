package load

import (
	"os"
	"sync/atomic"
	"time"

	"parley.chat/bench/histogram"
	"parley.chat/bench/proc"
)

const ownName = "load generator"

// Meter times messages that were meant to be sent inside the measured span, and counts what arrives in it.
type Meter struct {
	Clock     Clock
	Processes []proc.Process
	// host:port of the metrics of each node; empty = nobody is asked.
	Nodes []string

	Received histogram.Histogram
	Acked    histogram.Histogram
	Lag      histogram.Histogram
	// Of all arrivals since it was last taken, measured or not; nil = nobody asks.
	Recent *histogram.Histogram

	from, to atomic.Int64
	arrived  atomic.Uint64
	sent     atomic.Uint64
}

// Span is what was counted between the two ends of the measured time.
type Span struct {
	Seconds float64
	Arrived uint64
	Sent    uint64
	CPU     map[string]proc.CPU
	Memory  map[string]proc.Memory
	// When it began.
	MemoryBefore map[string]proc.Memory
	OwnCPU       proc.CPU
	// How late the event loop of the slowest node was, p99 of the span, ms; 0 if none was asked.
	LoopDelayMs float64
}

func (m *Meter) inside(intended time.Duration) bool {
	return int64(intended) >= m.from.Load() && int64(intended) < m.to.Load()
}

// HasReceived counts an arrival at somebody else.
func (m *Meter) HasReceived(intended time.Duration) {
	m.arrived.Add(1)
	if m.inside(intended) {
		m.Received.Record(m.Clock.Now() - intended)
	}
}

// Hears times an arrival at `now`; CountArrivals counts it, with others. Of many that come at once the clock is read once.
func (m *Meter) Hears(intended, now time.Duration) {
	if m.Recent != nil {
		m.Recent.Record(now - intended)
	}
	if m.inside(intended) {
		m.Received.Record(now - intended)
	}
}

// CountArrivals counts what was told to Hears.
func (m *Meter) CountArrivals(n uint64) { m.arrived.Add(n) }

// Counts gives how many have left and arrived since the start.
func (m *Meter) Counts() (sent, arrived uint64) { return m.sent.Load(), m.arrived.Load() }

// HasAcked counts the server's word that it has a message.
func (m *Meter) HasAcked(intended time.Duration) {
	if m.inside(intended) {
		m.Acked.Record(m.Clock.Now() - intended)
	}
}

// Sends counts a message on its way out: how much later than meant is the load generator's own delay.
func (m *Meter) Sends(intended time.Duration) {
	m.sent.Add(1)
	if m.inside(intended) {
		m.Lag.Record(m.Clock.Now() - intended)
	}
}

// Measure takes what the processes used during `span` from now, while the load goes on.
func (m *Meter) Measure(span time.Duration, stop <-chan struct{}) (Span, error) {
	processes := append([]proc.Process{{Name: ownName, Pid: os.Getpid()}}, m.Processes...)
	memory, err := proc.MemoryOf(m.Processes)
	if err != nil {
		return Span{}, err
	}
	before, err := proc.CPUOf(processes)
	if err != nil {
		return Span{}, err
	}
	if _, err := proc.LoopDelayMs(m.Nodes); err != nil {
		return Span{}, err
	}
	arrived, sent, start := m.arrived.Load(), m.sent.Load(), m.Clock.Now()
	m.from.Store(int64(start))
	m.to.Store(int64(start + span))
	select {
	case <-time.After(span):
	case <-stop:
	}
	took := m.Clock.Now() - start
	result := Span{Seconds: took.Seconds(), Arrived: m.arrived.Load() - arrived, Sent: m.sent.Load() - sent, CPU: map[string]proc.CPU{}, MemoryBefore: memory}
	after, err := proc.CPUOf(processes)
	if err != nil {
		return Span{}, err
	}
	for name, used := range after {
		result.CPU[name] = proc.CPU{User: used.User - before[name].User, System: used.System - before[name].System}
	}
	result.OwnCPU = result.CPU[ownName]
	delete(result.CPU, ownName)
	if result.LoopDelayMs, err = proc.LoopDelayMs(m.Nodes); err != nil {
		return Span{}, err
	}
	result.Memory, err = proc.MemoryOf(m.Processes)
	return result, err
}
