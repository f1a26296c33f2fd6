//! A soak: a long run of a fake VMM that misbehaves at random, of a firebench that is killed again and again.
//!
//! Everything follows from a seed. `FIREBENCH_SOAK` is `BOOTS,KILLS,SEED`: how many boots there are at least, how often firebench
//! is killed among them; without it, a short form. `scripts/soak` runs the long one.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]
#![allow(unsafe_code, reason = "processes are put into states that firebench must bear")]

mod misdeeds;
#[path = "../support/mod.rs"]
mod support;
mod watch;

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rusqlite::{Connection, OpenFlags};

use support::common::{Lab, say, wait_for};
use support::fake::{choice, fake};
use support::need;
use watch::Watched;

/// At least so many boots, so many kills, and the seed.
#[derive(Debug, Clone, Copy)]
struct Size {
    boots: usize,
    kills: usize,
    seed: u64,
}

impl Size {
    fn wanted() -> Size {
        let Ok(text) = std::env::var("FIREBENCH_SOAK") else { return Size { boots: 150, kills: 8, seed: 1 } };
        let numbers: Vec<u64> = text.split(',').map(|number| number.parse().expect("BOOTS,KILLS,SEED")).collect();
        let [boots, kills, seed] = numbers.as_slice() else { panic!("BOOTS,KILLS,SEED") };
        Size { boots: *boots as usize, kills: *kills as usize, seed: *seed }
    }
}

/// A boot as the store has it.
#[derive(Debug)]
struct Row {
    status: String,
    block: u32,
    contender: usize,
    retried: bool,
}

/// The boots of the one run of the store, in their order; none while there is no store.
fn rows(store: &Path) -> Vec<Row> {
    let Ok(connection) = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY) else {
        return Vec::new();
    };
    let read = || {
        connection.busy_timeout(Duration::from_secs(10))?;
        let mut statement = connection.prepare("SELECT status, block, contender, retried FROM boots ORDER BY seq")?;
        let row = |row: &rusqlite::Row<'_>| {
            Ok(Row { status: row.get(0)?, block: row.get(1)?, contender: row.get(2)?, retried: row.get(3)? })
        };
        statement.query_map([], row)?.collect::<rusqlite::Result<Vec<Row>>>()
    };
    read().unwrap_or_default()
}

fn value<T: rusqlite::types::FromSql>(store: &Path, sql: &str) -> T {
    let connection = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the store");
    connection.query_row(sql, [], |row| row.get(0)).expect(sql)
}

/// How firebench is ended, mostly with what it cannot catch.
const ENDS: [Signal; 5] = [Signal::SIGKILL, Signal::SIGKILL, Signal::SIGTERM, Signal::SIGKILL, Signal::SIGHUP];

/// The soak as it goes on.
struct Soak<'a> {
    lab: &'a Lab,
    args: Vec<String>,
    digest: String,
    seed: u64,
    /// Lives of firebench so far.
    lives: u64,
    /// Boots that the store had at the end of each life.
    told: usize,
    misdeeds: usize,
}

impl Soak<'_> {
    fn seed(&self) -> u64 {
        choice::draw(self.seed, self.lives).to_bits()
    }

    /// A number below `below`, of this life.
    fn chance(&self, salt: u64, below: u64) -> u64 {
        (choice::draw(self.seed(), u64::MAX - salt) * below as f64) as u64
    }

    /// Starts the run, or lets it go on.
    fn start(&self) -> Watched<'_> {
        let script = format!(
            "{{\"digest\": \"{}\", \"boot_ms\": 2, \"iteration_ms\": 2, \"seed\": {}, \"misdeeds\": {}}}",
            self.digest,
            self.seed(),
            misdeeds::script()
        );
        self.lab.file("fake-vmm.json", script);
        let args: Vec<&str> = match self.told {
            0 => self.args.iter().map(String::as_str).collect(),
            _ => vec!["run", "--resume", "latest", "--max-failures", MANY],
        };
        Watched::new(self.lab.firebench(&args).within(1800).start())
    }

    /// Holds the boots of the life that is over against what was foretold, boot by boot: none is missing, none was made up.
    fn account(&mut self, killed: bool) {
        let rows = rows(&self.lab.store());
        for (number, row) in rows.iter().skip(self.told).enumerate() {
            let (statuses, misdeed) = misdeeds::foretold(self.seed(), number as u64);
            let last = self.told + number + 1 == rows.len();
            let stopped = killed && last && row.status == "interrupted";
            assert!(
                stopped || statuses.contains(&row.status.as_str()),
                "boot {number} of life {}: {row:?}",
                self.lives
            );
            self.misdeeds += usize::from(misdeed);
        }
        assert_eq!(value::<String>(&self.lab.store(), "PRAGMA integrity_check"), "ok");
        self.told = rows.len();
        self.lives += 1;
    }
}

