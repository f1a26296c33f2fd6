//! PID 1 of a firebench guest: mounts the root, runs the workload, measures it, reports over the serial console, and
//! ends the machine.

mod child;
mod console;
mod error;
mod exec;
mod facts;
mod guest;
mod measure;
mod modules;
mod mounts;
mod power;
mod procfs;
mod ready;
mod report;
mod sys;

fn main() {
    if std::process::id() == 1 {
        guest::run();
    }
    eprintln!(
        "firebench-agent is the first process of a firebench guest and does nothing elsewhere; use `firebench run`"
    );
    std::process::exit(2);
}
