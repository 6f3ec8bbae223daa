// Package proc reads what processes used, from /proc.
package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// The kernel counts CPU time in ticks of 1/100 s on every Linux that Parley runs on.
const ticksPerSecond = 100

// Process is a server process under a name; several may share one and are added up.
type Process struct {
	Name string
	Pid  int
}

// Parse reads `name=pid,name=pid`.
func Parse(list string) ([]Process, error) {
	var processes []Process
	for _, part := range strings.Split(list, ",") {
		if part == "" {
			continue
		}
		name, number, ok := strings.Cut(part, "=")
		pid, err := strconv.Atoi(number)
		if !ok || err != nil {
			return nil, fmt.Errorf("%q is not name=pid", part)
		}
		processes = append(processes, Process{name, pid})
	}
	return processes, nil
}

// CPU is seconds of processor time, in the process and in the kernel on its behalf.
type CPU struct{ User, System float64 }

// Seconds is all of it.
func (c CPU) Seconds() float64 { return c.User + c.System }

// CPUOf gives the time per name, all threads, since each process started.
func CPUOf(processes []Process) (map[string]CPU, error) {
	used := map[string]CPU{}
	for _, p := range processes {
		one, err := cpuOf(p.Pid)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		used[p.Name] = CPU{User: used[p.Name].User + one.User, System: used[p.Name].System + one.System}
	}
	return used, nil
}

func cpuOf(pid int) (CPU, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return CPU{}, err
	}
	// The command's name may hold spaces and brackets: fields are counted from the last bracket, which ends field 2.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return CPU{}, fmt.Errorf("/proc/%d/stat has %d fields after the name", pid, len(fields))
	}
	user, err := strconv.ParseUint(fields[11], 10, 64)
	if err != nil {
		return CPU{}, err
	}
	system, err := strconv.ParseUint(fields[12], 10, 64)
	if err != nil {
		return CPU{}, err
	}
	return CPU{User: float64(user) / ticksPerSecond, System: float64(system) / ticksPerSecond}, nil
}

// Memory is resident memory in KiB: all of it, and with shared pages divided among those who share them.
type Memory struct {
	RssKiB float64
	PssKiB float64
}

// MemoryOf gives the memory per name.
func MemoryOf(processes []Process) (map[string]Memory, error) {
	used := map[string]Memory{}
	for _, p := range processes {
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.Pid))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		sum := used[p.Name]
		for _, line := range strings.Split(string(rollup), "\n") {
			fields := strings.Fields(line)
			if len(fields) < 2 || (fields[0] != "Rss:" && fields[0] != "Pss:") {
				continue
			}
			kib, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				return nil, err
			}
			if fields[0] == "Rss:" {
				sum.RssKiB += kib
			} else {
				sum.PssKiB += kib
			}
		}
		used[p.Name] = sum
	}
	return used, nil
}
