// For the rivals in Rust whose strands are OS threads: on which CPUs they run. As measure.rs, the
// programs include this file as a module; it uses the standard library and Linux only.
use crate::measure::fail;

const CPU_WORDS: usize = 16; // of 64 bits, as the kernel wants them

extern "C" {
    fn sched_getaffinity(process: i32, bytes: usize, mask: *mut u64) -> i32;
    fn sched_setaffinity(process: i32, bytes: usize, mask: *const u64) -> i32;
}

/// Leaves this process the first `count` of its CPUs: what is a worker elsewhere is a CPU here.
pub fn run_on_cpus(count: usize) {
    let mut own = [0u64; CPU_WORDS];
    let mut chosen = [0u64; CPU_WORDS];
    let mut left = count;
    // Safety: both masks are as large as is said.
    if unsafe { sched_getaffinity(0, CPU_WORDS * 8, own.as_mut_ptr()) } < 0 {
        fail(2, "the CPUs of this process are not known");
    }
    for cpu in 0..CPU_WORDS * 64 {
        let bit = 1u64 << (cpu % 64);
        if left > 0 && own[cpu / 64] & bit != 0 {
            chosen[cpu / 64] |= bit;
            left -= 1;
        }
    }
    if left > 0 || unsafe { sched_setaffinity(0, CPU_WORDS * 8, chosen.as_ptr()) } != 0 {
        fail(2, &format!("there are not {} CPUs to run on", count));
    }
}
