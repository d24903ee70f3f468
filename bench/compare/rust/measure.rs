// What the rivals in Rust share: the command line and the result line of ../../support/measure.hpp.
// Both programs include this file as a module; it uses the standard library and Linux only.
use std::time::Instant;

/// What one run of a workload says.
pub struct Measured {
    pub value: f64,                     // in the workload's unit
    pub checked: bool,                  // nothing was lost
    pub more: Vec<(&'static str, f64)>, // further figures, unit in the name
}

pub struct Workload {
    pub name: &'static str,
    pub unit: &'static str,
    pub normal: usize,
    pub least: usize, // the smallest parameter
    pub run: fn(workers: usize, parameter: usize) -> Measured,
}

pub fn per_operation(start: Instant, operations: usize, checked: bool) -> Measured {
    Measured {
        value: start.elapsed().as_nanos() as f64 / operations as f64,
        checked,
        more: Vec::new(),
    }
}

/// The sum 1 + 2 + ... + n.
pub fn sum_to(n: usize) -> i64 {
    let n = n as i64;
    n * (n + 1) / 2
}

pub fn fail(code: i32, words: &str) -> ! {
    eprintln!("{}", words);
    std::process::exit(code);
}

/// For a parameter with which this rival cannot run the workload; counts as not having it.
pub fn cannot_run(why: &str) -> ! {
    fail(3, why)
}

fn number(text: &str, least: usize) -> usize {
    match text.parse() {
        Ok(value) if value >= least => value,
        _ => fail(2, &format!("not a number from {} on: {}", least, text)),
    }
}

pub fn main(workloads: &[Workload]) {
    let words: Vec<String> = std::env::args().collect();
    if words.len() == 2 && words[1] == "--list" {
        for each in workloads {
            println!("{}", each.name);
        }
        return;
    }
    if words.len() < 3 || words.len() > 4 {
        fail(2, "usage: WORKLOAD WORKERS [PARAMETER]");
    }
    let chosen = match workloads.iter().find(|each| each.name == words[1]) {
        Some(found) => found,
        None => fail(3, &format!("no such workload here: {}", words[1])),
    };
    let workers = number(&words[2], 1);
    let parameter = words
        .get(3)
        .map_or(chosen.normal, |text| number(text, chosen.least));
    let result = (chosen.run)(workers, parameter);
    let more: Vec<_> = result
        .more
        .iter()
        .map(|(name, figure)| format!("\"{}\": {:.4}", name, figure))
        .collect();
    println!(
        "{{\"workload\": \"{}\", \"workers\": {}, \"parameter\": {}, \"unit\": \"{}\", \
         \"value\": {:.4}, \"more\": {{{}}}, \"checked\": {}}}",
        chosen.name,
        workers,
        parameter,
        chosen.unit,
        result.value,
        more.join(", "),
        result.checked
    );
    if !result.checked {
        std::process::exit(1);
    }
}
