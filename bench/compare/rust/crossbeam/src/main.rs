// Workloads of ../../../../README.md on crossbeam-channel, between OS threads.
//
// usage: crossbeam_workloads WORKLOAD CPUS [PARAMETER]
//
// What is a worker elsewhere is a CPU here: the process runs on that many. A fiber elsewhere is a
// thread here, so the workloads with very many fibers are missing.
#[path = "../../cpus.rs"]
mod cpus;
#[path = "../../measure.rs"]
mod measure;

use cpus::run_on_cpus;
use crossbeam_channel::{bounded, select, unbounded, Receiver, Sender};
use measure::{cannot_run, per_operation, sum_to, Measured, Workload};
use std::thread::{spawn, JoinHandle};
use std::time::Instant;

fn channel(capacity: usize) -> (Sender<i64>, Receiver<i64>) {
    bounded(capacity)
}

fn put_up_to(last: usize, to: Sender<i64>) -> JoinHandle<()> {
    spawn(move || {
        for item in 1..=last as i64 {
            to.send(item).unwrap();
        }
    })
}

fn add_up(from: Receiver<i64>) -> JoinHandle<i64> {
    spawn(move || from.iter().sum())
}

fn join_all<T>(threads: Vec<JoinHandle<T>>) -> Vec<T> {
    threads
        .into_iter()
        .map(|each| each.join().unwrap())
        .collect()
}

// W2: ping-pong over two rendezvous channels; an operation is a round trip.
fn ping_pong(cpus: usize, _: usize) -> Measured {
    const ROUNDS: usize = 100_000;
    run_on_cpus(cpus);
    let (ping, ping_end) = channel(0);
    let (pong, pong_end) = channel(0);
    let echo = spawn(move || {
        for item in ping_end {
            pong.send(item + 1).unwrap();
        }
    });
    let mut item = 0;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        ping.send(item).unwrap();
        item = pong_end.recv().unwrap();
    }
    let result = per_operation(start, ROUNDS, item == ROUNDS as i64);
    drop(ping);
    echo.join().unwrap();
    result
}

fn through(
    (to, from): (Sender<i64>, Receiver<i64>),
    putters: usize,
    getters: usize,
    messages: usize,
) -> Measured {
    let each = messages / putters;
    let start = Instant::now();
    let getting: Vec<_> = (0..getters).map(|_| add_up(from.clone())).collect();
    let putting: Vec<_> = (0..putters).map(|_| put_up_to(each, to.clone())).collect();
    drop(to);
    join_all(putting);
    let sum: i64 = join_all(getting).iter().sum();
    per_operation(start, putters * each, sum == putters as i64 * sum_to(each))
}

// W3, W4: n x n on one channel of capacity 128.
fn shared_channel(cpus: usize, n: usize) -> Measured {
    run_on_cpus(cpus);
    through(channel(128), n, n, 3_000_000)
}

// W5: n putters and 100 / n getters; n is 1 or 100.
fn uneven_channel(cpus: usize, n: usize) -> Measured {
    run_on_cpus(cpus);
    through(channel(128), n, 100 / n, 3_000_000)
}

// W13: n x n on one unbounded channel.
fn unbounded_channel(cpus: usize, n: usize) -> Measured {
    run_on_cpus(cpus);
    through(unbounded(), n, n, 5_000_000)
}

// W6: 100 stages between a source and a sink; an operation is a message through one channel.
fn pipeline(cpus: usize, capacity: usize) -> Measured {
    const STAGES: usize = 100;
    let messages = if capacity < 16 { 5_000 } else { 30_000 };
    run_on_cpus(cpus);
    let start = Instant::now();
    let (first, mut last) = channel(capacity);
    let mut threads = vec![put_up_to(messages, first)];
    for _ in 0..STAGES {
        let (output, next) = channel(capacity);
        let input = std::mem::replace(&mut last, next);
        threads.push(spawn(move || {
            for item in input {
                output.send(item + 1).unwrap();
            }
        }));
    }
    let sum: i64 = last.iter().sum();
    join_all(threads);
    let expected = sum_to(messages) + (STAGES * messages) as i64;
    per_operation(start, messages * (STAGES + 1), sum == expected)
}

