package histogram

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantilesAreWithinOnePercentOfTheSortedSamples(t *testing.T) {
	var h Histogram
	random := rand.New(rand.NewPCG(1, 2))
	samples := make([]float64, 100_000)
	for i := range samples {
		d := time.Duration(random.ExpFloat64() * float64(20*time.Millisecond))
		samples[i] = float64(d/time.Microsecond) / 1000
		h.Record(d)
	}
	slices.Sort(samples)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		want := samples[int(q*float64(len(samples)))-1]
		got := h.QuantileMs(q)
		if got < want || got > want*1.01+0.001 {
			t.Errorf("quantile %v: got %v, sorted samples say %v", q, got, want)
		}
	}
}

func TestEveryValueFallsIntoABucketThatCoversIt(t *testing.T) {
	last := -1
	for us := uint64(0); us < 1<<41; us += 1 + us/300 {
		index := indexOf(us)
		if index < last {
			t.Fatalf("%d µs falls into bucket %d, below the one of a smaller value, %d", us, index, last)
		}
		last = index
		capped := min(us, 1<<maxBits-1)
		if highestOf(index) < capped || float64(highestOf(index)) > float64(capped)*1.01+1 {
			t.Fatalf("%d µs falls into a bucket up to %d", us, highestOf(index))
		}
	}
}

func TestNoSamplesGiveZero(t *testing.T) {
	var h Histogram
	if got := h.QuantileMs(0.99); got != 0 {
		t.Errorf("got %v", got)
	}
}

func TestNegativeDurationsCountAsZero(t *testing.T) {
	var h Histogram
	h.Record(-time.Second)
	if h.Count() != 1 || h.QuantileMs(1) != 0 {
		t.Errorf("got %d samples, highest %v", h.Count(), h.QuantileMs(1))
	}
}

func TestWhatWasTakenIsNotCountedAgain(t *testing.T) {
	var h Histogram
	h.Record(time.Millisecond)
	taken := h.Take()
	h.Record(time.Second)
	if taken.Count() != 1 || taken.QuantileMs(1) > 1.1 || h.Count() != 1 || h.QuantileMs(0) < 999 {
		t.Errorf("taken %d of %v ms, left %d of %v ms", taken.Count(), taken.QuantileMs(1), h.Count(), h.QuantileMs(0))
	}
}
