//! A launch as a shell script, ready to paste.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::machine::{Jail, LOADER, LOADER_PATH, Launch, LaunchFile, Overlay, Peer, Tap, Veth};
use crate::requests::Requests;

/// The network namespace of the script. The product makes one without a name.
const NAMESPACE: &str = "firebench";

/// The one with the other end of a card in it.
const HOST_NAMESPACE: &str = "firebench-host";

/// What gives a command processes of its own, also where it is not root that runs the script.
const OWN_PROCESSES: &str = "unshare --map-root-user --pid --fork --kill-child --mount-proc --net --ipc --uts";
/// The same for root in a network namespace with a card, where the command needs the rights of root.
const OWN_PROCESSES_OF_ROOT: &str = "unshare --pid --fork --kill-child --mount-proc --ipc --uts";

impl Launch {
    /// The launch as lines for a POSIX shell: its files, its tap or veth in network namespaces (which take root), the command on
    /// its CPUs with one flag a line as in the published benchmark, and the namespaces' removal. A limit of memory is a
    /// comment, as what sets it differs between machines. What has its processes to itself starts under unshare(1). What is told more after its start
    /// runs in the background, and curl(1) tells it. The text ends with a newline.
    pub fn to_shell(&self) -> String {
        let mut script = String::new();
        let of_files = self.files.iter().filter_map(|file| file.path.parent());
        let directories: BTreeSet<_> = self.directories.iter().map(PathBuf::as_path).chain(of_files).collect();
        for directory in directories {
            script += &format!("mkdir -p {}\n", quote(&directory.to_string_lossy()));
        }
        for file in &self.files {
            script += &write(file);
        }
        if let Some(jail) = &self.jail {
            script += &furnish(jail, &self.files);
        }
        if let Some(bytes) = self.memory_limit {
            script += &format!(
                "# With {bytes} bytes of memory where control groups allow it, as after: systemd-run --scope \
                 -p MemoryMax={bytes} -p MemorySwapMax=0\n"
            );
        }
        let mut command = command(&self.argv);
        if let Some(libraries) = &self.libraries {
            let loader = quote(&libraries.join(LOADER).to_string_lossy()).into_owned();
            let libraries = quote(&libraries.to_string_lossy()).into_owned();
            let shell = format!("mount --bind {loader} {LOADER_PATH} && LD_LIBRARY_PATH={libraries} exec \"$@\"");
            command = format!("sh -c {} sh {command}", quote(&shell));
        }
        if !self.emptied.is_empty() {
            let mounts =
                self.emptied.iter().map(|path| format!("mount -t tmpfs none {} && ", quote(&path.to_string_lossy())));
            command = format!("sh -c {} sh {command}", quote(&format!("{}exec \"$@\"", mounts.collect::<String>())));
        }
        if let Some(Overlay { lower, memory, seen, bytes }) = &self.overlay {
            let [lower, memory, seen] = [lower, memory, seen].map(|path| quote(&path.to_string_lossy()).into_owned());
            let options = format!("lowerdir={lower},upperdir={memory}/upper,workdir={memory}/work");
            let shell = format!(
                "mount -t tmpfs -o size={bytes} none {memory} && mkdir {memory}/upper {memory}/work && \
                 mount -t overlay -o {options} none {seen} && exec \"$@\""
            );
            command = format!("sh -c {} sh {command}", quote(&shell));
        }
        if self.own_processes {
            command = format!("{} {command}", if self.has_card() { OWN_PROCESSES_OF_ROOT } else { OWN_PROCESSES });
        }
        if self.shared_memory.is_some() {
            command = format!("env TMPDIR=/dev/shm {command}");
        }
        if let Some(cpus) = &self.cpus {
            let cpus: Vec<_> = cpus.iter().map(u32::to_string).collect();
            command = format!("taskset -c {} {command}", cpus.join(","));
        }
        let run = match &self.requests {
            None => command,
            Some(requests) => {
                script += &word_each("rm -f", std::iter::once(requests.socket.as_path()));
                format!("{command} &\n{}wait", tell(requests))
            }
        };
        script += &match (&self.tap, &self.veth) {
            (None, None) => format!("{run}\n"),
            (Some(tap), _) => beside_tap(tap, self.peer.as_ref(), &run),
            (None, Some(veth)) => beside_veth(veth, &run),
        };
        if let Some(jail) = &self.jail {
            script += &word_each("umount", jail.files.iter().map(|file| file.seen.as_path()));
        }
        script
    }
}

/// The requests, once there is the socket for them. The product sends all of them through one connection.
fn tell(requests: &Requests) -> String {
    let socket = quote(&requests.socket.to_string_lossy()).into_owned();
    let mut script = format!("while test ! -S {socket} && kill -0 $!; do sleep 0.01; done\n");
    for request in &requests.list {
        script += &format!(
            "curl --fail-with-body --silent --show-error --unix-socket {socket} \\\n    \
             -X {} -H 'Content-Type: application/json' \\\n    \
             -d {} \\\n    \
             {}\n",
            quote(&request.method),
            quote(&request.body),
            quote(&format!("http://localhost{}", request.path)),
        );
    }
    script
}

