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

// CPUSeconds gives user plus system time per name, all threads, since each process started.
func CPUSeconds(processes []Process) (map[string]float64, error) {
	used := map[string]float64{}
	for _, p := range processes {
		seconds, err := cpuOf(p.Pid)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		used[p.Name] += seconds
	}
	return used, nil
}

func cpuOf(pid int) (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The command's name may hold spaces and brackets: fields are counted from the last bracket, which ends field 2.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields after the name", pid, len(fields))
	}
	user, err := strconv.ParseUint(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseUint(fields[12], 10, 64)
	if err != nil {
		return 0, err
	}
	return float64(user+system) / ticksPerSecond, nil
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
