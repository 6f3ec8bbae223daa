package parley

import (
	"fmt"

	"parley.chat/bench/load"
)

// account holds a listener's numbers of one channel against its contract: from the number after the one told at the subscription,
// each is accounted for once, in order, by a batch or by Skipped.
type account struct {
	epoch uint64
	load.Account
	// The range that comments are being read of, and the last of them.
	from, to, last uint64
}

func (a *account) begin(epoch, published uint64) {
	*a = account{epoch: epoch, Account: load.Account{After: published, UpTo: published}}
}

// batch takes in the range of a batch, before its comments. A range of 0 says nothing new of the numbers.
func (a *account) batch(epoch, from, to uint64) error {
	if epoch != a.epoch {
		return fmt.Errorf("numbering began anew: a batch of epoch %d after epoch %d", epoch, a.epoch)
	}
	a.from, a.to, a.last = from, to, 0
	if from == 0 {
		return nil
	}
	if err := a.follow("a batch", from, to); err != nil {
		return err
	}
	a.LeftOut += to - from + 1
	return nil
}

// comment takes in one comment of the batch and says whether it was new: news of earlier ones may come beside any range.
func (a *account) comment(number uint64) (fresh bool, err error) {
	if number <= a.last {
		return false, fmt.Errorf("comment %d came after comment %d in one batch", number, a.last)
	}
	a.last = number
	if a.from == 0 && number <= a.UpTo {
		return false, nil
	}
	if number < a.from || number > a.to {
		return false, fmt.Errorf("comment %d lies outside of its batch, which accounts for %d–%d", number, a.from, a.to)
	}
	a.LeftOut--
	a.Received++
	return true, nil
}

func (a *account) skipped(from, to uint64) error {
	if err := a.follow("Skipped", from, to); err != nil {
		return err
	}
	a.Skipped += to - from + 1
	return nil
}

func (a *account) follow(what string, from, to uint64) error {
	switch {
	case to < from:
		return fmt.Errorf("%s accounts for %d–%d", what, from, to)
	case from > a.UpTo+1:
		return fmt.Errorf("numbers %d–%d are not accounted for: %s of %d–%d came after %d", a.UpTo+1, from-1, what, from, to, a.UpTo)
	case from <= a.UpTo:
		return fmt.Errorf("numbers %d–%d are accounted for twice: %s of %d–%d came after %d", from, min(to, a.UpTo), what, from, to, a.UpTo)
	}
	a.UpTo = to
	return nil
}
