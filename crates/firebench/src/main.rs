//! firebench: benchmarks microVM monitors. See `firebench --help`.

use firebench::out_of_memory::OutOfMemoryReporter;

#[global_allocator]
static ALLOCATOR: OutOfMemoryReporter = OutOfMemoryReporter;

fn main() -> std::process::ExitCode {
    firebench::crash::guard(firebench::cli::main)
}
