//! Entry point of the `galen` command.

fn main() -> std::process::ExitCode {
    galen::command::run(std::env::args_os())
}
