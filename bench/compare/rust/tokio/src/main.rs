// Workloads of ../../../../README.md on tokio: its tasks, and its mpsc channels.
//
// usage: tokio_workloads WORKLOAD WORKERS [PARAMETER]
//
// One worker: the current-thread scheduler, tokio's fastest; more: the multi-thread one. There is
// no rendezvous channel and a channel has one receiver, so the workloads that need either are
// missing, and of the others the cases with several getters.
#[path = "../../measure.rs"]
mod measure;

use measure::{cannot_run, per_operation, sum_to, Measured, Workload};
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::{spawn, yield_now, JoinHandle};

fn runtime(workers: usize) -> Runtime {
    if workers == 1 {
        Builder::new_current_thread().build().unwrap()
    } else {
        Builder::new_multi_thread()
            .worker_threads(workers)
            .build()
            .unwrap()
    }
}

/// Runs the body as a task, so that it runs on the workers too.
fn on_workers<F>(workers: usize, body: F) -> Measured
where
    F: Future<Output = Measured> + Send + 'static,
{
    runtime(workers).block_on(async { spawn(body).await.unwrap() })
}

async fn join_all<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    let mut values = Vec::with_capacity(tasks.len());
    for each in tasks {
        values.push(each.await.unwrap());
    }
    values
}

async fn spawn_batches(batch: usize, batches: usize) -> Measured {
    let start = Instant::now();
    for _ in 0..batches {
        join_all((0..batch).map(|_| spawn(async {})).collect()).await;
    }
    per_operation(start, batch * batches, true)
}

// W1: spawn and join empty tasks in batches; W1a: all at once.
fn spawn_join(workers: usize, batch: usize) -> Measured {
    on_workers(
        workers,
        spawn_batches(batch, (2_000_000 + batch - 1) / batch),
    )
}

fn spawn_at_once(workers: usize, tasks: usize) -> Measured {
    on_workers(workers, spawn_batches(tasks, 1))
}

fn put_up_to(last: usize, to: mpsc::Sender<i64>) -> JoinHandle<()> {
    spawn(async move {
        for item in 1..=last as i64 {
            to.send(item).await.unwrap();
        }
    })
}

async fn through(putters: usize, messages: usize) -> Measured {
    let each = messages / putters;
    let (to, mut from) = mpsc::channel(128);
    let start = Instant::now();
    let putting: Vec<_> = (0..putters).map(|_| put_up_to(each, to.clone())).collect();
    drop(to);
    let mut sum = 0;
    while let Some(item) = from.recv().await {
        sum += item;
    }
    join_all(putting).await;
    per_operation(start, putters * each, sum == putters as i64 * sum_to(each))
}

// W3: one putter, one getter, capacity 128.
fn one_to_one(workers: usize, n: usize) -> Measured {
    if n != 1 {
        cannot_run("tokio: a channel has one receiver");
    }
    on_workers(workers, through(1, 5_000_000))
}

// W5: 100 putters, one getter.
fn many_to_one(workers: usize, putters: usize) -> Measured {
    if putters != 100 {
        cannot_run("tokio: a channel has one receiver");
    }
    on_workers(workers, through(putters, 5_000_000))
}

// W6: 100 stages between a source and a sink; an operation is a message through one channel.
fn pipeline(workers: usize, capacity: usize) -> Measured {
    const STAGES: usize = 100;
    const MESSAGES: usize = 40_000;
    if capacity == 0 {
        cannot_run("tokio: no rendezvous channel");
    }
    on_workers(workers, async move {
        let start = Instant::now();
        let (first, mut last) = mpsc::channel(capacity);
        let mut tasks = vec![put_up_to(MESSAGES, first)];
        for _ in 0..STAGES {
            let (output, next) = mpsc::channel(capacity);
            let mut input = std::mem::replace(&mut last, next);
            tasks.push(spawn(async move {
                while let Some(item) = input.recv().await {
                    output.send(item + 1).await.unwrap();
                }
            }));
        }
        let mut sum = 0;
        while let Some(item) = last.recv().await {
            sum += item;
        }
        join_all(tasks).await;
        let expected = sum_to(MESSAGES) + (STAGES * MESSAGES) as i64;
        per_operation(start, MESSAGES * (STAGES + 1), sum == expected)
    })
}

/// A node of the tree: its ten children send their sums into a channel that it makes for them.
fn node(
    result: mpsc::Sender<i64>,
    first: i64,
    size: i64,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if size == 1 {
            result.send(first).await.unwrap();
            return;
        }
        let (to, mut from) = mpsc::channel(10);
        for i in 0..10 {
            spawn(node(to.clone(), first + i * (size / 10), size / 10));
        }
        let mut sum = 0;
        for _ in 0..10 {
            sum += from.recv().await.unwrap();
        }
        result.send(sum).await.unwrap();
    })
}

