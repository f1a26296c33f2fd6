//! A process with threads of these names, which wait: `threads NAME...`. Stands in for VMMs in the tests.

use std::io::Write;

fn main() -> std::io::Result<()> {
    for name in std::env::args().skip(1) {
        std::thread::Builder::new().name(name).spawn(|| {
            loop {
                std::thread::park();
            }
        })?;
    }
    // A thread names itself when it has begun.
    println!("ready");
    std::io::stdout().flush()?;
    loop {
        std::thread::park();
    }
}
