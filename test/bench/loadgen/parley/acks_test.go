package parley

import (
	"testing"
	"time"
)

func TestTheFirstPositionAfterSilenceGoesOutAtOnce(t *testing.T) {
	a := acks{maxEntries: 128, maxBytes: 1 << 17}
	a.heard(1, 300)
	if tell, _ := a.due(time.Unix(100, 0)); !tell {
		t.Error("it waited")
	}
}

func TestWithinASecondOneTimerIsPlannedForTheRest(t *testing.T) {
	start := time.Unix(100, 0)
	a := acks{maxEntries: 128, maxBytes: 1 << 17}
	a.told(start)
	a.heard(1, 300)
	if tell, wait := a.due(start.Add(300 * time.Millisecond)); tell || wait != 700*time.Millisecond {
		t.Errorf("tell %v, wait %v", tell, wait)
	}
	if tell, wait := a.due(start.Add(400 * time.Millisecond)); tell || wait != 0 {
		t.Errorf("a second timer: tell %v, wait %v", tell, wait)
	}
	if tell, _ := a.due(start.Add(time.Second)); !tell {
		t.Error("not told after a second")
	}
}

func TestHalfTheWindowIsToldAtOnce(t *testing.T) {
	start := time.Unix(100, 0)
	for _, heard := range []struct{ entries, bytes int }{{128, 0}, {1, 1 << 17}} {
		a := acks{maxEntries: 128, maxBytes: 1 << 17}
		a.told(start)
		a.heard(heard.entries, heard.bytes)
		if tell, _ := a.due(start.Add(time.Millisecond)); !tell {
			t.Errorf("%+v: not told", heard)
		}
		a.told(start.Add(time.Millisecond))
		if tell, _ := a.due(start.Add(2 * time.Millisecond)); tell {
			t.Errorf("%+v: told twice", heard)
		}
	}
}
