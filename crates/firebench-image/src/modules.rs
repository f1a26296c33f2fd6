//! Kernel modules: what they need, and in which order they are loaded.
//!
//! Debian's packages have no `modules.dep` (depmod makes it at installation), so the order comes from the modules
//! themselves: section `.modinfo` is a list of `key=value` strings, `depends` names the modules that a module needs
//! (`include/linux/moduleinfo.h` and `scripts/mod/modpost.c` of the kernel).
//!
//! Each module is read twice at most, all together have at most 512 MiB, and of each the section headers and `.modinfo` are
//! looked at once.

mod catalogue;

use std::collections::{BTreeMap, BTreeSet};

use firebench_os::interrupt;
use object::Endianness;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader as _, SectionHeader as _};

use crate::kernel::MAX_FILE_BYTES;
use crate::{Error, Result};

pub(crate) use catalogue::Catalogue;

/// A kernel module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its name, with `_` and never `-`.
    pub name: String,
    /// The uncompressed ELF file.
    pub bytes: Vec<u8>,
    /// Whether nothing works without it. Any other one may refuse to be loaded: it drives, say, instructions that this
    /// CPU does not have, where another module does the same without them.
    pub needed: bool,
}

/// Where modules come from.
pub trait ModuleSource {
    /// Release of the kernel that they belong to, for error messages.
    fn release(&self) -> &str;

    /// Whether the kernel has this module built in. `name` has `_` and never `-`.
    fn is_builtin(&self, name: &str) -> bool;

    /// The module's uncompressed ELF file; None if there is no such module.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// The modules that go by another name, too: `crypto-crc32c` is what `crc32c_generic` and `crc32c_intel` compute.
    /// Empty where something that is built in goes by it.
    fn providers(&self, alias: &str) -> Result<Vec<String>> {
        let _ = alias;
        Ok(Vec::new())
    }
}

/// The name of a module as the kernel writes it: file names may have `-` where names have `_`.
pub fn normalise(name: &str) -> String {
    name.replace('-', "_")
}

/// The name of the module in a file such as `kernel/drivers/block/virtio-blk.ko.xz`; None if it holds no module.
pub(crate) fn name_of_file(path: &str) -> Option<String> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let (stem, extension) = file.split_once(".ko")?;
    (!stem.is_empty() && ["", ".xz", ".zst", ".gz"].contains(&extension)).then(|| normalise(stem))
}

/// The names in a `modules.builtin` file: one path a line.
pub(crate) fn builtin_names(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| name_of_file(line.trim())).collect()
}

/// What a module says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Info {
    /// Must be loaded before it.
    hard: Vec<String>,
    /// Should be loaded before it, where there is such a module (`softdep=pre: ...`).
    soft: Vec<String>,
    /// Its other names, as they are written.
    aliases: Vec<String>,
    /// The release of the kernel that it was built for.
    release: Option<String>,
}

/// The modules `wanted` and all that they need, each once, in an order in which they can be loaded. What is built in is
/// left out. Each module is read once at most.
pub fn load_order(source: &impl ModuleSource, wanted: &[&str]) -> Result<Vec<Module>> {
    let mut resolver =
        Resolver { source, state: BTreeMap::new(), hard: BTreeMap::new(), order: Vec::new(), room: MAX_FILE_BYTES };
    for name in wanted {
        resolver.visit(&normalise(name), None, 0)?;
    }
    Ok(resolver.finish(wanted))
}

/// Longest chain of modules that need each other; those of a real kernel have some ten links.
const LONGEST_CHAIN: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Visiting,
    Done,
    Failed,
}

struct Resolver<'a, S> {
    source: &'a S,
    state: BTreeMap<String, State>,
    /// Module to those that must be there before it.
    hard: BTreeMap<String, Vec<String>>,
    order: Vec<Module>,
    /// Bytes that all modules together still may have.
    room: u64,
}

