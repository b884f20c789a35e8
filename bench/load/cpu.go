package load

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc: Linux shows 100 a second whatever the kernel counts in.
const tick = 10 * time.Millisecond

// The fields of proc(5)'s stat behind the program's name, which is in parentheses and may contain anything.
const (
	utime = 11
	stime = 12
)

var errStat = errors.New("not the stat of a process")

// CPUTime returns the time that all threads of a process, ended ones too, have spent on a CPU.
func CPUTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	spent, err := parseStat(string(stat))
	if err != nil {
		return 0, fmt.Errorf("read CPU time of process %d: %w", pid, err)
	}
	return spent, nil
}

func parseStat(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= stime {
		return 0, errStat
	}
	var ticks int64
	for _, field := range []string{fields[utime], fields[stime]} {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, errStat
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// cpuTimes reads the CPU time of each process.
func cpuTimes(processes map[string]int) (map[string]time.Duration, error) {
	times := make(map[string]time.Duration, len(processes))
	for name, pid := range processes {
		spent, err := CPUTime(pid)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		times[name] = spent
	}
	return times, nil
}
