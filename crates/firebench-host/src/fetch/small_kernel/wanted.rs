//! The configuration of the small kernel: what is asked of it, and whether a `.config` has it. Pure.

/// The text: `small.config` says why each group of lines is there.
pub const CONFIGURATION: &str = include_str!("small.config");

/// Before the name that an older Linux has for an option.
const BEFORE: &str = "# before:";

/// An option that the kernel must have.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted<'a> {
    /// Its name in today's Linux and, where another, in an older one.
    names: Vec<&'a str>,
    /// Its value as `.config` writes it, such as `y`.
    value: &'a str,
}

impl Wanted<'_> {
    /// The lines of a `.config` of which any will do.
    fn lines(&self) -> impl Iterator<Item = String> {
        self.names.iter().map(|name| format!("{name}={}", self.value))
    }
}

/// The options of a text such as [`CONFIGURATION`].
fn wanted(configuration: &str) -> impl Iterator<Item = Wanted<'_>> {
    configuration.lines().filter_map(|line| {
        let (option, older) = match line.split_once(BEFORE) {
            Some((option, older)) => (option, Some(older.trim())),
            None => (line, None),
        };
        let (name, value) = option.trim().split_once('=').filter(|(name, _)| name.starts_with("CONFIG_"))?;
        Some(Wanted { names: std::iter::once(name).chain(older).collect(), value })
    })
}

/// What is added to a `.config`, before `make olddefconfig`: every line, and every older name. A kernel passes over names that it does
/// not know.
pub(super) fn fragment(configuration: &str) -> String {
    wanted(configuration).flat_map(|wanted| wanted.lines().collect::<Vec<_>>()).map(|line| line + "\n").collect()
}

/// The lines of `configuration` that do not hold in `config`, a `.config` after `make olddefconfig`.
pub(super) fn dropped(configuration: &str, config: &str) -> Vec<String> {
    let lines: std::collections::HashSet<&str> = config.lines().map(str::trim_end).collect();
    let is_dropped = |wanted: &Wanted<'_>| !wanted.lines().any(|line| lines.contains(line.as_str()));
    wanted(configuration).filter(is_dropped).filter_map(|wanted| wanted.lines().next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# The machine.
CONFIG_SMP=y
CONFIG_NR_CPUS=64
CONFIG_MITIGATION_RETPOLINE=y # before: CONFIG_RETPOLINE
CONFIG_LOCALVERSION=\"-x\"
";

    #[test]
    fn the_fragment_has_every_name() {
        let lines = [
            "CONFIG_SMP=y",
            "CONFIG_NR_CPUS=64",
            "CONFIG_MITIGATION_RETPOLINE=y",
            "CONFIG_RETPOLINE=y",
            "CONFIG_LOCALVERSION=\"-x\"",
        ];
        assert_eq!(fragment(TEXT), lines.map(|line| format!("{line}\n")).concat());
    }

    #[test]
    fn what_was_dropped_is_named() {
        let held = "CONFIG_SMP=y\nCONFIG_NR_CPUS=64\nCONFIG_RETPOLINE=y\nCONFIG_LOCALVERSION=\"-x\"\n";
        assert_eq!(dropped(TEXT, held), Vec::<String>::new());
        let changed = held.replace("CONFIG_SMP=y", "# CONFIG_SMP is not set").replace("64", "8");
        assert_eq!(dropped(TEXT, &changed), ["CONFIG_SMP=y", "CONFIG_NR_CPUS=64"]);
        assert_eq!(dropped(TEXT, &held.replace("CONFIG_RETPOLINE=y\n", "")), ["CONFIG_MITIGATION_RETPOLINE=y"]);
        assert_eq!(dropped(TEXT, &held.replace("=y", "=m")).len(), 2, "a module is not built in");
    }

    #[test]
    fn each_line_of_the_configuration_is_an_option_once_and_each_group_says_why() {
        let mut names: Vec<&str> = wanted(CONFIGURATION).flat_map(|wanted| wanted.names).collect();
        assert!(names.len() > 100, "{}", names.len());
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
        for paragraph in CONFIGURATION.split("\n\n") {
            assert!(paragraph.starts_with("# "), "no reason: {paragraph}");
        }
        for needed in
            ["CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES=y", "CONFIG_X86_MPPARSE=y", "CONFIG_PVH=y", "CONFIG_IKCONFIG=y"]
        {
            assert!(CONFIGURATION.lines().any(|line| line == needed), "{needed}");
        }
    }
}
