//! The script: how a fake VMM and its guest behave.

use serde::Deserialize;

use crate::choice;

/// How the guest behaves, and what is done wrong.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The digest of the payload.
    pub digest: String,
    /// Milliseconds until it speaks.
    pub boot_ms: u64,
    /// Milliseconds that an iteration takes.
    pub iteration_ms: u64,
    /// How fast the guest's clock goes: 1 is right.
    #[serde(default = "right")]
    pub clock: f64,
    /// Whose version it tells: `qemu`, `firecracker`, `cloud-hypervisor`, `crosvm`, `kvmtool` or `libkrun`. It understands the command lines of all.
    #[serde(default)]
    pub vmm: Vmm,
    /// Of the random misdeeds.
    #[serde(default)]
    pub seed: u64,
    /// What goes wrong.
    #[serde(default)]
    pub misdeeds: Vec<Misdeed>,
}

fn right() -> f64 {
    1.0
}

/// Whom it plays.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vmm {
    #[default]
    Qemu,
    Firecracker,
    CloudHypervisor,
    Crosvm,
    Kvmtool,
    Libkrun,
}

/// Something that goes wrong, and in which boots. Boots are counted from 0 in each firebench.
#[derive(Debug, Deserialize)]
pub struct Misdeed {
    #[serde(flatten)]
    pub deed: Deed,
    /// When in the boot; of deeds that change an event it means nothing.
    #[serde(default)]
    pub at: Moment,
    /// Only in these boots.
    boots: Option<Vec<u64>>,
    /// Only by chance. At most one of all that have a probability is done in a boot: see [`choice::choose`].
    probability: Option<f64>,
}

/// A moment of a boot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before Firecracker's API socket is there.
    Listen,
    /// When the second request came, before its answer.
    Told,
    /// Before the guest's first word.
    #[default]
    Boot,
    /// After its facts, before the first iteration.
    Prepared,
    /// Amid the first iteration.
    Iteration,
    /// After its last word.
    PowerOff,
}

/// What is done.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Deed {
    /// Dies of a signal.
    Die { signal: i32 },
    /// Exits with this code.
    Exit { code: i32 },
    /// Stops itself with SIGSTOP.
    Stop,
    /// Goes on for ever, deaf to every signal that can be blocked.
    Hang,
    /// Closes its console and its standard error, and goes on for ever.
    CloseConsole,
    /// Leaves behind a child in a process group of its own, and one in a session of its own; both live for minutes.
    LeaveChildren,
    /// Starts so many children, which live for minutes.
    ForkBomb { children: u32 },
    /// Fills so much memory.
    EatMemory { mib: usize },
    /// Writes so much to the log that it was given, or, as QEMU has none, to a file beside the initramfs.
    FillLog { mib: usize },
    /// Writes this to that log.
    Log { text: Bytes },
    /// Writes this to standard error, so many times.
    Mutter {
        text: Bytes,
        #[serde(default = "once")]
        times: u64,
    },
    /// Writes this to the console, so many times.
    Say {
        text: Bytes,
        #[serde(default = "once")]
        times: u64,
    },
    /// Writes this to the console until it is killed, with so many microseconds between.
    Flood {
        text: Bytes,
        #[serde(default)]
        pause_us: u64,
    },
    /// Writes a frame that no agent would, so many times.
    Frame {
        #[serde(flatten)]
        frame: Crooked,
        #[serde(default = "once")]
        times: u64,
    },
    /// Puts these fields into each event of this name.
    Alter { event: String, with: serde_json::Value },
    /// Sends this in place of each event of this name.
    Replace { event: String, payload: String },
    /// Does not send events of this name.
    Omit { event: String },
    /// Sends each event of this name so many times.
    Repeat { event: String, times: u64 },
    /// Sends all events at once, at the end.
    AtOnce,
    /// Begins to send each event of this name, and goes on after so many milliseconds.
    Stretch { event: String, ms: u64 },
    /// Answers a request like this, so many times.
    Answer {
        text: Bytes,
        #[serde(default = "once")]
        times: u64,
    },
    /// Closes the connection over which it is told something, and goes on for ever.
    HangUp,
    /// Does something that nobody sees for so many milliseconds.
    Sleep { ms: u64 },
}

fn once() -> u64 {
    1
}

/// Text, or bytes that are none.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Bytes {
    Text(String),
    Raw(Vec<u8>),
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Bytes::Text(text) => text.as_bytes(),
            Bytes::Raw(bytes) => bytes,
        }
    }
}

/// A frame; what is not said of it is as it should be.
#[derive(Debug, Clone, Deserialize)]
pub struct Crooked {
    /// The JSON in it, or what is none.
    pub payload: String,
    /// Another boot's.
    pub nonce: Option<String>,
    /// Another number than the next one.
    pub seq: Option<u32>,
    /// Bytes that it announces.
    pub length: Option<usize>,
    /// Whether the checksum is wrong.
    #[serde(default)]
    pub wrong_crc: bool,
    /// So many bytes of it, no more.
    pub cut: Option<usize>,
}

impl Script {
    /// What is done in boot number `boot`.
    pub fn of_boot(self, boot: u64) -> Vec<Misdeed> {
        let probabilities: Vec<f64> = self.misdeeds.iter().filter_map(|misdeed| misdeed.probability).collect();
        let chosen = choice::choose(self.seed, boot, &probabilities);
        let mut random = 0..;
        let now = |misdeed: &Misdeed| {
            let lot = misdeed.probability.is_none() || random.next() == chosen;
            lot && misdeed.boots.as_ref().is_none_or(|boots| boots.contains(&boot))
        };
        self.misdeeds.into_iter().filter(now).collect()
    }
}
