//! Settings in words that VMMs share, so that an audit can compare them.

/// A VMM's settings in words that two VMMs share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedSettings {
    /// Which CPU the guest is shown.
    pub cpu: String,
    /// Whether the disk is read through the host's page cache.
    pub cache: String,
    /// When what was written is flushed.
    pub flushes: String,
    /// What reads the disk.
    pub io: String,
    /// Whether the guest's memory lies on huge pages that were set aside.
    pub huge_pages: bool,
    /// Whether the VMM asks for transparent huge pages.
    pub asks_for_huge_pages: bool,
    /// Whether the guest's memory is a file that processes share (memfd): another setting of the host's says where such memory lies.
    pub shared_memory: bool,
    /// Whether the machine has ACPI, where that is a choice.
    pub acpi: Option<String>,
    /// Whether the kernel looks for a real-time clock that is not there.
    pub clock_missed: bool,
    /// How much the VMM logs, where that is a choice.
    pub log_level: Option<String>,
    /// Whether the VMM is told its machine by calls of an API, after its start.
    pub told_by_api: bool,
    /// Whether the host keeps everything else off the cores of vCPUs that run.
    pub cores_of_its_own: bool,
    /// Whether the VMM's system calls pass a filter.
    pub filtered: bool,
    /// Whether the VMM is jailed.
    pub jailed: bool,
}

impl DescribedSettings {
    /// The host's CPU, as it is.
    pub const PASSED_THROUGH: &'static str = "passed through";
    /// What a VMM does where nothing else was asked for.
    pub const DEFAULT: &'static str = "the VMM's default";
    /// A disk that is read through the host's page cache.
    pub const THROUGH: &'static str = "through the host's page cache";
    /// A disk that is read past it.
    pub const PAST: &'static str = "past the host's page cache";
}

impl Default for DescribedSettings {
    /// A VMM that passes the CPU through, reads the disk through the page cache, and has no choice in anything else.
    fn default() -> Self {
        DescribedSettings {
            cpu: Self::PASSED_THROUGH.to_owned(),
            cache: Self::THROUGH.to_owned(),
            flushes: Self::DEFAULT.to_owned(),
            io: Self::DEFAULT.to_owned(),
            huge_pages: false,
            asks_for_huge_pages: false,
            shared_memory: false,
            acpi: None,
            clock_missed: false,
            log_level: None,
            told_by_api: false,
            cores_of_its_own: false,
            filtered: false,
            jailed: false,
        }
    }
}
