package parley

import (
	"math/rand/v2"
	"testing"
)

func TestSequencesInOrderLeaveNoHole(t *testing.T) {
	var h held
	for sequence := uint64(1); sequence <= 5; sequence++ {
		if fresh := h.add(sequence, sequence); fresh != 1 {
			t.Errorf("sequence %d: %d new", sequence, fresh)
		}
	}
	if h.upTo != 5 || !h.whole() {
		t.Errorf("held %+v", h)
	}
}

func TestWhatComesAheadOfAHoleIsKeptUntilTheHoleIsFilled(t *testing.T) {
	var h held
	h.add(2, 2)
	h.add(4, 6)
	if h.upTo != 0 || h.whole() {
		t.Errorf("held %+v", h)
	}
	h.add(1, 1)
	if h.upTo != 2 || h.whole() {
		t.Errorf("held %+v", h)
	}
	h.add(3, 3)
	if h.upTo != 6 || !h.whole() {
		t.Errorf("held %+v", h)
	}
}

func TestRepeatsAreNotNew(t *testing.T) {
	var h held
	h.add(1, 10)
	h.add(20, 30)
	for _, c := range []struct{ from, to, fresh uint64 }{{5, 5, 0}, {10, 12, 2}, {25, 25, 0}, {19, 31, 2}, {1, 40, 15}} {
		if fresh := h.add(c.from, c.to); fresh != c.fresh {
			t.Errorf("%d–%d: %d new, want %d", c.from, c.to, fresh, c.fresh)
		}
	}
}

func TestItAgreesWithASetForAnyOrderOfRanges(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 2000 {
		var h held
		set := map[uint64]bool{}
		for range 30 {
			from := 1 + random.Uint64N(40)
			to := from + random.Uint64N(4)
			want := uint64(0)
			for s := from; s <= to; s++ {
				if !set[s] {
					want++
					set[s] = true
				}
			}
			if fresh := h.add(from, to); fresh != want {
				t.Fatalf("round %d, %d–%d: %d new, want %d", round, from, to, fresh, want)
			}
			upTo := uint64(0)
			for set[upTo+1] {
				upTo++
			}
			if h.upTo != upTo || h.whole() != (uint64(len(set)) == upTo) {
				t.Fatalf("round %d: held %+v, want up to %d of %d", round, h, upTo, len(set))
			}
		}
	}
}
