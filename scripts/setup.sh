# Sourced by ./bench and ./test: installs what is missing on Debian 12 and 13, as root or through sudo.
# Nothing is done, and little time spent, when nothing is missing.

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$1" >&2; [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2; exit 3; }
have() { command -v "$1" >/dev/null 2>&1; }

PATH="$PATH:/usr/sbin:/sbin"
MINIMUM_RUST=85 # 1.85: what Cargo.toml says

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif have sudo; then sudo "$@"
  else die "root is needed to install packages: $*" "run this script as root, or install sudo"
  fi
}

apt_updated=
apt_update() { [ -n "$apt_updated" ] || { say "apt-get update"; as_root apt-get update -qq; apt_updated=1; }; }

apt_install() {
  have apt-get || die "these Debian packages are missing and there is no apt-get here: $*" "install what they hold by hand"
  apt_update
  say "installing $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove "$@" >/dev/null
}

rust_minor() { rustc --version | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p'; }

rust_is_new_enough() {
  have cargo && have rustc || return 1
  local minor; minor=$(rust_minor)
  [ -n "$minor" ] && [ "$minor" -ge "$MINIMUM_RUST" ]
}

# Debian 13 has a recent enough Rust as `rustc`, Debian 12 as `rustc-web` (a newer one, kept for browsers).
install_rust() {
  rust_is_new_enough && return
  ! have rustup || die "the Rust toolchain is older than 1.$MINIMUM_RUST" "rustup update stable"
  apt_update
  if apt-cache show cargo-web >/dev/null 2>&1; then apt_install cargo-web rustc-web
  else apt_install cargo rustc
  fi
  hash -r
  rust_is_new_enough || die "no Rust of version 1.$MINIMUM_RUST or newer is to be had from apt" "install one with rustup"
}

# Whether the compiler came with the runtime of AddressSanitizer.
has_asan() {
  local lib; lib=$(rustc --print target-libdir)
  compgen -G "$lib/librustc-*_rt.asan.a" >/dev/null
}

# Where a newer qemu-utils came from backports, the matching QEMU must come from there, too: the entry is derived
# from the configured sources and used for this one installation.
install_qemu() {
  have qemu-system-x86_64 && return
  apt_update
  if apt-get install -s -qq --no-install-recommends --no-remove qemu-system-x86 >/dev/null 2>&1; then
    apt_install qemu-system-x86
    return
  fi
  local codename entry list
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  entry=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
    awk -v suite="$codename" '$2 == suite { print $1; exit }')
  [ -n "$entry" ] || die "apt cannot install qemu-system-x86" "see what 'apt-get install qemu-system-x86' says"
  say "qemu-system-x86 clashes with what is installed: taking the one from $codename-backports"
  list=/etc/apt/sources.list.d/firebench-backports.list
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $entry $codename-backports main" |
    as_root tee "$list" >/dev/null
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends --no-remove -t "$codename-backports" qemu-system-x86 >/dev/null || {
    as_root rm -f "$list"; die "qemu-system-x86 could not be installed from $codename-backports either"; }
  as_root rm -f "$list"
}

# install_programs PROGRAM=PACKAGE...
install_programs() {
  local pair missing=()
  for pair in "$@"; do have "${pair%%=*}" || missing+=("${pair##*=}"); done
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
}

