//! What the mappings of a process are, and what they have of memory. Pure: lines of `/proc/PID/smaps` in, sums out.
//!
//! Source: the kernel's `Documentation/filesystems/proc.rst`, "`/proc/PID/smaps`", and `fs/proc/task_mmu.c`.

use crate::record::{MemoryUse, Parts};

/// Mappings of a process that may be its guest's memory, of which the largest are kept.
const CANDIDATES: usize = 8;

/// By what the mappings of a contender are known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// What the names of the mappings have in them that are its guest's memory.
    pub guest_names: &'static [&'static str],
    /// Bytes of the guest's memory; none where it has no guest.
    pub guest_bytes: Option<u64>,
    /// The kernel and the initramfs that it boots.
    pub files: Vec<MappedFile>,
}

/// A file, as a mapping names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedFile {
    /// Its path, where the process sees it at the same one.
    pub path: String,
    /// Major and minor number of its device, as `smaps` writes them (`fe:00`).
    pub device: String,
    /// Its inode.
    pub inode: u64,
}

/// A kind of mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Guest,
    Files,
    Program,
    Heap,
    Translator,
    Shared,
}

/// A mapping, as far as its lines have been read.
#[derive(Debug, Clone, Copy)]
struct Mapping {
    part: Part,
    /// Whether it may be the guest's memory, by what it is.
    can_be_guest: bool,
    /// Bytes of address space.
    size: u64,
    rss: u64,
    pss: u64,
}

/// The mappings of a process, from the lines of its `smaps`.
#[derive(Debug)]
pub struct Smaps<'a> {
    marks: &'a Marks,
    current: Option<Mapping>,
    /// The largest mappings that may be the guest's memory, the largest one first.
    candidates: Vec<Mapping>,
    named: bool,
    sum: MemoryUse,
}

impl<'a> Smaps<'a> {
    /// None so far.
    pub fn new(marks: &'a Marks) -> Self {
        Smaps { marks, current: None, candidates: Vec::new(), named: false, sum: MemoryUse::default() }
    }

    /// The next line. What it does not know it passes over.
    pub fn line(&mut self, line: &str) {
        match line.split_ascii_whitespace().next() {
            Some(field) if field.ends_with(':') => {
                if let (Some(mapping), Some(bytes)) = (&mut self.current, bytes(line)) {
                    match field {
                        "Rss:" => mapping.rss = mapping.rss.saturating_add(bytes),
                        "Pss:" => mapping.pss = mapping.pss.saturating_add(bytes),
                        // Neither of the others has them.
                        "Private_Hugetlb:" | "Shared_Hugetlb:" => {
                            mapping.rss = mapping.rss.saturating_add(bytes);
                            mapping.pss = mapping.pss.saturating_add(bytes);
                        }
                        _ => {}
                    }
                }
            }
            Some(_) => {
                self.end_mapping();
                self.current = mapping(line, self.marks);
            }
            None => {}
        }
    }

    /// What its mappings come to; [`MemoryUse::rollup`] is still to be read.
    pub fn end(mut self) -> MemoryUse {
        self.end_mapping();
        // A name says more than a size.
        if let Some(guest) = self.marks.guest_bytes.filter(|_| !self.named) {
            for mapping in of_size(&self.candidates, guest) {
                let from = self.sum.parts.of(mapping.part);
                *from = from.saturating_sub(mapping.pss);
                self.sum.parts.guest = self.sum.parts.guest.saturating_add(mapping.pss);
                self.sum.guest_by_size = true;
            }
        }
        self.sum.processes = 1;
        self.sum
    }

    /// Adds the mapping whose lines have all been read.
    fn end_mapping(&mut self) {
        let Some(mapping) = self.current.take() else { return };
        self.sum.mappings = self.sum.mappings.saturating_add(1);
        self.sum.rss = self.sum.rss.saturating_add(mapping.rss);
        self.sum.pss = self.sum.pss.saturating_add(mapping.pss);
        let part = self.sum.parts.of(mapping.part);
        *part = part.saturating_add(mapping.pss);
        self.named |= mapping.part == Part::Guest;
        if mapping.can_be_guest {
            let place = self.candidates.partition_point(|other| other.size >= mapping.size);
            self.candidates.insert(place, mapping);
            self.candidates.truncate(CANDIDATES);
        }
    }
}

impl Parts {
    fn of(&mut self, part: Part) -> &mut u64 {
        match part {
            Part::Guest => &mut self.guest,
            Part::Files => &mut self.files,
            Part::Program => &mut self.program,
            Part::Heap => &mut self.heap,
            Part::Translator => &mut self.translator,
            Part::Shared => &mut self.shared,
        }
    }
}

