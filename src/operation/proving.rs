//! How proving is paced and told: blocks at a time, and the steps of each in words. Depends on the prover's
//! steps.

use galen_zk::keys::Step;

/// Memory that is left for one block in the making, with the widest statements.
const BYTES_A_BLOCK: u64 = 1 << 30;
/// Cores that one proof keeps busy most of the time.
const CORES_A_BLOCK: usize = 4;

/// Blocks to prove at a time, if nobody says: few, because one proof uses several cores, and each takes memory;
/// but one more than keep all cores busy, because parts of a proof use a single one.
#[must_use]
pub fn default_jobs() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?.trim();
        line.strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    // Half of what is free: keys and other programs take the rest.
    let fitting = memory.map_or(1, |kib| kib.saturating_mul(512) / BYTES_A_BLOCK);
    (1 + cores / CORES_A_BLOCK).min(usize::try_from(fitting).unwrap_or(1)).max(1)
}

/// What of a block is being done, in words.
#[must_use]
pub fn step_name(step: Step) -> &'static str {
    match step {
        Step::Key => "reading the key",
        Step::Commitment => "committing",
        Step::Proof => "proving",
        Step::Openings => "opening",
        Step::Check => "checking",
    }
}
