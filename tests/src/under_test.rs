//! The `okcvm` command, built where the integration tests find it.

fn main() -> std::process::ExitCode {
    okcvm_cli::main()
}