// W8: a tree of tasks with ten children each, sums through channels; in milliseconds.
fn tree(workers: usize, leaves: usize) -> Measured {
    on_workers(workers, async move {
        let start = Instant::now();
        let (to, mut from) = mpsc::channel(1);
        let root = spawn(node(to, 0, leaves as i64));
        let sum = from.recv().await.unwrap();
        let value = start.elapsed().as_secs_f64() * 1e3;
        root.await.unwrap();
        Measured {
            value,
            checked: sum == sum_to(leaves - 1),
            more: Vec::new(),
        }
    })
}

// W10b: a putter for each of n channels of capacity 128, one getter that selects among them.
fn selecting(workers: usize, n: usize) -> Measured {
    const MESSAGES: usize = 2_000_000;
    if n != 2 && n != 8 {
        cannot_run("select over 2 or 8 channels only");
    }
    on_workers(workers, async move {
        let each = MESSAGES / n;
        let start = Instant::now();
        let mut putting = Vec::new();
        let mut ends = Vec::new();
        for _ in 0..n {
            let (to, end) = mpsc::channel(128);
            putting.push(put_up_to(each, to));
            ends.push(end);
        }
        let sum = if n == 2 {
            from_two(ends).await
        } else {
            from_eight(ends).await
        };
        let result = per_operation(start, n * each, sum == n as i64 * sum_to(each));
        join_all(putting).await;
        result
    })
}

async fn from_two(mut ends: Vec<mpsc::Receiver<i64>>) -> i64 {
    let (mut b, mut a) = (ends.pop().unwrap(), ends.pop().unwrap());
    let mut sum = 0;
    loop {
        sum += tokio::select! {
            Some(item) = a.recv() => item,
            Some(item) = b.recv() => item,
            else => return sum,
        };
    }
}

async fn from_eight(mut ends: Vec<mpsc::Receiver<i64>>) -> i64 {
    let mut next = || ends.pop().unwrap();
    let (mut a, mut b, mut c, mut d) = (next(), next(), next(), next());
    let (mut e, mut f, mut g, mut h) = (next(), next(), next(), next());
    let mut sum = 0;
    loop {
        sum += tokio::select! {
            Some(item) = a.recv() => item,
            Some(item) = b.recv() => item,
            Some(item) = c.recv() => item,
            Some(item) = d.recv() => item,
            Some(item) = e.recv() => item,
            Some(item) = f.recv() => item,
            Some(item) = g.recv() => item,
            Some(item) = h.recv() => item,
            else => return sum,
        };
    }
}

// W12: n tasks that only yield; an operation is one switch.
fn yields(workers: usize, n: usize) -> Measured {
    const SWITCHES: usize = 5_000_000;
    on_workers(workers, async move {
        let each = SWITCHES / n;
        let start = Instant::now();
        let tasks = (0..n).map(|_| {
            spawn(async move {
                for _ in 0..each {
                    yield_now().await;
                }
            })
        });
        join_all(tasks.collect()).await;
        per_operation(start, n * each, true)
    })
}

// W13: one putter, one getter, unbounded.
fn unbounded(workers: usize, n: usize) -> Measured {
    const MESSAGES: usize = 5_000_000;
    if n != 1 {
        cannot_run("tokio: a channel has one receiver");
    }
    on_workers(workers, async {
        let (to, mut from) = mpsc::unbounded_channel();
        let start = Instant::now();
        let putting = spawn(async move {
            for item in 1..=MESSAGES as i64 {
                to.send(item).unwrap();
            }
        });
        let mut sum = 0;
        while let Some(item) = from.recv().await {
            sum += item;
        }
        putting.await.unwrap();
        per_operation(start, MESSAGES, sum == sum_to(MESSAGES))
    })
}

fn main() {
    let row = |name, unit, normal, least, run| Workload {
        name,
        unit,
        normal,
        least,
        run,
    };
    measure::main(&[
        row(
            "W1",
            "ns/op",
            1000,
            1,
            spawn_join as fn(usize, usize) -> Measured,
        ),
        row("W1a", "ns/op", 1_000_000, 1, spawn_at_once),
        row("W3", "ns/op", 1, 1, one_to_one),
        row("W5", "ns/op", 100, 1, many_to_one),
        row("W6", "ns/op", 128, 0, pipeline),
        row("W8", "ms", 1_000_000, 1, tree),
        row("W10b", "ns/op", 2, 2, selecting),
        row("W12", "ns/op", 2, 1, yields),
        row("W13", "ns/op", 1, 1, unbounded),
    ]);
}
