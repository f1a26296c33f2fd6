//! What is left of a run that has ended: nothing, if all is well.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::cgroup;
use crate::sweep::process_in;

/// What is still there of the runs of this process in `dir`, the [directory](crate::RunDir) of one of them: the directory, processes that
/// name it, and control groups. A line each; empty where all is gone.
pub fn left_of(dir: &Path) -> Vec<String> {
    let mut left: Vec<String> = dir.exists().then(|| "the directory of the run".to_owned()).into_iter().collect();
    let name = dir.as_os_str().as_bytes();
    let names_it = |pid: &str| {
        let said = fs::read(Path::new("/proc").join(pid).join("cmdline")).unwrap_or_default();
        !name.is_empty() && said.windows(name.len()).any(|part| part == name)
    };
    let own = nix::unistd::getpid().as_raw();
    let processes =
        entries(Path::new("/proc")).into_iter().filter(|pid| pid.parse::<i32>().is_ok_and(|pid| pid != own));
    left.extend(processes.filter(|pid| names_it(pid)).map(|pid| format!("process {pid}")));
    let is_own = |name: &String| process_in(name, cgroup::PREFIX) == Some(own);
    let groups = cgroup::places().flat_map(|place| entries(&place)).filter(is_own);
    left.extend(groups.map(|name| format!("control group {name}")));
    left
}

/// The names in a directory; none where it cannot be read.
fn entries(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_is_left_is_seen_and_what_is_gone_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let dir = directory.path().join("run");
        assert_eq!(left_of(&dir), Vec::<String>::new());
        fs::create_dir(&dir).expect("a directory");
        let mut sh = Command::new("sh");
        let sh = sh.args(["-c", "read line"]).arg(&dir).stdin(std::process::Stdio::piped());
        let mut process = sh.spawn().expect("a process");
        let expected = ["the directory of the run".to_owned(), format!("process {}", process.id())];
        let begun = std::time::Instant::now();
        while left_of(&dir) != expected && begun.elapsed().as_secs() < 30 {
            std::thread::yield_now();
        }
        assert_eq!(left_of(&dir), expected);
        drop(process.stdin.take());
        process.wait().expect("its end");
        fs::remove_dir(&dir).expect("it is empty");
        assert_eq!(left_of(&dir), Vec::<String>::new());
    }
}
