//! What lies beside a kernel where distributions install it: its modules and its configuration.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use firebench_os::outside;

use super::{Config, bzimage};

/// Bytes of a boot image that hold its release.
const HEADER: u64 = 64 << 10;
/// Most bytes of a configuration.
const MAX_CONFIG: u64 = 4 << 20;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// The directory of the kernel's modules.
    pub(crate) modules: Option<PathBuf>,
    /// Its configuration.
    pub(crate) config: Option<String>,
}

impl Beside {
    /// Looks for what belongs to the kernel in `path`: for `/boot/vmlinuz-6.1.0-56-amd64` that is
    /// `/lib/modules/6.1.0-56-amd64` and `/boot/config-6.1.0-56-amd64`.
    pub(crate) fn find(path: &Path) -> Beside {
        let Some(release) = release(path) else { return Beside::default() };
        let boot = path.parent().unwrap_or(Path::new("."));
        // The root of the system that the kernel is in, this one's or that of an unpacked package.
        let root = boot.join("..");
        // Some distributions keep a kernel in the directory of its modules.
        let own = boot.file_name().is_some_and(|name| name == release.as_str()).then(|| boot.to_owned());
        let config = own.as_ref().map_or_else(|| boot.join(format!("config-{release}")), |own| own.join("config"));
        let below = |parent: PathBuf| parent.join("lib/modules").join(&release);
        let places = own.into_iter().chain([below(root.clone()), below(root.join("usr")), below("/".into())]);
        let modules =
            places.filter(|place| place.join("modules.builtin").is_file()).find_map(|p| p.canonicalize().ok());
        Beside { config: config_file(&config), modules }
    }
}

/// The release of a kernel, from its header or from the name of its file.
fn release(path: &Path) -> Option<String> {
    let mut header = Vec::new();
    outside::open(path).ok()?.take(HEADER).read_to_end(&mut header).ok()?;
    let named = || {
        let name = path.file_name()?.to_str()?;
        ["vmlinuz-", "vmlinux-", "bzImage-"].iter().find_map(|kind| name.strip_prefix(kind)).map(str::to_owned)
    };
    let release = bzimage::release(&header).map(str::to_owned).or_else(named)?;
    // It becomes part of a path.
    (!release.contains('/') && !release.starts_with('.')).then_some(release)
}

fn config_file(path: &Path) -> Option<String> {
    let text = String::from_utf8(outside::read(path, MAX_CONFIG).ok()?).ok()?;
    Config::parse(&text).map(|_| text)
}