impl<S: ModuleSource> Resolver<'_, S> {
    /// Adds `name` after all that it needs; `depth` modules stand between it and what is wanted.
    fn visit(&mut self, name: &str, needed_by: Option<&str>, depth: usize) -> Result<()> {
        match self.state.get(name) {
            Some(State::Done) => return Ok(()),
            Some(State::Visiting) => return Err(invalid(name, "it depends on itself through other modules")),
            Some(State::Failed) => return Err(invalid(name, "a module that it needs is missing")),
            None if depth >= LONGEST_CHAIN => {
                return Err(invalid(
                    name,
                    "the chain of modules that need it is too \
            long",
                ));
            }
            None => {}
        }
        interrupt::check()?;
        self.state.insert(name.to_owned(), State::Visiting);
        let added = self.add(name, needed_by, depth);
        self.state.insert(name.to_owned(), if added.is_ok() { State::Done } else { State::Failed });
        added
    }

    fn add(&mut self, name: &str, needed_by: Option<&str>, depth: usize) -> Result<()> {
        if self.source.is_builtin(name) {
            return Ok(());
        }
        let Some(bytes) = self.source.read(name)? else {
            return Err(Error::ModuleMissing {
                name: name.to_owned(),
                release: self.source.release().to_owned(),
                needed_by: needed_by.map(str::to_owned),
            });
        };
        self.room = self
            .room
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| invalid(name, "with it, all modules together are larger than 512 MiB"))?;
        let info = Info::of(&bytes).map_err(|reason| invalid(name, &reason))?;
        let kernel = self.source.release();
        if let Some(release) = info.release.filter(|release| !kernel.is_empty() && release != kernel) {
            return Err(invalid(name, &format!("it is for kernel {release}, and this kernel is {kernel}")));
        }
        let depth = depth.saturating_add(1);
        for other in &info.soft {
            for provider in self.soft(other)? {
                // Passed over where it cannot be had, as modprobe does.
                match self.visit(&provider, Some(name), depth) {
                    Ok(()) | Err(Error::ModuleMissing { .. } | Error::ModuleInvalid { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        for other in &info.hard {
            self.visit(other, Some(name), depth)?;
        }
        self.hard.insert(name.to_owned(), info.hard);
        self.order.push(Module { name: name.to_owned(), bytes, needed: false });
        Ok(())
    }

    /// The modules that a soft dependency means: one of that name, or those that have it as another name.
    fn soft(&self, name: &str) -> Result<Vec<String>> {
        let module = normalise(name);
        if self.state.contains_key(&module) || self.source.is_builtin(&module) {
            return Ok(Vec::new());
        }
        match self.source.read(&module)? {
            Some(_) => Ok(vec![module]),
            None => self.source.providers(name),
        }
    }

    /// The modules in order. Needed is what is wanted, and what that must have.
    fn finish(mut self, wanted: &[&str]) -> Vec<Module> {
        let mut needed = BTreeSet::new();
        let mut left: Vec<String> = wanted.iter().map(|name| normalise(name)).collect();
        while let Some(name) = left.pop() {
            if needed.insert(name.clone()) {
                left.extend(self.hard.remove(&name).unwrap_or_default());
            }
        }
        for module in &mut self.order {
            module.needed = needed.contains(&module.name);
        }
        self.order
    }
}

fn invalid(name: &str, reason: &str) -> Error {
    Error::ModuleInvalid { name: name.to_owned(), reason: reason.to_owned() }
}

impl Info {
    /// Reads `.modinfo` of a module.
    pub(crate) fn of(module: &[u8]) -> Result<Info, String> {
        let damaged = |error: object::Error| format!("its ELF file is damaged: {error}");
        let header = FileHeader64::<Endianness>::parse(module).map_err(damaged)?;
        let endian = header.endian().map_err(damaged)?;
        if header.e_machine.get(endian) != elf::EM_X86_64 || header.e_type.get(endian) != elf::ET_REL {
            return Err("it is not an object file for x86_64".to_owned());
        }
        let sections = header.section_headers(endian, module).map_err(damaged)?;
        let names = header.section_strings_index(endian, module).map_err(damaged)?;
        let names = sections.get(names.0).ok_or("its ELF file is damaged: its sections have no names")?;
        let names = names.data(endian, module).map_err(damaged)?;
        // Only as much of a name is read as the one that is looked for has: all names may have one long text in common.
        let is_named = |section: &&elf::SectionHeader64<Endianness>, name: &[u8]| {
            let at = usize::try_from(section.sh_name(endian)).unwrap_or(usize::MAX);
            names.get(at..).is_some_and(|rest| rest.starts_with(name))
        };
        let section = sections.iter().find(|section| is_named(section, b".modinfo\0")).ok_or("it has no .modinfo")?;
        let entries = section.data(endian, module).map_err(damaged)?;
        let mut info = Info::default();
        for entry in entries.split(|&byte| byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok()) {
            match entry.split_once('=') {
                Some(("depends", names)) => {
                    info.hard.extend(names.split(',').filter(|name| !name.is_empty()).map(normalise));
                }
                Some(("softdep", rule)) => {
                    let before = rule.split_once("pre:").map_or("", |(_, names)| names);
                    let before = before.split_once("post:").map_or(before, |(names, _)| names);
                    info.soft.extend(before.split_whitespace().map(str::to_owned));
                }
                Some(("alias", name)) => info.aliases.push(name.to_owned()),
                Some(("vermagic", magic)) => {
                    info.release = magic.split_whitespace().next().map(str::to_owned);
                }
                _ => {}
            }
        }
        Ok(info)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A minimal relocatable ELF file with the given `.modinfo`.
    pub(crate) fn module(info: &[&str]) -> Vec<u8> {
        let names = b"\0.modinfo\0.shstrtab\0";
        let info: Vec<u8> = info.iter().flat_map(|entry| entry.bytes().chain([0])).collect();
        let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        file.extend([1_u16, 62].iter().flat_map(|half| half.to_le_bytes()));
        file.extend(1_u32.to_le_bytes());
        let sections_at = 64 + names.len() as u64 + info.len() as u64;
        file.extend([0, 0, sections_at].iter().flat_map(|word| word.to_le_bytes()));
        file.extend(0_u32.to_le_bytes());
        file.extend([64_u16, 0, 0, 64, 3, 2].iter().flat_map(|half| half.to_le_bytes()));
        file.extend(names);
        file.extend(&info);
        let mut section = |name: u32, kind: u32, offset: u64, size: u64| {
            file.extend([name, kind].iter().flat_map(|word| word.to_le_bytes()));
            file.extend([0, 0, offset, size].iter().flat_map(|word| word.to_le_bytes()));
            file.extend([0_u32, 0].iter().flat_map(|word| word.to_le_bytes()));
            file.extend([1_u64, 0].iter().flat_map(|word| word.to_le_bytes()));
        };
        section(0, 0, 0, 0);
        section(1, 1, 64 + names.len() as u64, info.len() as u64);
        section(10, 3, 64, names.len() as u64);
        file
    }

    struct Fake(BTreeMap<&'static str, Vec<u8>>);

    impl Fake {
        fn new(modules: &[(&'static str, &'static str)]) -> Fake {
            Fake(modules.iter().map(|&(name, info)| (name, module(&["license=GPL", info]))).collect())
        }
    }

    impl ModuleSource for Fake {
        fn release(&self) -> &str {
            "6.1.0-test"
        }
        fn is_builtin(&self, name: &str) -> bool {
            name == "ext4"
        }
        fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
            Ok(self.0.get(name).cloned())
        }
        fn providers(&self, alias: &str) -> Result<Vec<String>> {
            let all = self.0.iter().map(|(name, bytes)| (*name, Info::of(bytes).expect("a module")));
            Ok(all
                .filter(|(_, info)| info.aliases.iter().any(|a| a == alias))
                .map(|(name, _)| name.to_owned())
                .collect())
        }
    }

    fn names(modules: Result<Vec<Module>>) -> Vec<String> {
        modules.expect("it resolves").into_iter().map(|module| module.name).collect()
    }

    #[test]
    fn order_of_virtio_and_kvm() {
        let source = Fake::new(&[
            ("virtio_blk", "depends=virtio,virtio_ring"),
            ("virtio_mmio", "depends=virtio_ring,virtio"),
            ("virtio", "depends="),
            ("virtio_ring", "depends=virtio"),
            ("kvm_amd", "depends=kvm,ccp"),
            ("kvm", "depends=irqbypass"),
            ("ccp", "depends="),
            ("irqbypass", "depends="),
        ]);
        assert_eq!(
            names(load_order(&source, &["virtio_mmio", "virtio-blk", "ext4"])),
            ["virtio", "virtio_ring", "virtio_mmio", "virtio_blk"]
        );
        assert_eq!(names(load_order(&source, &["kvm-amd", "kvm"])), ["irqbypass", "kvm", "ccp", "kvm_amd"]);
    }

    #[test]
    fn soft_dependencies_only_where_they_exist() {
        let source = Fake::new(&[("a", "softdep=pre: crc32c-generic b post: c"), ("b", "depends="), ("c", "depends=")]);
        assert_eq!(names(load_order(&source, &["a"])), ["b", "a"]);
    }

    #[test]
    fn a_soft_dependency_may_name_an_algorithm_and_what_computes_it_may_refuse() {
        let source = Fake::new(&[
            ("fs", "softdep=pre: crypto-crc32c"),
            ("crc32c_generic", "alias=crypto-crc32c"),
            ("crc32c_intel", "alias=crypto-crc32c"),
        ]);
        let modules = load_order(&source, &["fs"]).expect("it resolves");
        let found: Vec<_> = modules.iter().map(|module| (module.name.as_str(), module.needed)).collect();
        assert_eq!(found, [("crc32c_generic", false), ("crc32c_intel", false), ("fs", true)]);
        let modules = load_order(&source, &["fs", "crc32c_generic"]).expect("it resolves");
        assert!(modules[0].needed, "what is wanted is needed, whoever else names it: {modules:?}");
    }

    #[test]
    fn a_soft_dependency_that_cannot_be_had_is_passed_over() {
        let source = Fake::new(&[("a", "softdep=pre: b c"), ("b", "depends=gone"), ("c", "depends=a")]);
        assert_eq!(names(load_order(&source, &["a"])), ["a"]);
    }

    #[test]
    fn a_module_of_another_kernel_is_refused() {
        let source = Fake::new(&[
            ("mine", "vermagic=6.1.0-test SMP preempt mod_unload "),
            ("other", "vermagic=6.1.0-47-amd64 SMP preempt mod_unload modversions "),
        ]);
        assert_eq!(names(load_order(&source, &["mine"])), ["mine"]);
        let error = load_order(&source, &["other"]).expect_err("it is another kernel's").to_string();
        assert!(error.contains("it is for kernel 6.1.0-47-amd64, and this kernel is 6.1.0-test"), "{error}");
    }

    #[test]
    fn what_is_missing_is_named_with_who_needs_it() {
        let source = Fake::new(&[("a", "depends=gone"), ("x", "depends=y"), ("y", "depends=x")]);
        let missing = load_order(&source, &["a"]).expect_err("gone is gone");
        assert_eq!(
            missing.to_string(),
            "kernel 6.1.0-test does not have `gone`, neither as a module nor built in, needed by `a`"
        );
        assert!(matches!(load_order(&source, &["gone"]), Err(Error::ModuleMissing { needed_by: None, .. })));
        assert!(matches!(load_order(&source, &["x"]), Err(Error::ModuleInvalid { .. })), "a circle");
    }

    /// The next number is needed by every module.
    struct Endless;

    impl ModuleSource for Endless {
        fn release(&self) -> &str {
            ""
        }
        fn is_builtin(&self, _: &str) -> bool {
            false
        }
        fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
            let next = name.parse::<u64>().expect("a number") + 1;
            Ok(Some(module(&[&format!("depends={next}")])))
        }
    }

    #[test]
    fn a_chain_has_an_end() {
        let error = load_order(&Endless, &["0"]).expect_err("no stack is deep enough");
        assert_eq!(
            error.to_string(),
            "cannot use the kernel module `64`: the chain of modules that need it is too \
        long"
        );
    }

    #[test]
    fn damaged_modules_are_refused() {
        let whole = module(&["depends="]);
        assert_eq!(Info::of(&whole), Ok(Info::default()));
        for end in 0..whole.len() {
            assert!(Info::of(&whole[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn names_of_files() {
        assert_eq!(name_of_file("kernel/arch/x86/kvm/kvm-amd.ko.xz").as_deref(), Some("kvm_amd"));
        assert_eq!(name_of_file("virtio.ko").as_deref(), Some("virtio"));
        for other in [".ko", "x.ko.bak", "modules.builtin", ""] {
            assert_eq!(name_of_file(other), None, "{other}");
        }
        assert_eq!(builtin_names("kernel/fs/ext4/ext4.ko\nkernel/a-b.ko\n").len(), 2);
    }
}
