package parley

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestEveryNumberIsReceivedLeftOutOrSkipped(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for round := range 500 {
		var a account
		after := random.Uint64N(100)
		a.begin(3, after)
		for range 40 {
			from := a.UpTo + 1
			to := from + random.Uint64N(5)
			if random.IntN(4) == 0 {
				if err := a.skipped(from, to); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if err := a.batch(3, from, to); err != nil {
				t.Fatal(err)
			}
			for number := from; number <= to; number++ {
				if random.IntN(3) == 0 {
					continue
				}
				if fresh, err := a.comment(number); err != nil || !fresh {
					t.Fatal(number, fresh, err)
				}
			}
		}
		if a.Received+a.LeftOut+a.Skipped != a.UpTo-after || a.Received == 0 || a.LeftOut == 0 || a.Skipped == 0 {
			t.Fatalf("round %d: %+v", round, a)
		}
	}
}

func TestABreachIsNamedWithItsNumbers(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(a *account) error
		want string
	}{
		{"a hole", func(a *account) error { return a.batch(3, 13, 15) }, "numbers 11–12 are not accounted for: a batch of 13–15 came after 10"},
		{"a hole before what was skipped", func(a *account) error { return a.skipped(12, 15) }, "numbers 11–11 are not accounted for"},
		{"a double", func(a *account) error { return a.batch(3, 9, 12) }, "numbers 9–10 are accounted for twice: a batch of 9–12 came after 10"},
		{"skipped after it was told", func(a *account) error { return a.skipped(10, 11) }, "numbers 10–10 are accounted for twice"},
		{"another epoch", func(a *account) error { return a.batch(4, 11, 11) }, "a batch of epoch 4 after epoch 3"},
		{"a range upside down", func(a *account) error { return a.batch(3, 12, 11) }, "a batch accounts for 12–11"},
		{"a comment outside", func(a *account) error {
			_ = a.batch(3, 11, 12)
			_, err := a.comment(13)
			return err
		}, "comment 13 lies outside of its batch, which accounts for 11–12"},
		{"a comment twice", func(a *account) error {
			_ = a.batch(3, 11, 12)
			_, _ = a.comment(11)
			_, err := a.comment(11)
			return err
		}, "comment 11 came after comment 11"},
	} {
		var a account
		a.begin(3, 10)
		if err := c.do(&a); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func TestNewsOfWhatWasToldBeforeIsNotCountedAgain(t *testing.T) {
	var a account
	a.begin(3, 10)
	if err := a.batch(3, 0, 0); err != nil {
		t.Fatal(err)
	}
	if fresh, err := a.comment(7); err != nil || fresh || a.Received != 0 || a.UpTo != 10 {
		t.Errorf("%v %v %+v", fresh, err, a)
	}
}