/// More failures than there can be boots.
const MANY: &str = "1000000";

#[test]
fn a_misbehaving_vmm_and_a_firebench_that_is_killed_again_and_again() {
    require!(need::image());
    let size = Size::wanted();
    let lab = Lab::new();
    let fake = fake(&lab, "\"boot_ms\": 0, \"iteration_ms\": 0");
    let script: serde_json::Value =
        serde_json::from_slice(&std::fs::read(fake.with_extension("json")).expect("the script")).expect("JSON");
    let blocks = size.boots.div_ceil(2);
    let mut args = ["run", "memory", "--accel", "tcg", "--size", "1MiB", "--iterations", "2", "--seed", "5"]
        .map(str::to_owned)
        .to_vec();
    args.extend(["--boot-deadline", "4", "--iteration-deadline", "4", "--max-failures", MANY].map(str::to_owned));
    args.extend(["--boots".to_owned(), blocks.to_string()]);
    args.extend(["a", "b"].map(|name| format!("--contender={name}=qemu,binary={}", fake.display())));
    let digest = script["digest"].as_str().expect("a digest").to_owned();
    let mut soak = Soak { lab: &lab, args, digest, seed: size.seed, lives: 0, told: 0, misdeeds: 0 };
    let begun = Instant::now();

    // The kills come in the first half of the boots.
    let most = (size.boots / size.kills.max(1)).max(2) as u64;
    for kill in 0..size.kills {
        let run = soak.start();
        let boots = soak.told + soak.chance(0, most) as usize;
        let pause = Duration::from_millis(soak.chance(1, 60));
        wait_for("some boots", Duration::from_secs(300), || {
            let over = run.is_over();
            (over || rows(&lab.store()).len() >= boots).then_some(())
        });
        std::thread::sleep(pause);
        let signal = ENDS[kill % ENDS.len()];
        // A run that has just failed (a contender never had a good boot) has nothing to be killed.
        if !run.is_over() {
            run.signal(signal);
        }
        let outcome = run.finish();
        assert_ne!(outcome.status.code(), Some(0), "it came to its end before it was killed\n{outcome}");
        soak.account(true);
    }
    let killed = soak.told;

    // And to the end, undisturbed.
    let samples = loop {
        let mut run = soak.start();
        let already = soak.told;
        while !run.is_over() {
            let boots = rows(&lab.store()).len();
            run.sample(boots.saturating_sub(already));
            std::thread::sleep(Duration::from_millis(50));
        }
        let (outcome, samples) = run.finish_with_samples();
        soak.account(false);
        match outcome.status.code() {
            Some(0) => break samples,
            Some(3) if outcome.stderr.contains("error: ") && soak.lives < 10_000 => {}
            _ => panic!("{outcome}"),
        }
    };
    lab.assert_nothing_left(0);

    let rows = rows(&lab.store());
    let whole = whole_blocks(&rows);
    assert_eq!(whole, blocks, "every block that was planned is there, whole");
    assert_eq!(value::<String>(&lab.store(), "SELECT state FROM runs"), "done");
    say(&format!(
        "    {} boots, {} of them misdeeds, {whole} whole blocks; firebench had {} lives, {} of them cut short over {killed} \
         boots; {:.0} s",
        rows.len(),
        soak.misdeeds,
        soak.lives,
        size.kills,
        begun.elapsed().as_secs_f64()
    ));
    assert!(rows.len() >= size.boots, "{}", rows.len());
    let record: i64 = value(&lab.store(), RECORD);
    watch::judge(&samples, record as u64);
}

/// Bytes of what is kept of a boot, as JSON, without the samples.
const RECORD: &str = "SELECT ((SELECT sum(length(record)) FROM boots) + (SELECT sum(length(record)) FROM iterations))
                      / (SELECT count(*) FROM boots)";

/// Blocks in which both contenders have a good boot.
fn whole_blocks(rows: &[Row]) -> usize {
    let mut good: Vec<(u32, usize)> =
        rows.iter().filter(|row| row.status == "ok" && !row.retried).map(|row| (row.block, row.contender)).collect();
    good.sort_unstable();
    let all = good.len();
    good.dedup();
    assert_eq!(good.len(), all, "no boot is there twice");
    good.chunk_by(|one, other| one.0 == other.0).filter(|block| block.len() == 2).count()
}
