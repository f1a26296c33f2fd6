//! PID 1 of a firebench guest: mounts the root, runs the workload, measures it, reports over the serial console, and
//! ends the machine. Started as `firebench-agent host JOB.json` it is the host control: it measures the workload where it
//! is, and reports on its standard output. Started as `firebench-agent sha256sum --block BYTES FILE...`, as `firebench-agent hash-loop ...`, or
//! as `firebench-agent serve ...`, an HTTP server, it is a workload's command.

mod child;
mod console;
mod digest;
mod error;
mod exec;
mod facts;
mod files;
mod guest;
mod hash_loop;
mod host;
mod kernel_log;
mod measure;
mod modules;
mod mounts;
mod power;
mod procfs;
mod ready;
mod report;
mod series;
mod serve;
#[expect(unsafe_code, reason = "system calls that nix does not wrap")]
mod sys;

use firebench_protocol::service::SERVE_COMMAND;
use firebench_protocol::{BLOCK_OPTION, DIGEST_COMMAND, HASH_LOOP_COMMAND};
use std::process::ExitCode;

fn main() -> ExitCode {
    let woken = series::uptime();
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Before anything else: whoever asks may have made it the first process of a namespace.
    if arguments == ["--version"] {
        use std::io::Write as _;
        // Who asks reads it, or has gone.
        let _ = writeln!(std::io::stdout(), "firebench-agent {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    // Before its number, too: in a container it is the first process.
    if let ["host", job] = arguments.as_slice() {
        return host::run(job, woken);
    }
    if let [DIGEST_COMMAND, BLOCK_OPTION, bytes, files @ ..] = arguments.as_slice() {
        return digest::run(bytes, files);
    }
    if let [SERVE_COMMAND, options @ ..] = arguments.as_slice() {
        return serve::run(options);
    }
    if let [HASH_LOOP_COMMAND, options @ ..] = arguments.as_slice() {
        return hash_loop::run(options);
    }
    if std::process::id() == 1 {
        guest::run(woken);
    }
    eprintln!("firebench-agent only works as the first process of a firebench guest; use `firebench run`");
    ExitCode::from(2)
}
