//! The command line: what to boot, and how.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;

/// The machine, and what its guest boots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// An ELF `vmlinux`.
    pub(crate) kernel: CString,
    /// The initramfs.
    pub(crate) initramfs: CString,
    /// The kernel command line.
    pub(crate) cmdline: CString,
    /// Number of vCPUs.
    pub(crate) vcpus: u8,
    /// Memory in MiB.
    pub(crate) memory_mib: u32,
    /// A raw disk image.
    pub(crate) disk: Option<CString>,
    /// Whether the guest may write to it.
    pub(crate) writable: bool,
    /// The network card, if any.
    pub(crate) tap: Option<Tap>,
}

/// A network card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tap {
    /// The tap device of the host.
    pub(crate) name: CString,
    /// The guest's MAC address.
    pub(crate) mac: [u8; 6],
}

/// What the user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// To boot a guest.
    Boot(Options),
    /// To see the version.
    Version,
    /// To see the options.
    Help,
}

/// A command line that cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsageError(String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// All options.
pub(crate) const HELP: &str = "\
Boots one guest with libkrun. Its first serial port is the standard output; the program ends when the guest restarts.

Usage: firebench-libkrun --kernel FILE --initramfs FILE --cmdline TEXT [OPTIONS]

Options:
  --kernel FILE      ELF vmlinux, which must find its devices on the command line (VIRTIO_MMIO_CMDLINE_DEVICES)
  --initramfs FILE   initramfs
  --cmdline TEXT     kernel command line
  --vcpus N          number of vCPUs, 1 to 128 [default: 1]
  --memory MIB       memory in MiB [default: 256]
  --disk FILE        raw image of a disk
  --writable         let the guest write to the disk
  --tap NAME         tap device of the host that becomes the guest's network card
  --mac ADDRESS      the MAC address of that card [default: 02:66:62:00:00:01]
  --version          print the version
  --help             print this
";

/// The MAC address of a guest whose user names none: one that is locally administered.
const MAC: [u8; 6] = [0x02, 0x66, 0x62, 0, 0, 1];

/// The most vCPUs that libkrun can describe to a guest.
const MAX_VCPUS: u8 = 128;

/// Reads the arguments behind the program's name.
///
/// # Errors
/// The first argument that makes no sense, or an option that is missing.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let mut args = args.into_iter();
    let (mut kernel, mut initramfs, mut cmdline, mut disk, mut tap) = (None, None, None, None, None);
    let (mut vcpus, mut memory_mib, mut mac, mut writable) = (1, 256, None, false);
    while let Some(option) = args.next() {
        let option = option.to_string_lossy().into_owned();
        let mut value = || args.next().ok_or_else(|| UsageError(format!("{option} needs a value")));
        match option.as_str() {
            "--help" => return Ok(Command::Help),
            "--version" => return Ok(Command::Version),
            "--kernel" => kernel = Some(text(&option, value()?)?),
            "--initramfs" => initramfs = Some(text(&option, value()?)?),
            "--cmdline" => cmdline = Some(text(&option, value()?)?),
            "--disk" => disk = Some(text(&option, value()?)?),
            "--tap" => tap = Some(text(&option, value()?)?),
            "--writable" => writable = true,
            "--vcpus" => vcpus = number(&option, value()?)?,
            "--memory" => memory_mib = number(&option, value()?)?,
            "--mac" => mac = Some(address(&value()?)?),
            _ => return Err(UsageError(format!("{option:?} is not an option"))),
        }
    }
    if vcpus == 0 || vcpus > MAX_VCPUS || memory_mib == 0 {
        return Err(UsageError(format!("--vcpus must be from 1 to {MAX_VCPUS}, and --memory above 0")));
    }
    if mac.is_some() && tap.is_none() {
        return Err(UsageError("--mac needs --tap".to_owned()));
    }
    let needed = |option: &str| UsageError(format!("{option} is missing"));
    Ok(Command::Boot(Options {
        kernel: kernel.ok_or_else(|| needed("--kernel"))?,
        initramfs: initramfs.ok_or_else(|| needed("--initramfs"))?,
        cmdline: cmdline.ok_or_else(|| needed("--cmdline"))?,
        vcpus,
        memory_mib,
        disk,
        writable,
        tap: tap.map(|name| Tap { name, mac: mac.unwrap_or(MAC) }),
    }))
}

