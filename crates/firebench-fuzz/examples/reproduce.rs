//! Runs files through a target, as `reproduce TARGET FILE...`, and says how long each took. Without a file: the targets.

use std::time::Instant;

use firebench_fuzz::{TARGETS, run};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(target) = arguments.next() else {
        TARGETS.iter().for_each(|target| println!("{}", target.name));
        return Ok(());
    };
    for file in arguments {
        let data = std::fs::read(&file)?;
        let start = Instant::now();
        run(&target, &data);
        println!("{file}: {} bytes, {:?}", data.len(), start.elapsed());
    }
    Ok(())
}
