package parley

import "time"

// ackEvery: after this much silence a position goes out at once, else once in this time, as the SDK does.
const ackEvery = time.Second

// acks decides when a session says what it holds. Not safe for concurrent use.
type acks struct {
	maxEntries int // half the session's window
	maxBytes   int
	last       time.Time // when a position went out last
	entries    int       // since then
	bytes      int
	planned    bool // a timer will ask again
}

// heard counts what came on the stream.
func (a *acks) heard(entries, bytes int) {
	a.entries += entries
	a.bytes += bytes
}

// due says what to do now with something to tell: tell it (wait 0), ask again after a wait, or nothing (already planned).
func (a *acks) due(now time.Time) (tell bool, wait time.Duration) {
	silence := now.Sub(a.last)
	if silence >= ackEvery || a.entries >= a.maxEntries || a.bytes >= a.maxBytes {
		return true, 0
	}
	if a.planned {
		return false, 0
	}
	a.planned = true
	return false, ackEvery - silence
}

// told: a position goes out.
func (a *acks) told(now time.Time) {
	a.last, a.entries, a.bytes = now, 0, 0
}
