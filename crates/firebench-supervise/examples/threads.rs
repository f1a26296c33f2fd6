//! A process with threads of these names, which wait: `threads NAME...`. Says `ready` when all have their names. Stands in
//! for VMMs in the tests.
#![allow(clippy::arithmetic_side_effects, reason = "a program for tests")]

use std::io::Write;
use std::sync::{Arc, Barrier};

fn main() -> std::io::Result<()> {
    let names: Vec<_> = std::env::args().skip(1).collect();
    // A thread names itself, before it comes to what it was made for.
    let named = Arc::new(Barrier::new(names.len() + 1));
    for name in names {
        let named = Arc::clone(&named);
        std::thread::Builder::new().name(name).spawn(move || {
            named.wait();
            park()
        })?;
    }
    named.wait();
    println!("ready");
    std::io::stdout().flush()?;
    park()
}

fn park() -> ! {
    loop {
        std::thread::park();
    }
}
