//! `firebench image`: builds, lists and removes guest images.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use firebench_host::fetch;
use firebench_image::Error;
use firebench_image::cache::{Cache, Listed};
use firebench_image::disk::{DiskSpec, build_root_disk};
use firebench_image::payload::Payload;
use firebench_image::roots::{Root, RootSpec};
use firebench_model::experiment::DEFAULT_SEED;
use firebench_text::units::Size;

use super::failure::Failure;
use super::storage_args::StorageArgs;
use super::{output, system};
use crate::prepare::{PrepareError, addition, root_source};

#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Build a root disk, unless the cache has it, and print its path
    Build {
        /// Size of the random file
        #[arg(long, default_value = "1GiB")]
        size: Size,
        /// Seed of the random file
        #[arg(long, default_value_t = DEFAULT_SEED, conflicts_with_all = ["urandom", "file"])]
        seed: u64,
        /// Random bytes of the system instead of the seeded stream
        #[arg(long, conflicts_with = "file")]
        urandom: bool,
        /// A file of yours instead of the seeded stream
        #[arg(long, value_name = "PATH", conflicts_with = "size")]
        file: Option<PathBuf>,
        /// Add a file or directory to the image; may be given several times
        #[arg(long, value_name = "HOST[=GUEST]")]
        add: Vec<String>,
        /// Make the disk of a root of yours, as `firebench run --root` does, without a random file: a directory, a tar archive, or a
        /// container image as an OCI layout, an OCI archive or an archive of `docker save`, of which PATH#TAG chooses one; or
        /// debian:SUITE[,PACKAGE...], which mmdebstrap makes once
        #[arg(long, value_name = "ROOT", conflicts_with_all = ["size", "seed", "urandom", "file"])]
        from: Option<PathBuf>,
    },
    /// List what the cache holds
    List {
        /// Read everything and compare it with its digests
        #[arg(long)]
        verify: bool,
    },
    /// Remove the least recently used entries, until the cache is small enough
    Gc {
        /// Maximum size of the cache
        #[arg(long, default_value = "8GiB")]
        max_size: Size,
    },
}

/// Entries of the cache that are damaged.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("damaged in the cache: {0}")]
#[diagnostic(help(
    "the next run builds damaged programs and kernels again by itself; for a damaged payload, run `firebench image gc \
    --max-size 0`, which removes everything that no run uses and firebench builds again when needed"
))]
struct DamagedEntries(String);

/// Whether an entry still is what was put into the cache: all of it is read.
fn is_intact(cache: &Cache, entry: &Listed) -> Result<bool, Error> {
    match cache.verify(&entry.kind, &entry.key) {
        Err(Error::Damaged { .. }) => Ok(false),
        result => result,
    }
}

/// The busybox that goes into every root.
fn busybox(places: &StorageArgs) -> Result<PathBuf, Failure> {
    let named = std::env::var_os("FIREBENCH_BUSYBOX").map(PathBuf::from);
    let found = fetch::find_busybox(&places.data_dir()?, named.as_deref());
    let found = found.map_err(|e| if named.is_some() { Failure::of_named(e) } else { e.into() })?;
    Ok(found.ok_or(PrepareError::NoBusybox)?)
}

pub(super) fn main(args: &ImageArgs, places: &StorageArgs) -> Result<(), Failure> {
    let interrupt = system::catch_signals()?;
    let cache = places.cache(false, &interrupt)?;
    match &args.what {
        What::Build { add, from: Some(from), .. } => {
            // The archive stays in the cache while it is read.
            let (source, _debian) = Failure::unless_stopped(root_source(from, &cache, true), &interrupt)?;
            let add = add.iter().map(|text| addition(text)).collect::<Result<_, _>>()?;
            let mount_points = crate::prepare::mount_points();
            let spec = RootSpec { source, busybox: busybox(places)?, add, mount_points };
            let root = Failure::unless_stopped(Root::read(&cache, &spec.source), &interrupt)?;
            let disk = Failure::unless_stopped(root.disk(&cache, &spec), &interrupt)?;
            output::print(&format!(
                "{}\n{} bytes, root of {} names and {} bytes with sha256 {}\n",
                disk.path.display(),
                disk.bytes,
                root.names,
                root.bytes,
                root.sha256
            ))
        }
        What::Build { size, seed, urandom, file, add, from: None } => {
            let payload = match file {
                Some(path) => Payload::File { path: path.clone() },
                None if *urandom => Payload::Urandom { bytes: size.0 },
                None => Payload::Seeded { seed: *seed, bytes: size.0 },
            };
            let busybox = busybox(places)?;
            let add = add.iter().map(|text| addition(text)).collect::<Result<_, _>>()?;
            let built = build_root_disk(&cache, &DiskSpec { busybox, payload: Some(payload), add, layout: 0 });
            let disk = Failure::unless_stopped(built, &interrupt)?;
            output::print(&format!(
                "{}\n{} bytes, payload of {} bytes with sha256 {}\n",
                disk.path.display(),
                disk.image_bytes,
                disk.payload_bytes,
                disk.sha256_of_payload
            ))
        }
        What::List { verify } => {
            let mut text = String::new();
            let mut damaged = Vec::new();
            for entry in cache.list()? {
                let id = format!("{}/{}", entry.kind, entry.key);
                let state =
                    match verify.then(|| Failure::unless_stopped(is_intact(&cache, &entry), &interrupt)).transpose()? {
                        None => "",
                        Some(true) => "intact   ",
                        Some(false) => {
                            damaged.push(id.clone());
                            "DAMAGED  "
                        }
                    };
                let mib = entry.bytes as f64 / f64::from(1 << 20);
                // Writing to a String does not fail.
                let _ = writeln!(text, "{mib:>9.1} MiB  {state}{id}  {}", entry.description);
            }
            output::print(&text)?;
            if damaged.is_empty() { Ok(()) } else { Err(DamagedEntries(damaged.join(", ")).into()) }
        }
        What::Gc { max_size } => {
            let report = cache.gc(max_size.0)?;
            let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            output::print(&format!(
                "removed {} entries ({:.1} MiB), kept {} ({:.1} MiB), {} of them in use\n",
                report.removed.len(),
                mib(report.freed_bytes),
                report.kept,
                mib(report.kept_bytes),
                report.in_use
            ))
        }
    }
}