/// Brings the files into a jail. The product does so in mounts that nobody else sees.
fn furnish(jail: &Jail, files: &[LaunchFile]) -> String {
    let mut script = word_each(&format!("chown {0}:{0}", jail.id), files.iter().map(|file| file.path.as_path()));
    for file in &jail.files {
        let [path, seen] = [&file.path, &file.seen].map(|path| quote(&path.to_string_lossy()).into_owned());
        script += &format!(": > {seen}\nmount -o bind,ro {path} {seen}\n");
    }
    script
}

/// A command on all of the paths.
fn word_each<'a>(command: &str, paths: impl Iterator<Item = &'a std::path::Path>) -> String {
    let words: Vec<_> = paths.map(|path| quote(&path.to_string_lossy()).into_owned()).collect();
    format!("{command} {}\n", words.join(" "))
}

fn beside_tap(tap: &Tap, peer: Option<&Peer>, command: &str) -> String {
    let name = quote(&tap.name);
    let prefix = Veth::PREFIX;
    let address = peer.map(|peer| format!("ip -n {NAMESPACE} address add {}/{prefix} dev {name}\n", peer.address));
    let address = address.unwrap_or_default();
    format!(
        "ip netns add {NAMESPACE}\n\
         ip -n {NAMESPACE} tuntap add dev {name} mode tap vnet_hdr\n\
         {address}\
         ip -n {NAMESPACE} link set dev {name} up\n\
         ip netns exec {NAMESPACE} {command}\n\
         ip netns delete {NAMESPACE}\n"
    )
}

/// Not by `ip netns exec`, which mounts a /sys without control groups, and runc wants to see some.
fn beside_veth(veth: &Veth, command: &str) -> String {
    let [name, host_name] = [&veth.name, &veth.host_name].map(|name| quote(name));
    let Veth { address, host_address, .. } = veth;
    let prefix = Veth::PREFIX;
    format!(
        "ip netns add {NAMESPACE}\n\
         ip netns add {HOST_NAMESPACE}\n\
         ip -n {NAMESPACE} link add {name} type veth peer name {host_name} netns {HOST_NAMESPACE}\n\
         ip -n {HOST_NAMESPACE} address add {host_address}/{prefix} dev {host_name}\n\
         ip -n {HOST_NAMESPACE} link set dev {host_name} up\n\
         ip -n {NAMESPACE} address add {address}/{prefix} dev {name}\n\
         ip -n {NAMESPACE} link set dev lo up\n\
         ip -n {NAMESPACE} link set dev {name} up\n\
         nsenter --net=/run/netns/{NAMESPACE} {command}\n\
         ip netns delete {NAMESPACE}\n\
         ip netns delete {HOST_NAMESPACE}\n"
    )
}

/// The program and then, a line each, its flags with their values.
fn command(argv: &[String]) -> String {
    let mut text = String::new();
    for (index, argument) in argv.iter().enumerate() {
        if index > 0 {
            text += if argument.starts_with('-') { " \\\n   " } else { " " };
        }
        text.push_str(&quote(argument));
    }
    text
}

fn write(file: &LaunchFile) -> String {
    let path = quote(&file.path.to_string_lossy()).into_owned();
    if file.contents.is_empty() {
        return format!(": > {path}\n");
    }
    // What a here-document ends is a line of its own.
    let Some(lines) = file.contents.strip_suffix('\n') else {
        return format!("printf %s {} > {path}\n", quote(&file.contents));
    };
    let mut end = "EOF".to_owned();
    while lines.split('\n').any(|line| line == end) {
        end.push('_');
    }
    format!("cat > {path} <<'{end}'\n{lines}\n{end}\n")
}

/// `text` as one word of a POSIX shell.
pub fn quote(text: &str) -> std::borrow::Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,=@%+".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', r"'\''")).into()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn every_word_comes_back_from_the_shell() {
        for word in
            ["plain", "", "two words", "it's", "$HOME `id` \\ \"", "a\nb", "*", "~", "#", "-x=1", "täp", "=cat", "!"]
        {
            let script = format!("printf %s {}", quote(word));
            let output = Command::new("sh").args(["-c", &script]).output().expect("sh");
            assert_eq!(String::from_utf8(output.stdout).expect("text"), word);
        }
    }

    #[test]
    fn the_script_does_what_the_launch_says() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let work = directory.path().join("it's here");
        let contents = ["{\n  \"a\": \"$x\"\n}\n", "", "EOF\nEOF_\n", "no end", "\n"];
        let files: Vec<_> = contents
            .iter()
            .enumerate()
            .map(|(number, text)| LaunchFile { path: work.join(number.to_string()), contents: (*text).to_owned() })
            .collect();
        let argv = ["printf", "%s|", "-append", "console=ttyS0 'x'", ""].map(str::to_owned).to_vec();
        let launch =
            Launch { argv, files: files.clone(), cpus: Some(vec![0]), memory_limit: Some(1), ..Launch::default() };
        let output = Command::new("sh").args(["-ec", &launch.to_shell()]).output().expect("sh");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8(output.stdout).expect("text"), "-append|console=ttyS0 'x'||");
        for file in files {
            assert_eq!(std::fs::read_to_string(&file.path).expect("written"), file.contents);
        }
    }
}
