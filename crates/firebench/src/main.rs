//! firebench: benchmarks microVM monitors. See `firebench --help`.

#[global_allocator]
static MEMORY: firebench::memory::Memory = firebench::memory::Memory;

fn main() -> std::process::ExitCode {
    firebench::crash::guard(firebench::cli::main)
}
