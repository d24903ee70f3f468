// Workloads with many goroutines: skynet, prime sieve, parked goroutines, idling.
package main

import (
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// W8: a tree of goroutines with ten children each; the leaves' numbers are summed up.
func skynet(leaves int) measured {
	start := time.Now()
	result := make(chan int64)
	go node(result, 0, int64(leaves))
	sum := <-result
	elapsed := time.Since(start)
	checked := sum == int64(leaves)*int64(leaves-1)/2
	return measured{value: elapsed.Seconds() * 1e3, checked: checked}
}

func node(result chan int64, first, size int64) {
	if size == 1 {
		result <- first
		return
	}
	children := make(chan int64)
	for i := int64(0); i < 10; i++ {
		go node(children, first+i*(size/10), size/10)
	}
	var sum int64
	for i := 0; i < 10; i++ {
		sum += <-children
	}
	result <- sum
}

// W9: the first n primes through a chain of filters. The filters of earlier rounds stay parked.
func primeSieve(n int) measured {
	const rounds = 5
	start := time.Now()
	prime := 0
	for round := 0; round < rounds; round++ {
		numbers := make(chan int)
		go func(output chan<- int) {
			for i := 2; ; i++ {
				output <- i
			}
		}(numbers)
		for i := 0; i < n; i++ {
			prime = <-numbers
			output := make(chan int)
			go filter(numbers, output, prime)
			numbers = output
		}
	}
	elapsed := time.Since(start)
	return measured{
		value:   elapsed.Seconds() * 1e3 / rounds,
		checked: isNthPrime(n, prime),
	}
}

// isNthPrime checks by trial division.
func isNthPrime(n, candidate int) bool {
	var primes []int
	for i := 2; len(primes) < n; i++ {
		isPrime := true
		for _, prime := range primes {
			if i%prime == 0 {
				isPrime = false
				break
			}
		}
		if isPrime {
			primes = append(primes, i)
		}
	}
	return primes[n-1] == candidate
}

func filter(input <-chan int, output chan<- int, prime int) {
	for {
		if number := <-input; number%prime != 0 {
			output <- number
		}
	}
}

// W11: n goroutines, each parked on a channel of its own.
func parkedFibers(n int) measured {
	channels := make([]chan int64, n)
	for i := range channels {
		channels[i] = make(chan int64)
	}
	var waiting, sum, woken atomic.Int64
	done := make(chan struct{})
	runtime.GC()
	before := residentBytes()

	start := time.Now()
	for i := range channels {
		ch := channels[i]
		go func() {
			waiting.Add(1)
			item := <-ch
			sum.Add(item)
			if woken.Add(1) == int64(n) {
				close(done)
			}
		}()
	}
	for waiting.Load() != int64(n) {
		runtime.Gosched()
	}
	created := time.Since(start)
	grown := residentBytes() - before

	start = time.Now()
	for i := range channels {
		channels[i] <- int64(i)
	}
	<-done
	wakes := time.Since(start)
	return measured{
		value: float64(grown) / float64(n),
		more: map[string]float64{
			"create_ns": float64(created.Nanoseconds()) / float64(n),
			"wake_ns":   float64(wakes.Nanoseconds()) / float64(n),
		},
		checked: sum.Load() == int64(n)*int64(n-1)/2,
	}
}

// residentBytes is resident memory and page tables, from /proc/self/status.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fail("%v", err)
	}
	var kilobytes int64
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "VmRSS:") || strings.HasPrefix(line, "VmPTE:") {
			value, _ := strconv.ParseInt(strings.Fields(line)[1], 10, 64)
			kilobytes += value
		}
	}
	return kilobytes * 1024
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail("%v", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// W15: processor time in 2 s with n parked goroutines, then the time from a send by an OS thread
// of its own to the first statement of the goroutine that it wakes.
func idle(n int) measured {
	never := make(chan struct{})
	var waiting atomic.Int64
	for i := 0; i < n; i++ {
		go func() {
			waiting.Add(1)
			<-never
		}()
	}
	for waiting.Load() != int64(n) {
		runtime.Gosched()
	}
	runtime.GC()
	time.Sleep(100 * time.Millisecond)
	before := processorTime()
	time.Sleep(2 * time.Second)
	used := processorTime() - before

	const samples = 1000
	latencies := wakeLatencies(samples)
	return measured{
		value: used.Seconds() * 1e3,
		more: map[string]float64{
			"wake_p50_us":   latencies[samples/2],
			"wake_p90_us":   latencies[samples*90/100],
			"wake_p99_us":   latencies[samples*99/100],
			"wake_p99_9_us": latencies[samples*999/1000],
		},
		checked: len(latencies) == samples,
	}
}

func wakeLatencies(samples int) []float64 {
	wakes, answers := make(chan time.Time), make(chan time.Duration, samples)
	go func() {
		for sent := range wakes {
			answers <- time.Since(sent)
		}
		close(answers)
	}()
	finished := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		pause := syscall.Timespec{Nsec: 1000000}
		for i := 0; i < samples; i++ {
			syscall.Nanosleep(&pause, nil)
			wakes <- time.Now()
		}
		close(wakes)
		close(finished)
	}()
	<-finished
	var latencies []float64
	for latency := range answers {
		latencies = append(latencies, float64(latency.Nanoseconds())/1e3)
	}
	sort.Float64s(latencies)
	return latencies
}
