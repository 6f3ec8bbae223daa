// Package histogram counts durations in buckets whose width is at most 1/128 of their value, so that quantiles of
// millions of samples cost a few kilobytes and one addition each.
package histogram

import (
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	subBits = 7
	sub     = 1 << subBits
	// Values above 2^40 µs (12 days) are counted as that.
	maxBits = 40
	buckets = (maxBits - subBits + 1) * sub
)

// Histogram counts durations in microseconds. Many goroutines may record at once.
type Histogram struct {
	counts [buckets]atomic.Uint64
}

func indexOf(us uint64) int {
	if us < 2*sub {
		return int(us)
	}
	if us >= 1<<maxBits {
		us = 1<<maxBits - 1
	}
	shift := bits.Len64(us) - subBits - 1
	return shift*sub + int(us>>shift)
}

// highestOf is the largest value that falls into the bucket: quantiles are never told too low.
func highestOf(index int) uint64 {
	if index < 2*sub {
		return uint64(index)
	}
	shift := index/sub - 1
	low := uint64(index-shift*sub) << shift
	return low + 1<<shift - 1
}

// Record counts one duration; negative ones count as 0.
func (h *Histogram) Record(d time.Duration) {
	h.counts[indexOf(uint64(max(d, 0)/time.Microsecond))].Add(1)
}

// Count is how many durations were recorded.
func (h *Histogram) Count() (total uint64) {
	for i := range h.counts {
		total += h.counts[i].Load()
	}
	return total
}

// Take moves what was counted into another histogram's place and gives it: what is recorded from now on counts anew.
func (h *Histogram) Take() *Histogram {
	taken := &Histogram{}
	for i := range h.counts {
		if h.counts[i].Load() != 0 {
			taken.counts[i].Store(h.counts[i].Swap(0))
		}
	}
	return taken
}

// QuantileMs is the duration in milliseconds that a share q (0–1) of the samples does not exceed; 0 without samples.
func (h *Histogram) QuantileMs(q float64) float64 {
	total := h.Count()
	if total == 0 {
		return 0
	}
	rank := min(max(uint64(q*float64(total)+0.999999), 1), total)
	var seen uint64
	for i := range h.counts {
		seen += h.counts[i].Load()
		if seen >= rank {
			return float64(highestOf(i)) / 1000
		}
	}
	return float64(highestOf(buckets-1)) / 1000
}
