//! Lines of the report, and clocks.

use std::fs::read_to_string;
use std::time::{Duration, Instant};

/// Prints lines and counts verdicts.
pub struct Report {
    met: u32,
    missed: u32,
    begun: Instant,
}

impl Report {
    /// Begins with the machine.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        println!("machine: {cores} cores, {}", processor());
        println!("medians; `a core` is by processor time, in programs and kernel together");
        Self { met: 0, missed: 0, begun: Instant::now() }
    }

    /// A heading.
    pub fn part(&self, title: &str) {
        println!("\n{title}");
    }

    /// A time that should be short.
    pub fn time(&mut self, what: &str, aim: Duration, measured: Duration) {
        self.verdict(what, &ms(aim), &ms(measured), measured <= aim);
    }

    /// A rate that should be high.
    pub fn rate(&mut self, what: &str, aim: f64, measured: f64, unit: &str) {
        let text = |rate: f64| format!("{} {unit}", short(rate));
        self.verdict(what, &text(aim), &text(measured), measured >= aim);
    }

    /// A number that should not be higher.
    pub fn number(&mut self, what: &str, aim: usize, measured: usize) {
        self.verdict(what, &aim.to_string(), &measured.to_string(), measured <= aim);
    }

    /// An amount that should not be higher.
    pub fn most(&mut self, what: &str, aim: f64, measured: f64, unit: &str) {
        let text = |amount: f64| format!("{amount:.0} {unit}");
        self.verdict(what, &text(aim), &text(measured), measured <= aim);
    }

    /// A ratio that should not be higher.
    pub fn at_most(&mut self, what: &str, aim: f64, measured: f64, unit: &str) {
        let text = |ratio: f64| format!("{ratio:.5} {unit}");
        self.verdict(what, &text(aim), &text(measured), measured <= aim);
    }

    fn verdict(&mut self, what: &str, aim: &str, measured: &str, met: bool) {
        let word = if met { "MET" } else { "MISSED" };
        *(if met { &mut self.met } else { &mut self.missed }) += 1;
        println!("  {what:<50} aim {aim:>16}   measured {measured:>16}   {word}");
    }

    /// A figure without an aim: a peer's, or more about the line above.
    pub fn note(&self, what: &str, figure: &str) {
        println!("  {what:<50} {:>20}   measured {figure:>16}", "");
    }

    /// Ends with the number of aims met.
    pub fn end(self) {
        let seconds = self.begun.elapsed().as_secs();
        println!("\n{} of {} aims met; {seconds} s", self.met, self.met + self.missed);
    }
}

fn processor() -> String {
    let known = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = known.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

/// A time in words.
pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// A number with three figures that count.
pub fn short(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{:.1} M", n / 1e6),
        n if n >= 1e4 => format!("{:.1} k", n / 1e3),
        n if n >= 100.0 => format!("{n:.0}"),
        n => format!("{n:.2}"),
    }
}

/// The median of the times of several runs.
pub fn median(runs: usize, mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let begun = Instant::now();
            run();
            begun.elapsed()
        })
        .collect();
    middle(&mut times)
}

/// The median.
pub fn middle(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What a run took: by the clock, and of the processor.
#[derive(Clone, Copy)]
pub struct Spent {
    /// By the clock, in seconds.
    pub elapsed: f64,
    /// Of all cores together, in programs and kernel, in seconds.
    pub processor: f64,
    /// Of all cores together, in programs alone: what does not depend on disk and file system.
    pub program: f64,
}

/// Runs something once. Processor time is that of this process and of children that have ended;
/// where the system does not tell it, all cores count as busy.
pub fn spend<T>(run: impl FnOnce() -> T) -> (T, Spent) {
    let (begun, before) = (Instant::now(), processor_time());
    let value = run();
    let elapsed = begun.elapsed().as_secs_f64();
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let (program, processor) = match (before, processor_time()) {
        (Some(before), Some(after)) if after.0 > before.0 => {
            let program = after.0 - before.0;
            (program, program + after.1 - before.1)
        }
        _ => (elapsed * cores, elapsed * cores),
    };
    (value, Spent { elapsed, processor, program })
}

/// Seconds of this process and its ended children, in programs and in the kernel: fields 14 to 17 of
/// `/proc/self/stat`, in hundredths of a second on every Linux.
fn processor_time() -> Option<(f64, f64)> {
    let stat = read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(11).take(4).filter_map(|f| f.parse().ok()).collect();
    let [own, own_kernel, children, children_kernel] = ticks[..] else { return None };
    Some(((own + children) / 100.0, (own_kernel + children_kernel) / 100.0))
}

/// The most memory this process has had at a time, in MB.
pub fn peak_memory() -> Option<f64> {
    let status = read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1e3)
}