# install_optional PROGRAM=PACKAGE...
install_optional() {
  local pair missing=()
  for pair in "$@"; do have "${pair%%=*}" || missing+=("${pair##*=}"); done
  [ ${#missing[@]} = 0 ] || (apt_install "${missing[@]}") || say "not installed: ${missing[*]}"
}

# install_libraries PACKAGE=FILE...
install_libraries() {
  local pair missing=()
  for pair in "$@"; do compgen -G "/usr/lib/*/${pair##*=}" >/dev/null || missing+=("${pair%%=*}"); done
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
}

install_all() {
  [ "$(uname -m)" = x86_64 ] || die "firebench runs on x86_64 alone, this is $(uname -m)"
  install_programs cc=gcc curl=curl mke2fs=e2fsprogs debugfs=e2fsprogs python3=python3
  [ -e /etc/ssl/certs/ca-certificates.crt ] || apt_install ca-certificates
  [ -e /usr/lib/x86_64-linux-gnu/libc.a ] || apt_install libc6-dev
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
  # The tests make roots and container images with them; where they cannot be had, those tests say what is missing.
  install_optional mmdebstrap=mmdebstrap skopeo=skopeo umoci=umoci
  # What bwrap and runc are linked with.
  install_libraries libcap2=libcap.so.2 libselinux1=libselinux.so.1 libseccomp2=libseccomp.so.2
  install_rust
  install_qemu
}

# cargo-deny, which holds the dependencies to deny.toml. What an older Rust can build cannot read today's advisories.
install_cargo_deny() {
  PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
  cargo deny --version >/dev/null 2>&1 && return
  local version=0.18.3
  [ "$(rust_minor)" -lt 88 ] || version=0.20.2
  say "building cargo-deny $version (once, some minutes)"
  # It reads one lock file: quick to build matters, quick to run does not.
  env -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install --quiet --locked cargo-deny --version "$version" --root "${CARGO_HOME:-$HOME/.cargo}"
}

# Licences, duplicates and sources always; advisories where their database is to be had.
check_dependencies() {
  say "cargo deny"
  cargo deny --locked check --hide-inclusion-graph bans licenses sources
  if cargo deny fetch db >/dev/null 2>&1; then cargo deny --locked check --hide-inclusion-graph advisories
  else say "SKIPPED: security advisories, as their database cannot be fetched here"
  fi
}

# Builds firebench, and fetches Firecracker, a kernel, busybox and the programs of other contenders where there are none.
# build_and_fetch [PROFILE]: the tests need no more than what they build anyway.
build_and_fetch() {
  local profile=${1:-release} what dir
  dir=${profile/dev/debug}
  say "building firebench"
  cargo build --profile "$profile" --locked --quiet
  FIREBENCH="${CARGO_TARGET_DIR:-target}/x86_64-unknown-linux-gnu/$dir/firebench"
  for what in firecracker kernel busybox; do
    fetch "$what" || exit 3
  done
  # Without one of these, the others still run.
  for what in bubblewrap runc gvisor uml; do
    fetch "$what" || say "SKIPPED: the contender $what, as its program cannot be fetched here"
  done
}

# Builds the small kernel, once for each version of its source and of the compiler: with two free CPUs in 5 to 10 minutes. In the
# background; finish_small_kernel waits for it.
start_small_kernel() {
  install_programs flex=flex bison=bison bc=bc make=make xz=xz-utils perl=perl
  [ -e /usr/include/libelf.h ] || apt_install libelf-dev
  small_kernel_log=$(mktemp)
  nice -n 5 "$FIREBENCH" kernel build --if-missing >"$small_kernel_log" 2>&1 &
  small_kernel=$!
  trap 'kill "$small_kernel" 2>/dev/null || true; rm -f "$small_kernel_log"' EXIT
}

finish_small_kernel() {
  kill -0 "$small_kernel" 2>/dev/null && say "waiting for the small kernel (once, some minutes)"
  wait "$small_kernel" || { cat "$small_kernel_log" >&2; die "the small kernel cannot be built" "see above"; }
  rm -f "$small_kernel_log"
  trap - EXIT
}

fetch() {
  "$FIREBENCH" fetch "$1" --if-missing && return
  # apt has no lists on a fresh machine; one more try with them.
  [ "$1" != firecracker ] && [ -z "$apt_updated" ] && have apt-get || return
  apt_update
  "$FIREBENCH" fetch "$1" --if-missing
}

ordinary_kernel_package() {
  apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*-amd64\)$/\1/p' | grep .
}

# Debian's ordinary kernel, whose file systems are modules: for the tests alone, so not where firebench fetches to. Prints
# the package's path.
fetch_ordinary_kernel() {
  local dir package uri file
  dir="${CARGO_TARGET_DIR:-target}/test-kernels"
  mkdir -p "$dir"
  package=$(ordinary_kernel_package) || { apt_update; package=$(ordinary_kernel_package); } || return
  # Where the package lies already, apt would not say its name.
  uri=$(cd / && apt-get --quiet --print-uris download "$package") || return
  file=$(awk '{ print $2; exit }' <<<"$uri")
  if [ ! -e "$dir/$file" ]; then
    say "downloading $package, for the tests"
    rm -f "$dir"/*.deb
    (cd "$dir" && apt-get --quiet --quiet download "$package" >&2) || return
  fi
  realpath "$dir/$file"
}
