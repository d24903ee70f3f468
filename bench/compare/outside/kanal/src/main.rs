// Workloads of ../../../../README.md on kanal, between OS threads.
//
// usage: kanal_workloads WORKLOAD CPUS [PARAMETER]
//
// What is a worker elsewhere is a CPU here: the process runs on that many.
#[path = "../../../rust/cpus.rs"]
mod cpus;
#[allow(dead_code)] // It can run all of its workloads with any parameter.
#[path = "../../../rust/measure.rs"]
mod measure;

use cpus::run_on_cpus;
use kanal::{bounded, unbounded, Receiver, Sender};
use measure::{per_operation, sum_to, Measured, Workload};
use std::thread::{sleep, spawn, JoinHandle};
use std::time::{Duration, Instant};

fn put_up_to(last: usize, to: Sender<i64>) -> JoinHandle<()> {
    spawn(move || {
        for item in 1..=last as i64 {
            to.send(item).unwrap();
        }
    })
}

fn add_up(from: Receiver<i64>) -> JoinHandle<i64> {
    spawn(move || {
        let mut sum = 0;
        while let Ok(item) = from.recv() {
            sum += item;
        }
        sum
    })
}

// W13: n x n on one unbounded channel. Its getters end when the last sender is dropped.
fn unbounded_channel(cpus: usize, n: usize) -> Measured {
    run_on_cpus(cpus);
    let each = 5_000_000 / n;
    let (to, from) = unbounded();
    let start = Instant::now();
    let getting: Vec<_> = (0..n).map(|_| add_up(from.clone())).collect();
    let putting: Vec<_> = (0..n).map(|_| put_up_to(each, to.clone())).collect();
    drop(to);
    for putter in putting {
        putter.join().unwrap();
    }
    let sum: i64 = getting.into_iter().map(|each| each.join().unwrap()).sum();
    per_operation(start, n * each, sum == n as i64 * sum_to(each))
}

/// The value below which `share` of the sorted samples lie.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = (share * sorted.len() as f64) as usize;
    sorted[at.min(sorted.len() - 1)]
}

/// Microseconds from just before a send by this thread to the first statement of the thread that it
/// wakes. It rests before each, so that the other sleeps in the kernel.
fn wake_latencies(samples: usize) -> Vec<f64> {
    const REST: Duration = Duration::from_millis(1);
    let (wake, wakes) = bounded::<Instant>(0);
    let woken = spawn(move || {
        let mut latencies = Vec::with_capacity(samples);
        while let Ok(sent) = wakes.recv() {
            latencies.push(sent.elapsed().as_nanos() as f64 / 1e3);
        }
        latencies
    });
    for _ in 0..samples {
        sleep(REST);
        wake.send(Instant::now()).unwrap();
    }
    drop(wake);
    woken.join().unwrap()
}

// W15: only the wake of a parked thread. How much parked strands cost says nothing of channels here:
// threads are the kernel's.
fn wakes(cpus: usize, _: usize) -> Measured {
    const WAKES: usize = 1000;
    run_on_cpus(cpus);
    let mut wakes = wake_latencies(WAKES);
    wakes.sort_by(|a, b| a.partial_cmp(b).unwrap());
    Measured {
        value: 0.0,
        checked: wakes.len() == WAKES,
        more: vec![
            ("wake_p50_us", percentile(&wakes, 0.50)),
            ("wake_p90_us", percentile(&wakes, 0.90)),
            ("wake_p99_us", percentile(&wakes, 0.99)),
            ("wake_p99_9_us", percentile(&wakes, 0.999)),
        ],
    }
}

fn main() {
    let row = |name, unit, normal, run| Workload {
        name,
        unit,
        normal,
        least: 1,
        run,
    };
    measure::main(&[
        row(
            "W13",
            "ns/op",
            1,
            unbounded_channel as fn(usize, usize) -> Measured,
        ),
        row("W15", "ms", 10_000, wakes),
    ]);
}
