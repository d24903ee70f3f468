package main

import (
	"math"
	"sync"
	"time"
)

// stepsOfWork makes so many dependent steps.
func stepsOfWork(state uint64, steps int) uint64 {
	for i := 0; i < steps; i++ {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
	}
	return state
}

// stepsIn says how many steps take that long at best.
func stepsIn(piece time.Duration) int {
	const tried = 50000
	best := math.Inf(1)
	state := uint64(1)
	for i := 0; i < 20; i++ {
		start := time.Now()
		state = stepsOfWork(state, tried)
		best = math.Min(best, time.Since(start).Seconds())
	}
	if state == 0 {
		return 0
	}
	return int(piece.Seconds() / best * tried)
}

// twoStages computes for each item on both sides of a channel; true if all items came through.
func twoStages(capacity, items, steps int) bool {
	ch := make(chan int64, capacity)
	go func() {
		for i := 1; i <= items; i++ {
			if stepsOfWork(uint64(i), steps) != 0 {
				ch <- int64(i)
			}
		}
		close(ch)
	}()
	var sum int64
	for item := range ch {
		if stepsOfWork(uint64(item), steps) != 0 {
			sum += item
		}
	}
	return sum == sumTo(items)
}

// bareStages does the same work without a channel.
func bareStages(items, steps int) {
	var all sync.WaitGroup
	all.Add(2)
	for stage := 0; stage < 2; stage++ {
		go func() {
			for i := 1; i <= items; i++ {
				if stepsOfWork(uint64(i), steps) == 0 {
					return
				}
			}
			all.Done()
		}()
	}
	all.Wait()
}

// by-work: two stages that compute for n ns for each item, by the same without a channel.
func byWork(n int) measured {
	items := 100000000 / n
	steps := stepsIn(time.Duration(n))
	capacities := []int{0, 1, 64}
	checked := steps > 0
	var bare float64
	ours := make([]float64, len(capacities))
	for round := 0; round < 3; round++ {
		start := time.Now()
		bareStages(items, steps)
		bare += time.Since(start).Seconds()
		for i, capacity := range capacities {
			start = time.Now()
			checked = twoStages(capacity, items, steps) && checked
			ours[i] += time.Since(start).Seconds()
		}
	}
	return measured{
		value:   ours[0] / bare,
		more:    map[string]float64{"capacity_1": ours[1] / bare, "capacity_64": ours[2] / bare},
		checked: checked,
	}
}
