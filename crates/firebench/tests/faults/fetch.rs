//! Downloads that do not come to their end, from a server of the test's own.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::require;
use crate::support::common::{Lab, SOON, wait_for};
use crate::support::need;

/// A release that a server promises.
const ARCHIVE: &str = "firecracker-v1.12.0-x86_64.tgz";
/// Its size: more than any of the full disks here can take.
const BYTES: usize = 4 << 20;

/// Serves the release; `answer` what comes of the archive itself. Returns the URL.
fn serve(answer: fn(&mut TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).expect("a request");
            if request.contains(".sha256.txt") {
                let list = format!("{}  {ARCHIVE}\n", "0".repeat(64));
                let _ = write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{list}", list.len());
            } else {
                std::thread::spawn(move || answer(&mut stream));
            }
        }
    });
    url
}

fn head(stream: &mut TcpStream) {
    let _ = write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {BYTES}\r\n\r\n");
}

const FETCH: [&str; 7] = ["fetch", "firecracker", "--from", "release", "--version", "1.12.0", "--url"];

#[test]
fn a_killed_fetch_takes_its_download_along_and_the_next_one_sweeps() {
    require!(need::program("curl", "curl"));
    let mut lab = Lab::without_vms();
    lab.data = lab.path("data");
    let url = serve(|stream| {
        head(stream);
        let _ = stream.write_all(&[7; 1000]);
        std::thread::sleep(Duration::from_secs(60));
    });
    let staged = || {
        let names =
            std::fs::read_dir(&lab.data).into_iter().flatten().map(|entry| entry.expect("an entry").file_name());
        names.filter(|name| name.to_string_lossy().starts_with(".fetch-")).count()
    };
    let running = lab.firebench(&FETCH).arg(&url).start();
    let words = ["curl", &format!("{ARCHIVE} --output")];
    let curl = wait_for("the archive's download", Duration::from_secs(20), || lab.processes(&words).first().copied());
    running.signal(Signal::SIGKILL);
    running.finish_and_leave();
    wait_for("the end of curl", SOON, || (!lab.processes(&[]).contains(&curl)).then_some(()));
    assert_eq!(staged(), 1, "what was downloaded so far");
    // Nobody listens there: another fault, in which the next fetch sweeps all the same.
    let outcome = lab.firebench(&FETCH).arg("http://127.0.0.1:1").run();
    outcome.fails(3, &["cannot fetch http://127.0.0.1:1/v1.12.0/", "check the version and the URL"]);
    assert_eq!(staged(), 0);
}

#[test]
fn no_space_for_a_download() {
    require!(need::program("curl", "curl"), need::namespaces());
    let mut lab = Lab::without_vms();
    lab.data = lab.path("data");
    std::fs::create_dir(&lab.data).expect("a directory");
    let url = serve(|stream| {
        head(stream);
        let _ = stream.write_all(&vec![7; BYTES]);
    });
    let script = format!(
        r#"
        mount -t tmpfs -o size=512k,mode=755 tmpfs "$FIREBENCH_DATA"
        $FIREBENCH {} "$URL" && exit 1 || echo "code: $?"
        find "$FIREBENCH_DATA" -mindepth 1
        "#,
        FETCH.join(" ")
    );
    let outcome = lab.in_namespace(&script).env("URL", url).run().ok();
    assert_eq!(outcome.stdout, "code: 3\n", "{outcome}");
    let error = outcome.error();
    assert!(error.contains(ARCHIVE) && error.contains("hint: "), "{outcome}");
    assert!(error.contains("check permissions and free space"), "{outcome}");
}

#[test]
fn a_server_that_never_stops_sending() {
    require!(need::program("curl", "curl"));
    let mut lab = Lab::without_vms();
    lab.data = lab.path("data");
    let url = serve(|stream| {
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
        while stream.write_all(&[7; 1 << 20]).is_ok() {}
    });
    let outcome = lab.firebench(&FETCH).arg(&url).within(120).run();
    outcome.fails(3, &[".tgz has more than 134217728 bytes", "check the version and the URL"]);
    assert_eq!(std::fs::read_dir(&lab.data).expect("the directory").count(), 0, "nothing is left of it");
}
