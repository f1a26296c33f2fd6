//! What a guest boots: kernels, executables, modules, initramfs archives.

use firebench_image::Result;
use firebench_image::elf::linkage;
use firebench_image::initramfs::{append_job, cpio};
use firebench_image::kernel::{Kernel, inspect};
use firebench_image::modules::{ModuleSource, load_order};
use firebench_protocol::{End, Job, JobKind, MeasureJob, PROTOCOL_VERSION, Root, Task};

use crate::heap::bounded;
use crate::{clean, work};

/// A kernel's payload may say that it has 512 MiB: this, in a buffer that was just doubled for it, and what a decompressor
/// may look back on.
const MOST: usize = 3 * (512 << 20) + (256 << 20);

/// The same where it says that it has less than 1 MiB: the dictionary of xz or LZMA, 160 MiB at most, and what is around it.
const LEAST: usize = 168 << 20;

/// Reads a kernel. What is neither a bzImage nor an ELF file is taken for a bzImage's payload, up to 1 MiB when decompressed.
pub fn kernel(data: &[u8]) {
    let (image, most) = match data {
        [b'M', b'Z', ..] | [0x7f, b'E', ..] => (data.to_vec(), MOST),
        _ => (around(data), LEAST),
    };
    let length = image.len();
    match bounded(most, || work::bounded(length, 2, || Kernel::from_bytes(image))) {
        Ok(kernel) => {
            assert!(!kernel.release().contains(char::is_whitespace), "one word");
            clean::clean("the kernel's form", &kernel.kind.to_string());
        }
        Err(error) => clean::error(&error),
    }
}

/// The smallest bzImage with this payload, whose last four bytes, its size, are made to say less than 1 MiB.
fn around(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 1024];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = image.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    put(0, b"MZ");
    put(0x1f1, &[1]);
    put(0x1fe, &0xaa55_u16.to_le_bytes());
    put(0x202, b"HdrS");
    put(0x206, &0x020f_u16.to_le_bytes());
    put(0x236, &1_u16.to_le_bytes());
    put(0x24c, &u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    image.extend(payload);
    if let Some(size) = image.last_chunk_mut::<4>() {
        *size = (u32::from_le_bytes(*size) & 0xf_ffff).to_le_bytes();
    }
    image
}

/// Modules by number: a module's name is any text whose first byte, taken as a number, chooses its file.
struct Modules<'a>(Vec<&'a [u8]>);

impl ModuleSource for Modules<'_> {
    fn release(&self) -> &str {
        "6.1.0"
    }

    fn is_builtin(&self, name: &str) -> bool {
        name.starts_with('b')
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let first = name.bytes().next().unwrap_or_default();
        Ok(self.0.get(usize::from(first.wrapping_sub(b'0'))).map(|module| module.to_vec()))
    }
}

/// Reads ELF files, several where `\n--\n` stands between them: as executables, as kernels, and as modules that need each
/// other.
pub fn elf(data: &[u8]) {
    bounded(64 * data.len() + (1 << 20), || {
        let _ = linkage(data);
        if let Err(error) = inspect(data) {
            clean::error(&error);
        }
        let mut files = vec![];
        let mut rest = data;
        while let Some(at) = rest.windows(4).position(|window| window == b"\n--\n") {
            let (file, after) = rest.split_at(at);
            files.push(file);
            rest = after.get(4..).unwrap_or_default();
        }
        files.push(rest);
        match load_order(&Modules(files), &["0", "1"]) {
            Ok(modules) => {
                let names: std::collections::BTreeSet<&str> =
                    modules.iter().map(|module| module.name.as_str()).collect();
                assert_eq!(names.len(), modules.len(), "each module once");
            }
            Err(error) => clean::error(&error),
        }
    });
}

/// Reads an archive, writes what is in it, and reads that; and the same for a job.
pub fn cpio(data: &[u8]) {
    if let Ok(members) = bounded(16 * data.len() + 4096, || cpio::read(data)) {
        let mut writer = cpio::Writer::new();
        let mut written = Vec::new();
        for member in &members {
            let path = format!("/{}", member.name);
            if writer.file(&path, member.mode & 0o777, member.contents).is_ok() {
                written.push((member.name, member.mode & 0o777 | 0o100_000, member.contents));
            }
        }
        let archive = writer.finish().expect("names that were read are short enough");
        let again = cpio::read(&archive).expect("what is written can be read");
        let again: Vec<_> = again.iter().map(|member| (member.name, member.mode, member.contents)).collect();
        assert_eq!(again, written, "what is written is read");
    }
    let job = job(String::from_utf8_lossy(data).into_owned());
    let archive = append_job(&job).expect("a job can be written");
    let members = cpio::read(&archive).expect("what is written can be read");
    let jobs: Vec<Job> = members.iter().filter_map(|member| serde_json::from_slice(member.contents).ok()).collect();
    assert_eq!(jobs, [job], "the guest reads the job that the host wrote");
}

fn job(argument: String) -> Job {
    Job {
        protocol: PROTOCOL_VERSION,
        nonce: "0123456789abcdef".to_owned(),
        console: "/dev/ttyS0".to_owned(),
        root: Root { device: "/dev/vda".to_owned(), fs: "ext4".to_owned(), tmpfs: Vec::new(), overlay: false },
        end: End::PowerOff,
        kind: JobKind::Measure(MeasureJob {
            task: Task::new(vec!["/bin/true".to_owned(), argument]),
            iterations: 1,
            cold: false,
        }),
    }
}
