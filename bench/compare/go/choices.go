// Workloads of uneven sides, of select, and of messages between pieces of local work.
package main

import (
	"math"
	"sync"
	"time"
)

// W5: n putters and 100 / n getters on one channel of capacity 128.
func unevenChannel(n int) measured {
	const messages = 10000000
	each := messages / n
	ch := make(chan int64, 128)
	var putters, getters sync.WaitGroup
	sums := make([]int64, 100/n)
	putters.Add(n)
	getters.Add(len(sums))
	start := time.Now()
	for i := range sums {
		i := i
		go func() {
			var sum int64
			for item := range ch {
				sum += item
			}
			sums[i] = sum
			getters.Done()
		}()
	}
	for i := 0; i < n; i++ {
		go func() {
			putUpTo(each, ch)
			putters.Done()
		}()
	}
	putters.Wait()
	close(ch)
	getters.Wait()
	var sum int64
	for _, part := range sums {
		sum += part
	}
	return perOperation(start, n*each, sum == int64(n)*sumTo(each))
}

func putUpTo(last int, ch chan int64) {
	for j := 1; j <= last; j++ {
		ch <- int64(j)
	}
}

func sumTo(n int) int64 { return int64(n) * int64(n+1) / 2 }

// W10: a putter for each of 2 or 8 channels, one getter that selects among them.
func selecting(n int) measured         { return selectFrom(n, 0) }
func selectingBuffered(n int) measured { return selectFrom(n, 128) }

func selectFrom(n, capacity int) measured {
	const messages = 2000000
	each := messages / n
	in := make([]chan int64, 8) // those without a putter stay nil in the smaller select
	start := time.Now()
	for i := 0; i < n; i++ {
		ch := make(chan int64, capacity)
		in[i] = ch
		go putUpTo(each, ch)
	}
	var sum int64
	if n == 2 {
		a, b := in[0], in[1]
		for i := 0; i < n*each; i++ {
			select {
			case item := <-a:
				sum += item
			case item := <-b:
				sum += item
			}
		}
	} else {
		for i := 0; i < n*each; i++ {
			select {
			case item := <-in[0]:
				sum += item
			case item := <-in[1]:
				sum += item
			case item := <-in[2]:
				sum += item
			case item := <-in[3]:
				sum += item
			case item := <-in[4]:
				sum += item
			case item := <-in[5]:
				sum += item
			case item := <-in[6]:
				sum += item
			case item := <-in[7]:
				sum += item
			}
		}
	}
	return perOperation(start, n*each, sum == int64(n)*sumTo(each))
}

// localWork makes a geometric number of dependent steps, 110 in the mean.
func localWork(state uint64) uint64 {
	for {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		if state <= math.MaxUint64/110 {
			return state
		}
	}
}

// W14: n goroutines, half of them put and half of them get, with local work after each operation.
func working(n int) measured         { return workOn(n, 0) }
func workingBuffered(n int) measured { return workOn(n, 64) }

func workOn(n, capacity int) measured {
	const messages = 2000000
	pairs := n / 2
	each := messages / pairs
	ch := make(chan int64, capacity)
	sums := make([]int64, pairs)
	var all sync.WaitGroup
	all.Add(2 * pairs)
	start := time.Now()
	for i := 0; i < pairs; i++ {
		i := i
		go func() {
			state := uint64(2*i + 1)
			for j := 1; j <= each; j++ {
				ch <- int64(j)
				state = localWork(state)
			}
			all.Done()
		}()
		go func() {
			state := uint64(2*i + 2)
			var sum int64
			for j := 0; j < each; j++ {
				sum += <-ch
				state = localWork(state)
			}
			sums[i] = sum
			all.Done()
		}()
	}
	all.Wait()
	var sum int64
	for _, part := range sums {
		sum += part
	}
	return perOperation(start, pairs*each, sum == int64(pairs)*sumTo(each))
}
