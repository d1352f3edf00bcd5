//! The `okcvm` command.

fn main() -> std::process::ExitCode {
    okcvm_cli::main()
}