// W10, W10b: a putter for each of n channels, one getter that selects among them.
fn select_from(cpus: usize, n: usize, capacity: usize, messages: usize) -> Measured {
    run_on_cpus(cpus);
    let each = messages / n;
    let start = Instant::now();
    let mut putting = Vec::new();
    let mut from = Vec::new();
    let mut kept = Vec::new(); // a channel without senders would be ready for ever
    for _ in 0..n {
        let (to, end) = channel(capacity);
        putting.push(put_up_to(each, to.clone()));
        kept.push(to);
        from.push(end);
    }
    let mut sum = 0;
    for _ in 0..n * each {
        sum += match n {
            2 => select! {
                recv(from[0]) -> item => item.unwrap(),
                recv(from[1]) -> item => item.unwrap(),
            },
            8 => select! {
                recv(from[0]) -> item => item.unwrap(),
                recv(from[1]) -> item => item.unwrap(),
                recv(from[2]) -> item => item.unwrap(),
                recv(from[3]) -> item => item.unwrap(),
                recv(from[4]) -> item => item.unwrap(),
                recv(from[5]) -> item => item.unwrap(),
                recv(from[6]) -> item => item.unwrap(),
                recv(from[7]) -> item => item.unwrap(),
            },
            _ => cannot_run("select over 2 or 8 channels only"),
        };
    }
    let result = per_operation(start, n * each, sum == n as i64 * sum_to(each));
    join_all(putting);
    result
}

fn selecting(cpus: usize, n: usize) -> Measured {
    select_from(cpus, n, 0, 300_000)
}

fn selecting_buffered(cpus: usize, n: usize) -> Measured {
    select_from(cpus, n, 128, 2_000_000)
}

/// A geometric number of dependent steps, 110 in the mean.
fn local_work(mut state: u64) -> u64 {
    loop {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state <= u64::MAX / 110 {
            return state;
        }
    }
}

// W14, W14b: half of n threads put, half get, each with local work after each operation.
fn work_on(cpus: usize, n: usize, capacity: usize, messages: usize) -> Measured {
    run_on_cpus(cpus);
    let pairs = n / 2;
    let each = messages / pairs;
    let (to, from) = channel(capacity);
    let start = Instant::now();
    let sides: Vec<_> = (0..pairs)
        .flat_map(|i| {
            let (to, from) = (to.clone(), from.clone());
            let put = spawn(move || {
                let mut state = 2 * i as u64 + 1;
                for item in 1..=each as i64 {
                    to.send(item).unwrap();
                    state = local_work(state);
                }
                i64::from(state == 0)
            });
            let get = spawn(move || {
                let mut state = 2 * i as u64 + 2;
                let mut sum = 0;
                for _ in 0..each {
                    sum += from.recv().unwrap();
                    state = local_work(state);
                }
                if state == 0 {
                    0
                } else {
                    sum
                }
            });
            [put, get]
        })
        .collect();
    let sum: i64 = join_all(sides).iter().sum();
    per_operation(start, pairs * each, sum == pairs as i64 * sum_to(each))
}

fn working(cpus: usize, n: usize) -> Measured {
    work_on(cpus, n, 0, 300_000)
}

fn working_buffered(cpus: usize, n: usize) -> Measured {
    work_on(cpus, n, 64, 1_000_000)
}

fn main() {
    let row = |name, normal, least, run| Workload {
        name,
        unit: "ns/op",
        normal,
        least,
        run,
    };
    measure::main(&[
        row("W2", 0, 0, ping_pong as fn(usize, usize) -> Measured),
        row("W3", 1, 1, shared_channel),
        row("W4", 8, 1, shared_channel),
        row("W5", 100, 1, uneven_channel),
        row("W6", 128, 0, pipeline),
        row("W10", 2, 2, selecting),
        row("W10b", 2, 2, selecting_buffered),
        row("W13", 1, 1, unbounded_channel),
        row("W14", 2, 2, working),
        row("W14b", 2, 2, working_buffered),
    ]);
}
