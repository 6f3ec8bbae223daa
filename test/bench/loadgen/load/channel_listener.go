package load

import (
	"errors"
	"sync/atomic"
	"time"
)

// channelListener counts and times what one listener hears.
type channelListener struct {
	run    *channelRun
	slow   bool
	stream Listener
	now    time.Duration // when the message came that is being read
	ended  atomic.Bool
	reason atomic.Pointer[error]
}

// Message implements Audience.
func (l *channelListener) Message() { l.now = l.run.meter.Clock.Now() }

// Comment implements Audience. What a slow reader hears is late by its own choice: that is not timed.
func (l *channelListener) Comment(text []byte) error {
	intended, err := ReadIntended(text, l.run.Size)
	if err == nil && !l.slow {
		l.run.meter.Hears(intended, l.now)
	}
	return err
}

// Received implements Audience.
func (l *channelListener) Received(comments uint64) {
	if !l.slow {
		l.run.meter.CountArrivals(comments)
	}
}

// Ended implements Audience.
func (l *channelListener) Ended(err error) {
	l.reason.Store(&err)
	l.ended.Store(true)
	if !l.slow || errors.Is(err, ErrContract) {
		l.run.failed.set(err)
	}
}
