// Workloads that count messages, spawns and switches.
package main

import (
	"runtime"
	"sync"
	"time"
)

// W1: spawn and join empty goroutines in batches.
func spawnJoin(batch int) measured {
	return spawnBatches(batch, (3000000+batch-1)/batch)
}

// W1a: the same, all at once.
func spawnAtOnce(goroutines int) measured {
	return spawnBatches(goroutines, 1)
}

func spawnBatches(batch, batches int) measured {
	start := time.Now()
	for i := 0; i < batches; i++ {
		var group sync.WaitGroup
		group.Add(batch)
		for j := 0; j < batch; j++ {
			go group.Done()
		}
		group.Wait()
	}
	return perOperation(start, batch*batches, true)
}

// W2: ping-pong over two rendezvous channels; an operation is a round trip.
func pingPong(int) measured {
	const rounds = 2000000
	ping, pong := make(chan int64), make(chan int64)
	go func() {
		for item := range ping {
			pong <- item + 1
		}
		close(pong)
	}()
	start := time.Now()
	var item int64
	for i := 0; i < rounds; i++ {
		ping <- item
		item = <-pong
	}
	result := perOperation(start, rounds, item == rounds)
	close(ping)
	<-pong
	return result
}

// W3, W4: n putters and n getters on one channel of capacity 128.
func sharedChannel(n int) measured {
	const messages = 15000000
	each := messages / n
	ch := make(chan int64, 128)
	var putters, getters sync.WaitGroup
	sums := make([]int64, n)
	putters.Add(n)
	getters.Add(n)
	start := time.Now()
	for i := 0; i < n; i++ {
		i := i
		go func() {
			var sum int64
			for item := range ch {
				sum += item
			}
			sums[i] = sum
			getters.Done()
		}()
		go func() {
			for j := 1; j <= each; j++ {
				ch <- int64(j)
			}
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
	return perOperation(start, n*each, sum == int64(n)*int64(each)*int64(each+1)/2)
}

// W6: 100 stages between a source and a sink; an operation is a message through one channel.
func pipeline(capacity int) measured {
	const stages, messages = 100, 80000
	first := make(chan int64, capacity)
	start := time.Now()
	last := first
	for i := 0; i < stages; i++ {
		input, output := last, make(chan int64, capacity)
		go func() {
			for item := range input {
				output <- item + 1
			}
			close(output)
		}()
		last = output
	}
	go func() {
		for i := 0; i < messages; i++ {
			first <- int64(i)
		}
		close(first)
	}()
	var sum int64
	for item := range last {
		sum += item
	}
	expected := int64(messages)*(messages-1)/2 + stages*messages
	return perOperation(start, messages*(stages+1), sum == expected)
}

// W7: one token around a ring of n goroutines with rendezvous channels.
func tokenRing(n int) measured {
	laps := 3000000 / n
	first := make(chan int64)
	input := first
	for i := 1; i < n; i++ {
		from, to := input, make(chan int64)
		go func() {
			for token := range from {
				to <- token + 1
			}
			close(to)
		}()
		input = to
	}
	start := time.Now()
	var token int64
	for i := 0; i < laps; i++ {
		first <- token + 1
		token = <-input
	}
	result := perOperation(start, laps*n, token == int64(laps)*int64(n))
	close(first)
	<-input
	return result
}

// W12: n goroutines that only yield; an operation is one switch.
func yields(n int) measured {
	each := 20000000 / n
	var group sync.WaitGroup
	group.Add(n)
	start := time.Now()
	for i := 0; i < n; i++ {
		go func() {
			for j := 0; j < each; j++ {
				runtime.Gosched()
			}
			group.Done()
		}()
	}
	group.Wait()
	return perOperation(start, n*each, true)
}
