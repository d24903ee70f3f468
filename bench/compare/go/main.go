// The workloads of ../../README.md in Go, the rival with the same words: goroutines and channels.
//
// usage: go_workloads WORKLOAD WORKERS [PARAMETER]
//
// GOMAXPROCS is set to WORKERS. Prints one line of JSON; exits nonzero if a message was lost.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"
)

// measured is what one run of a workload says.
type measured struct {
	value   float64            // in the workload's unit
	more    map[string]float64 // further figures, unit in the name
	checked bool               // nothing was lost
}

// workload is one row: its unit, the parameter taken if none is given, and what it runs.
type workload struct {
	unit   string
	normal int
	least  int // the smallest parameter
	run    func(parameter int) measured
}

var workloads = map[string]workload{
	"W1":   {"ns/op", 1000, 1, spawnJoin},
	"W1a":  {"ns/op", 1000000, 1, spawnAtOnce},
	"W2":   {"ns/op", 0, 0, pingPong},
	"W3":   {"ns/op", 1, 1, sharedChannel},
	"W4":   {"ns/op", 8, 1, sharedChannel},
	"W5":   {"ns/op", 100, 1, unevenChannel},
	"W6":   {"ns/op", 128, 0, pipeline},
	"W7":   {"ns/op", 503, 1, tokenRing},
	"W8":   {"ms", 1000000, 1, skynet},
	"W9":   {"ms", 1000, 1, primeSieve},
	"W10":  {"ns/op", 2, 2, selecting},
	"W10b": {"ns/op", 2, 2, selectingBuffered},
	"W11":  {"bytes", 1000000, 1, parkedFibers},
	"W12":  {"ns/op", 2, 1, yields},
	"W14":  {"ns/op", 2, 2, working},
	"W14b": {"ns/op", 2, 2, workingBuffered},
	"W15":  {"ms", 10000, 1, idle},

	"by-work": {"ratio", 1000, 1, byWork},
}

// perOperation divides the time since start by the number of operations.
func perOperation(start time.Time, operations int, checked bool) measured {
	elapsed := time.Since(start)
	return measured{value: float64(elapsed.Nanoseconds()) / float64(operations), checked: checked}
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "go_workloads: "+format+"\n", arguments...)
	os.Exit(2)
}

func number(text string, least int) int {
	value, err := strconv.Atoi(text)
	if err != nil || value < least {
		fail("not a number from %d on: %s", least, text)
	}
	return value
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--list" {
		var names []string
		for name := range workloads {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Println(strings.Join(names, "\n"))
		return
	}
	if len(os.Args) < 3 || len(os.Args) > 4 {
		fail("usage: go_workloads WORKLOAD WORKERS [PARAMETER]")
	}
	chosen, known := workloads[os.Args[1]]
	if !known {
		fmt.Fprintln(os.Stderr, "go_workloads: no such workload here:", os.Args[1])
		os.Exit(3)
	}
	workers := number(os.Args[2], 1)
	parameter := chosen.normal
	if len(os.Args) == 4 {
		parameter = number(os.Args[3], chosen.least)
	}
	runtime.GOMAXPROCS(workers)
	result := chosen.run(parameter)
	more := result.more
	if more == nil {
		more = map[string]float64{}
	}
	line, _ := json.Marshal(map[string]any{
		"workload": os.Args[1], "workers": workers, "parameter": parameter,
		"unit": chosen.unit, "value": result.value, "more": more,
		"checked": result.checked,
	})
	fmt.Println(string(line))
	if !result.checked {
		os.Exit(1)
	}
}
