package parley

import "slices"

// held is what a device has of one thread's log: everything up to `upTo`, and some that came ahead of a hole.
type held struct {
	upTo  uint64
	ahead []span // sorted, apart from each other and from upTo
}

type span struct{ from, to uint64 }

// add takes in a range, both ends included, and gives how many of it were new.
func (h *held) add(from, to uint64) (fresh uint64) {
	if from <= h.upTo {
		from = h.upTo + 1
	}
	if from > to {
		return 0
	}
	fresh = to - from + 1
	if len(h.ahead) == 0 {
		if from == h.upTo+1 {
			h.upTo = to
		} else {
			h.ahead = append(h.ahead, span{from, to})
		}
		return fresh
	}
	// All that touch the range become one with it.
	first, _ := slices.BinarySearchFunc(h.ahead, from, func(s span, from uint64) int {
		if s.to+1 < from {
			return -1
		}
		return 1
	})
	end := first
	for ; end < len(h.ahead) && h.ahead[end].from <= to+1; end++ {
		s := h.ahead[end]
		if overlapFrom, overlapTo := max(s.from, from), min(s.to, to); overlapFrom <= overlapTo {
			fresh -= overlapTo - overlapFrom + 1
		}
		from, to = min(from, s.from), max(to, s.to)
	}
	h.ahead = slices.Replace(h.ahead, first, end, span{from, to})
	if h.ahead[0].from == h.upTo+1 {
		h.upTo = h.ahead[0].to
		h.ahead = slices.Delete(h.ahead, 0, 1)
	}
	return fresh
}

// whole says that nothing came ahead of a hole.
func (h *held) whole() bool { return len(h.ahead) == 0 }
