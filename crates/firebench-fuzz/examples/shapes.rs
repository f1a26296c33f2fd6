//! Writes small inputs of the shapes that hurt to where the seeds are, as `shapes DIR`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "fuzz/seeds".to_owned());
    for (target, name, bytes) in firebench_fuzz::shapes::all(4 << 10) {
        std::fs::write(Path::new(&dir).join(target).join(name), bytes)?;
    }
    Ok(())
}