/// A value for libkrun, which takes UTF-8.
fn text(option: &str, value: OsString) -> Result<CString, UsageError> {
    if value.to_str().is_none() {
        return Err(UsageError(format!("the value of {option} is not valid UTF-8: {value:?}")));
    }
    CString::new(value.into_vec()).map_err(|_| UsageError(format!("the value of {option} has a zero byte")))
}

fn number<N: std::str::FromStr>(option: &str, value: OsString) -> Result<N, UsageError> {
    let value = value.to_string_lossy();
    value.parse().map_err(|_| UsageError(format!("{option} takes a whole number that libkrun can hold, not {value:?}")))
}

/// `02:66:62:00:00:01`.
fn address(value: &OsString) -> Result<[u8; 6], UsageError> {
    let wrong = || UsageError(format!("--mac takes an address such as 02:66:62:00:00:01, not {value:?}"));
    let text = value.to_str().ok_or_else(wrong)?;
    let byte = |part: &str| match part.len() {
        2 => u8::from_str_radix(part, 16).map_err(|_| wrong()),
        _ => Err(wrong()),
    };
    let bytes: Vec<u8> = text.split(':').map(byte).collect::<Result<_, _>>()?;
    bytes.try_into().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Command, UsageError> {
        parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn a_whole_command_line_is_read() {
        let line = "--kernel /k --initramfs /i --cmdline quiet --vcpus 2 --memory 512 --disk /d --writable --tap tap0 --mac 0a:00:00:00:00:ff";
        let options = Options {
            kernel: c"/k".to_owned(),
            initramfs: c"/i".to_owned(),
            cmdline: c"quiet".to_owned(),
            vcpus: 2,
            memory_mib: 512,
            disk: Some(c"/d".to_owned()),
            writable: true,
            tap: Some(Tap { name: c"tap0".to_owned(), mac: [0x0a, 0, 0, 0, 0, 0xff] }),
        };
        assert_eq!(of(line), Ok(Command::Boot(options.clone())));
        let short = Options { vcpus: 1, memory_mib: 256, disk: None, writable: false, tap: None, ..options };
        assert_eq!(of("--kernel /k --initramfs /i --cmdline quiet"), Ok(Command::Boot(short)));
        assert_eq!((of("--version"), of("--vcpus 2 --help")), (Ok(Command::Version), Ok(Command::Help)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, expected) in [
            ("--kernel", "--kernel needs a value"),
            ("--kernel /k --initramfs /i", "--cmdline is missing"),
            ("--bios x", "\"--bios\" is not an option"),
            ("--vcpus 256", "--vcpus takes a whole number that libkrun can hold, not \"256\""),
            ("--vcpus 0", "--vcpus must be from 1 to 128, and --memory above 0"),
            ("--vcpus 129", "--vcpus must be from 1 to 128, and --memory above 0"),
            ("--memory 0", "--vcpus must be from 1 to 128, and --memory above 0"),
            ("--tap t --mac 1:2:3:4:5:6", "--mac takes an address such as"),
            ("--tap t --mac 02:66:62:00:00:01:02", "--mac takes an address such as"),
            ("--mac 02:66:62:00:00:01", "--mac needs --tap"),
        ] {
            let error = of(line).expect_err(line).to_string();
            assert!(error.starts_with(expected), "{line}: {error}");
        }
        let invalid = [OsString::from("--disk"), OsString::from_vec(vec![b'/', 0xff])];
        assert!(parse(invalid).is_err_and(|error| error.to_string().contains("not valid UTF-8")));
    }
}
