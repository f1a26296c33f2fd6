//! firebench: benchmarks microVM monitors. See `firebench --help`.

fn main() -> std::process::ExitCode {
    firebench::cli::main()
}