impl MemoryUse {
    /// The sum of two processes.
    pub fn and(self, other: MemoryUse) -> MemoryUse {
        let (a, b) = (self.parts, other.parts);
        MemoryUse {
            processes: self.processes.saturating_add(other.processes),
            mappings: self.mappings.saturating_add(other.mappings),
            rss: self.rss.saturating_add(other.rss),
            pss: self.pss.saturating_add(other.pss),
            rollup: self.rollup.saturating_add(other.rollup),
            parts: Parts {
                guest: a.guest.saturating_add(b.guest),
                files: a.files.saturating_add(b.files),
                program: a.program.saturating_add(b.program),
                heap: a.heap.saturating_add(b.heap),
                translator: a.translator.saturating_add(b.translator),
                shared: a.shared.saturating_add(b.shared),
            },
            guest_by_size: self.guest_by_size || other.guest_by_size,
        }
    }
}

/// The `Pss` of a line of `smaps_rollup`, or the pages of hugetlbfs; None of its other lines.
pub fn of_rollup(line: &str) -> Option<u64> {
    let field = line.split_ascii_whitespace().next()?;
    matches!(field, "Pss:" | "Private_Hugetlb:" | "Shared_Hugetlb:").then(|| bytes(line))?
}

/// Those that a guest of so much memory has: as many of the largest ones as have its size together, four at most; none where they have
/// less. VMMs leave a gap for devices below 4 GiB, so a guest with more memory has it in two pieces.
fn of_size(candidates: &[Mapping], guest: u64) -> &[Mapping] {
    const PIECES: usize = 4;
    let mut together = 0_u64;
    for (place, mapping) in candidates.iter().enumerate().take(PIECES) {
        together = together.saturating_add(mapping.size);
        if together >= guest {
            return candidates.get(..=place).unwrap_or_default();
        }
    }
    &[]
}

/// The bytes of a line such as `Rss:    12 kB`.
fn bytes(line: &str) -> Option<u64> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let number: u64 = words.next()?.parse().ok()?;
    (words.next()? == "kB").then(|| number.saturating_mul(1024))
}

/// A mapping by the first of its lines: `7f0000000000-7f0000021000 rw-p 00000000 fe:00 1234   /path`.
fn mapping(line: &str, marks: &Marks) -> Option<Mapping> {
    let mut words = line.split_ascii_whitespace();
    let (from, to) = words.next()?.split_once('-')?;
    let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).ok());
    let (permissions, _, device, inode) = (words.next()?, words.next()?, words.next()?, words.next()?);
    // The kernel writes the line ends of a name as `\012`; its blanks stay. There is one word before it that ends with the inode.
    let name = words.next().map_or("", |first| line.get(offset(line, first)..).unwrap_or(first)).trim_end();
    let part = part(name, permissions, device, inode, marks);
    let can_be_guest = match part {
        Part::Heap => name.is_empty() || name.starts_with("[anon"),
        Part::Shared => true,
        _ => false,
    };
    Some(Mapping {
        part,
        can_be_guest: can_be_guest && permissions.starts_with("rw-"),
        size: to?.saturating_sub(from?),
        rss: 0,
        pss: 0,
    })
}

/// Where a word of a line begins in it.
fn offset(line: &str, word: &str) -> usize {
    (word.as_ptr() as usize).saturating_sub(line.as_ptr() as usize)
}

/// What a mapping is, by its name first.
fn part(name: &str, permissions: &str, device: &str, inode: &str, marks: &Marks) -> Part {
    let is_file = |file: &MappedFile| {
        name == file.path || device == file.device && inode.parse() == Ok(file.inode) && file.inode != 0
    };
    // Programs may lie in a directory for temporary files, too.
    let can_be_memory = |begin: &str| begin != TEMPORARY || permissions.starts_with("rw-s");
    let is_shared = || SHARED.iter().any(|begin| name.starts_with(begin) && can_be_memory(begin));
    if !name.is_empty() && marks.guest_names.iter().any(|known| name.contains(known)) {
        Part::Guest
    } else if !name.starts_with('/') {
        match name {
            // Code that the kernel lends every process.
            "[vdso]" | "[vvar]" | "[vvar_vclock]" | "[vsyscall]" => Part::Program,
            _ if permissions.starts_with("rwx") => Part::Translator,
            _ => Part::Heap,
        }
    } else if marks.files.iter().any(is_file) {
        Part::Files
    } else if is_shared() {
        Part::Shared
    } else {
        Part::Program
    }
}

/// How the names of memory begin that is shared by name, and of files that are memory.
const SHARED: [&str; 7] =
    ["/memfd:", "/dev/shm/", TEMPORARY, "/dev/zero", "/SYSV", "/anon_hugepage", "/dev/hugepages/"];

/// The directory for temporary files.
const TEMPORARY: &str = "/tmp/";

#[cfg(test)]
mod tests;
