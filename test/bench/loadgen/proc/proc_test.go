package proc

import (
	"os"
	"testing"
)

func TestCPUSecondsGrowWhileThisProcessWorks(t *testing.T) {
	self := []Process{{"self", os.Getpid()}}
	before, err := CPUOf(self)
	if err != nil {
		t.Fatal(err)
	}
	for work := 1; ; work++ {
		after, err := CPUOf(self)
		if err != nil {
			t.Fatal(err)
		}
		if after["self"].Seconds() >= before["self"].Seconds()+0.05 {
			return
		}
		if work > 10_000_000 {
			t.Fatal("no CPU time was counted")
		}
	}
}

func TestMemoryOfTwoProcessesUnderOneNameIsAddedUp(t *testing.T) {
	once, err := MemoryOf([]Process{{"self", os.Getpid()}})
	if err != nil {
		t.Fatal(err)
	}
	twice, err := MemoryOf([]Process{{"self", os.Getpid()}, {"self", os.Getpid()}})
	if err != nil {
		t.Fatal(err)
	}
	if once["self"].RssKiB < 1000 || twice["self"].RssKiB < 1.5*once["self"].RssKiB {
		t.Errorf("once %v, twice %v", once, twice)
	}
}

func TestAListOfProcessesIsReadOrRefused(t *testing.T) {
	got, err := Parse("node=12,envoy=13")
	if err != nil || len(got) != 2 || got[0] != (Process{"node", 12}) || got[1] != (Process{"envoy", 13}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"node", "node=", "node=x"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
