//! The configuration of a kernel: `CONFIG_EXT4_FS=m`.
//!
//! It is in the kernel itself where that was built with CONFIG_IKCONFIG, between two marks (`kernel/configs.c`), and
//! mostly in a file beside it, `config-RELEASE`.

use std::collections::BTreeMap;
use std::io::Read as _;

use memchr::memmem;

use super::decompress::{Compression, reader};

/// Before the configuration in a kernel, which is a gzip stream.
const START: &[u8] = b"IKCFG_ST";

/// Most bytes of a configuration; those of distributions have 300,000.
const MAX_BYTES: u64 = 4 << 20;

/// Marks that are looked behind: a real kernel has one, and those in texts.
const MAX_MARKS: usize = 8;

/// What a kernel was built with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config(BTreeMap<String, Choice>);

/// What was chosen for an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// `y`.
    BuiltIn,
    /// `m`.
    Module,
    /// `n`, or not there.
    No,
}

impl Config {
    /// Reads a configuration; None if the text is not the configuration of an x86_64 kernel.
    pub(crate) fn parse(text: &str) -> Option<Config> {
        let options = text.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("CONFIG_")?.split_once('=')?;
            let choice = match value.trim_end() {
                "y" => Choice::BuiltIn,
                "m" => Choice::Module,
                _ => return None,
            };
            Some((name.to_owned(), choice))
        });
        let config = Config(options.collect());
        (config.get("X86_64") == Choice::BuiltIn).then_some(config)
    }

    /// The configuration inside a `vmlinux`.
    pub(crate) fn embedded(vmlinux: &[u8]) -> Option<Config> {
        memmem::find_iter(vmlinux, START).take(MAX_MARKS).find_map(|at| {
            let stream = vmlinux.get(at.checked_add(START.len())?..)?;
            let mut bytes = Vec::new();
            // Whatever follows the stream is not looked at.
            reader(Compression::Gzip, stream).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
            Config::parse(&String::from_utf8_lossy(&bytes))
        })
    }

    /// What was chosen for an option, without its `CONFIG_`.
    pub(crate) fn get(&self, option: &str) -> Choice {
        self.0.get(option).copied().unwrap_or(Choice::No)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const TEXT: &str = "# Linux/x86\nCONFIG_X86_64=y\nCONFIG_EXT4_FS=m\n# CONFIG_XFS_FS is not set\nCONFIG_HZ=250\n";

    #[test]
    fn a_configuration_is_read() {
        let config = Config::parse(TEXT).expect("a configuration");
        let found = ["X86_64", "EXT4_FS", "XFS_FS", "HZ"].map(|option| config.get(option));
        assert_eq!(found, [Choice::BuiltIn, Choice::Module, Choice::No, Choice::No]);
        assert_eq!(Config::parse("CONFIG_ARM64=y\n"), None, "another architecture's");
        assert_eq!(Config::parse("hello"), None);
    }

    #[test]
    fn a_kernel_may_hold_its_configuration() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(TEXT.as_bytes()).expect("written");
        let mut vmlinux = b"xxIKCFG_ST of a text, and IKCFG_ST".to_vec();
        vmlinux.extend(gzip.finish().expect("finished"));
        vmlinux.extend(b"IKCFG_EDxx");
        assert_eq!(Config::embedded(&vmlinux), Config::parse(TEXT));
        assert_eq!(Config::embedded(&vmlinux[..60]), None, "cut off");
        assert_eq!(Config::embedded(b"none"), None);
    }
}
