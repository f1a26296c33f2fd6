//! What every test needs: the built programs, a place of its own to run them in, and the look afterwards at what they
//! left behind.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::invocation::Invocation;
use crate::support::remains::Surroundings;

/// Longer than any run of a test takes, even on a busy computer.
pub const LIMIT: Duration = Duration::from_secs(240);
/// A limit for what is done at once on a computer that has nothing else to do: generous, as a busy one has.
pub const SOON: Duration = Duration::from_secs(60);
/// What the fetched Firecracker must be.
pub const FIRECRACKER_SHA256: &str = "b99ea49b8d8b7bfa307d3845585d6a97f7642aa17a985749900370070d8ca930";
/// Variables through which a user's settings would reach a test.
const VARIABLES: [&str; 8] = [
    "FIREBENCH_CACHE",
    "FIREBENCH_DATA",
    "FIREBENCH_STORE",
    "FIREBENCH_QEMU",
    "FIREBENCH_FIRECRACKER",
    "FIREBENCH_BUSYBOX",
    "FIREBENCH_AGENT",
    "FIREBENCH_RELEASE_URL",
];

/// The firebench of this build, beside which lies the agent of this build.
pub fn firebench() -> &'static Path {
    static AGENT: OnceLock<()> = OnceLock::new();
    let firebench = Path::new(env!("CARGO_BIN_EXE_firebench"));
    AGENT.get_or_init(|| {
        // Cargo builds the programs of the package under test alone; the agent is another package's.
        build(&["--package", "firebench-agent"]);
        assert!(firebench.with_file_name("firebench-agent").is_file(), "the agent is not beside firebench");
    });
    firebench
}

/// Builds what `args` name beside the firebench under test.
pub fn build(args: &[&str]) {
    let firebench = Path::new(env!("CARGO_BIN_EXE_firebench"));
    let profile = firebench.parent().and_then(Path::file_name).expect("a profile's directory");
    // TARGET/TRIPLE/PROFILE/firebench: .cargo/config.toml names the triple.
    let target = firebench.ancestors().nth(3).expect("the target directory");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet"]).args(args).arg("--target-dir").arg(target);
    match profile.to_str() {
        Some("debug") => {}
        name => drop(cargo.arg("--profile").arg(name.expect("a profile's name"))),
    }
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo runs");
    assert!(status.success(), "{args:?} cannot be built: {status}");
}

/// The user's data directory, where Firecracker, the kernel and busybox were fetched to.
pub fn data_dir() -> PathBuf {
    firebench_host::fetch::data_dir().expect("HOME is set")
}

/// The name of the running test.
pub fn test_name() -> String {
    std::thread::current().name().unwrap_or("a test").to_owned()
}

/// Says something past the capture of the test harness: it must be seen also where the test passes.
pub fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// One test's place. While one that may start VMs lives, no other one does: two at once would wait for each other's CPUs.
pub struct Lab {
    /// TMPDIR of every run.
    pub tmp: PathBuf,
    /// FIREBENCH_CACHE of every run.
    pub cache: PathBuf,
    /// FIREBENCH_DATA of every run.
    pub data: PathBuf,
    dir: TempDir,
    before: Surroundings,
    begun: Instant,
    _alone: Option<MutexGuard<'static, ()>>,
}

impl Lab {
    /// For a test that starts VMs, with the cache that the tests share.
    pub fn new() -> Lab {
        static ALONE: Mutex<()> = Mutex::new(());
        // A test that failed has poisoned it, and left nothing that concerns the next one.
        let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Lab::make(Some(alone))
    }

    /// For a test that starts none.
    pub fn without_vms() -> Lab {
        Lab::make(None)
    }

    fn make(alone: Option<MutexGuard<'static, ()>>) -> Lab {
        let begun = Instant::now();
        let dir = tempfile::Builder::new().prefix("firebench-e2e-").tempdir().expect("a temporary directory");
        let tmp = dir.path().join("tmp");
        std::fs::create_dir(&tmp).expect("a directory");
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-cache");
        let lab = Lab { tmp, cache, data: data_dir(), dir, before: Surroundings::now(), begun, _alone: alone };
        // Each build of firebench makes another disk for the nested host.
        static TIDY: OnceLock<()> = OnceLock::new();
        TIDY.get_or_init(|| drop(lab.firebench(&["image", "gc", "--max-size", "3GiB"]).run().ok()));
        lab
    }

    /// With a cache of its own: empty but for the kernel, which takes long to unpack.
    pub fn with_own_cache(mut self) -> Lab {
        self.firebench(&["run", "memory", "--accel", "tcg", "--size", "1MiB", "--dry-run"]).run().ok();
        let own = self.path("cache");
        let entries = own.join("entries");
        std::fs::create_dir_all(&entries).expect("directories");
        let kernels = self.cache.join("entries/kernel");
        let copied = Command::new("cp").arg("-a").arg(kernels).arg(&entries).status().expect("cp runs");
        assert!(copied.success());
        self.cache = own;
        self
    }

    /// With an empty cache of its own.
    pub fn with_empty_cache(mut self) -> Lab {
        self.cache = self.path("cache");
        self
    }

    /// A path in the lab's directory, for the test's own files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// FIREBENCH_STORE of every run.
    pub fn store(&self) -> PathBuf {
        self.path("runs.db")
    }

    /// Writes a file into the lab's directory.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).expect("the test's own file can be written");
        path
    }

    /// A firebench, not yet running.
    pub fn firebench(&self, args: &[&str]) -> Invocation<'_> {
        self.firebench_at(firebench(), args)
    }

    /// Another copy of firebench.
    pub fn firebench_at(&self, program: &Path, args: &[&str]) -> Invocation<'_> {
        let mut command = Command::new(program);
        command.args(args);
        self.invocation(command)
    }

    /// A shell that runs `script` with this firebench as `$FIREBENCH`, in a mount namespace of its own in which it is
    /// root.
    pub fn in_namespace(&self, script: &str) -> Invocation<'_> {
        let mut command = Command::new("unshare");
        command.args([if is_root() { "-m" } else { "-rm" }, "sh", "-euc", script]).env("FIREBENCH", firebench());
        self.invocation(command)
    }

    /// A command with the lab's surroundings.
    pub fn invocation(&self, mut command: Command) -> Invocation<'_> {
        for name in VARIABLES {
            command.env_remove(name);
        }
        command.env("TMPDIR", &self.tmp).env("FIREBENCH_CACHE", &self.cache).env("FIREBENCH_DATA", &self.data);
        command.env("FIREBENCH_STORE", self.store());
        Invocation::new(self, command)
    }

    /// Looks for anything that the process `pid` and its like should have taken along.
    pub fn assert_nothing_left(&self, pid: u32) {
        let remains = self.before.wait_for_nothing(self.dir.path(), &self.tmp, pid);
        assert!(remains.is_empty(), "left behind: {remains:#?}");
    }

    /// The processes of this lab whose command line holds all of `words`.
    pub fn processes(&self, words: &[&str]) -> Vec<u32> {
        crate::support::remains::processes(self.dir.path())
            .into_iter()
            .filter(|(_, cmdline)| words.iter().all(|word| cmdline.contains(word)))
            .map(|(pid, _)| pid)
            .collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        say(&format!("e2e {:>6.1} s  {}", self.begun.elapsed().as_secs_f64(), test_name()));
    }
}

/// Whether this test runs as root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Waits until `condition` gives something; fails the test where it does not.
pub fn wait_for<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(begun.elapsed() < limit, "waited {} s in vain for {what}", limit.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}
