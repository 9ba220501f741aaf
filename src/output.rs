//! What goes to the screen: data on standard output, everything else on standard error.

use std::borrow::Cow;
use std::io::{self, BufRead, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::error::{Exit, Failure};

/// How a command speaks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output {
    /// Data and errors as JSON.
    pub json: bool,
    /// No messages besides errors.
    pub quiet: bool,
}

impl Output {
    /// Writes a command's result to standard output: as JSON if asked for, else as `human` says.
    /// Call it once a command.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub fn data<T: Serialize + ?Sized>(
        self,
        value: &T,
        human: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        let mut text = if self.json {
            serde_json::to_string_pretty(value)
                .map_err(|error| Failure::new(Exit::Failure, "output.json", error.to_string()))?
        } else {
            human()
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // Whoever reads has seen enough, as with `galen dataset list | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::new(
                Exit::Failure,
                "output.closed",
                format!("standard output: {error}"),
            )),
            Ok(()) => Ok(()),
        }
    }

    /// A message for the person at the screen.
    pub fn note(self, text: impl AsRef<str>) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{}", text.as_ref());
        }
    }

    /// A message that `--quiet` does not silence.
    pub fn warn(self, text: impl AsRef<str>) {
        let _ = writeln!(io::stderr(), "warning: {}", text.as_ref());
    }

    /// Reports why the command failed.
    pub fn failure(self, failure: Failure) {
        let text = if self.json {
            serde_json::to_string(&failure).unwrap_or_else(|_| failure.to_string())
        } else {
            format!("{:?}", miette::Report::new(failure))
        };
        let _ = writeln!(io::stderr(), "{}", text.trim_end());
    }

    /// A progress bar of `total` steps; it draws only on a terminal.
    pub fn progress(self, label: impl Into<Cow<'static, str>>, total: u64) -> ProgressBar {
        self.bar(
            label,
            Some(total),
            "{msg:24} {bar:32} {human_pos}/{human_len} {elapsed} left {eta}",
        )
    }

    /// A progress bar that counts bytes; it draws only on a terminal.
    pub fn progress_bytes(self, label: impl Into<Cow<'static, str>>, total: u64) -> ProgressBar {
        self.bar(
            label,
            Some(total),
            "{msg:24} {bar:32} {bytes}/{total_bytes} {bytes_per_sec} left {eta}",
        )
    }

    /// A sign of life for work of unknown length; it draws only on a terminal.
    pub fn spinner(self, label: impl Into<Cow<'static, str>>) -> ProgressBar {
        let bar = self.bar(label, None, "{spinner} {msg} {elapsed}");
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        bar
    }

    fn bar(
        self,
        label: impl Into<Cow<'static, str>>,
        total: Option<u64>,
        template: &str,
    ) -> ProgressBar {
        let drawn = !self.json && !self.quiet && io::stderr().is_terminal();
        let target =
            if drawn { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::with_draw_target(total, target).with_style(style).with_message(label)
    }

    /// Asks a question that only `yes` answers.
    ///
    /// # Errors
    /// When the answer is another, or nobody can be asked.
    pub fn confirm(self, question: &str) -> Result<(), Failure> {
        let refused = |message: &str| {
            Failure::new(Exit::NotConfirmed, "not_confirmed", message)
                .remedy("repeat with --yes to answer in advance")
        };
        if !io::stdin().is_terminal() {
            return Err(refused("this needs a confirmation, and there is no terminal to ask on"));
        }
        let _ = write!(io::stderr(), "{question} [yes/no] ");
        let mut answer = String::new();
        io::stdin()
            .lock()
            .read_line(&mut answer)
            .map_err(|_| refused("the answer could not be read"))?;
        if answer.trim().eq_ignore_ascii_case("yes") {
            Ok(())
        } else {
            Err(refused("not confirmed; nothing was done"))
        }
    }
}

/// A table for a person.
pub fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(head);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    for row in rows {
        table.add_row(row.map(|cell| printable(&cell)));
    }
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// A text from elsewhere with what is not seen made visible, so that a title cannot move the cursor,
/// rewrite the screen or turn a price round.
pub use galen_api::printable::printable;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_cannot_control_the_terminal() {
        let shown = table(["title", "rows"], [["a\u{1b}[2Jb".to_owned(), "1".to_owned()]]);
        assert!(!shown.contains('\u{1b}'));
        assert!(shown.contains("a\u{fffd}[2Jb"));
        assert_eq!(printable("basic\u{202e} 001"), "basic\u{fffd} 001");
        assert_eq!(printable("Größe"), "Größe");
    }
}
