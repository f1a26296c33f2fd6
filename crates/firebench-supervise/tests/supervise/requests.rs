//! What a VMM is told after its start, and what it may do instead of taking it. A thread of the test listens in its place.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use firebench_supervise::{Exit, Isolation, Output, Refusal, Vm};
use firebench_vmm::{Launch, Request, Requests};
use tempfile::TempDir;

use super::{command, next_by, script, soon};

const DONE: &str = "HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n";

/// A process that is told two things.
fn told(launch: Launch, socket: &Path) -> Vm {
    let request =
        |path: &str, body: &str| Request { method: "PUT".to_owned(), path: path.to_owned(), body: body.to_owned() };
    let list = vec![request("/first", "{\"a\":1}"), request("/second", "")];
    let launch = Launch { requests: Some(Requests { socket: socket.to_owned(), list }), ..launch };
    Vm::start(&launch, &Isolation::default()).expect("starts")
}

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("temporary directory");
    let socket = directory.path().join("api.sock");
    (directory, socket)
}

/// Listens from now on; to each connection happens what `serve` does with it. What it returns arrives here.
fn listen<T: Send + 'static>(socket: &Path, serve: impl Fn(UnixStream) -> T + Send + 'static) -> Receiver<T> {
    let listener = UnixListener::bind(socket).expect("a socket");
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if send.send(serve(stream.expect("a connection"))).is_err() {
                return;
            }
        }
    });
    receive
}

/// Reads one request; none at the end.
fn request(stream: &mut UnixStream) -> Option<String> {
    let mut text = String::new();
    let mut byte = [0];
    loop {
        let head = text.find("\r\n\r\n").map(|at| at + 4);
        let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map(str::parse::<usize>);
        if let (Some(head), Some(length)) = (head, length) {
            if text.len() == head + length.expect("a length") {
                return Some(text);
            }
        }
        if stream.read(&mut byte).expect("the client lives") == 0 {
            return None;
        }
        text.push(char::from(byte[0]));
    }
}

/// A server that answers the first request with this, and keeps the connection.
fn answers(socket: &Path, answer: impl Into<Vec<u8>>) -> Receiver<UnixStream> {
    let answer = answer.into();
    listen(socket, move |mut stream| {
        request(&mut stream);
        // The client may have gone, having had enough.
        let _ = stream.write_all(&answer);
        stream
    })
}

/// What comes of it, within a minute.
fn refused(vm: &mut Vm) -> Refusal {
    match next_by(vm, soon()) {
        Output::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_request_waits_for_the_answer_to_the_one_before() {
    let (_directory, socket) = directory();
    let mut vm = told(script("sleep 1; echo up; exec sleep 60"), &socket);
    // It looks for the socket again and again.
    assert_eq!(next_by(&mut vm, Instant::now() + Duration::from_millis(200)), Output::Deadline);
    assert_eq!(vm.awaited().as_deref(), Some("has not opened its API socket"));
    let seen = listen(&socket, |mut stream| {
        let first = request(&mut stream).expect("a request");
        // Nothing more comes before the answer.
        stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        assert!(stream.read(&mut [0]).is_err());
        stream.set_read_timeout(None).expect("no timeout");
        // In two pieces.
        stream.write_all(&DONE.as_bytes()[..20]).expect("an answer");
        std::thread::sleep(Duration::from_millis(50));
        stream.write_all(&DONE.as_bytes()[20..]).expect("an answer");
        let second = request(&mut stream).expect("over the same connection");
        stream.write_all(DONE.as_bytes()).expect("an answer");
        (first, second, request(&mut stream))
    });
    assert!(matches!(next_by(&mut vm, soon()), Output::Console { bytes, .. } if bytes == b"up\n"));
    let (first, second, third) = seen.recv_timeout(Duration::from_secs(60)).expect("both requests");
    assert!(first.starts_with("PUT /first HTTP/1.1\r\n") && first.ends_with("\r\n\r\n{\"a\":1}"), "{first}");
    assert!(second.starts_with("PUT /second HTTP/1.1\r\n") && second.ends_with("\r\n\r\n"), "{second}");
    assert_eq!((third, vm.awaited()), (None, None));
    assert_eq!(vm.kill().expect("ends"), Exit::Signal(9));
}

#[test]
fn a_refusal_has_the_words_of_the_vmm() {
    let (_directory, socket) = directory();
    let body = "{\"fault_message\":\"The vCPU number is invalid!\\u001b[2J\"}";
    let answer = format!("HTTP/1.1 400 \r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _server = answers(&socket, answer);
    let mut vm = told(command(&["sleep", "60"]), &socket);
    let refusal = refused(&mut vm);
    assert_eq!(
        refusal.to_string(),
        "the VMM refused PUT /first with status 400: The vCPU number is invalid!\u{fffd}[2J"
    );
}

#[test]
fn what_is_no_answer_ends_it() {
    for (answer, reason) in [
        (b"kernel panic".to_vec(), "it does not begin like an answer of HTTP/1.1"),
        (format!("{DONE}{DONE}").into(), "it is longer than it says"),
        ([b"HTTP/1.1 204 \r\n".to_vec(), b"X: y\r\n".repeat(1 << 20)].concat(), "it is longer than 64 KiB"),
    ] {
        let (_directory, socket) = directory();
        let _server = answers(&socket, answer);
        let mut vm = told(command(&["sleep", "60"]), &socket);
        let refusal = refused(&mut vm);
        let reason = reason.to_owned();
        assert_eq!(refusal, Refusal::Garbled { request: "PUT /first".to_owned(), reason });
    }
}

#[test]
fn whoever_does_not_answer_is_waited_for_until_the_deadline_and_no_longer() {
    let (_directory, socket) = directory();
    let _server = listen(&socket, |stream| stream);
    let mut vm = told(command(&["sleep", "60"]), &socket);
    assert_eq!(next_by(&mut vm, Instant::now() + Duration::from_millis(500)), Output::Deadline);
    assert_eq!(vm.ailment().as_deref(), Some("has not answered PUT /first"));
    let used = std::time::Duration::from(
        nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).expect("clock"),
    );
    assert!(used < Duration::from_millis(400), "it sleeps: {used:?}");
}

#[test]
fn whoever_closes_the_connection_is_given_a_second_to_end() {
    let (_directory, socket) = directory();
    let _server = listen(&socket, |mut stream| drop(request(&mut stream)));
    let mut vm = told(command(&["sleep", "60"]), &socket);
    let begun = Instant::now();
    assert_eq!(refused(&mut vm), Refusal::Closed { request: "PUT /first".to_owned() });
    assert!(begun.elapsed() >= Duration::from_secs(1));

    // How it ends says more.
    let (_directory, socket) = self::directory();
    let _server = listen(&socket, |mut stream| drop(request(&mut stream)));
    let mut vm = told(script("sleep 0.2; exit 7"), &socket);
    assert_eq!(next_by(&mut vm, soon()), Output::Exited(Exit::Code(7)));
    assert_eq!(vm.awaited().as_deref(), Some("has not answered PUT /first"));
}

#[test]
fn what_is_not_the_vmms_socket_is_not_talked_to() {
    let (directory, socket) = directory();
    let elsewhere = directory.path().join("elsewhere");
    let seen = listen(&elsewhere, |_| ());
    std::os::unix::fs::symlink(&elsewhere, &socket).expect("a link");
    let mut vm = told(command(&["sleep", "60"]), &socket);
    let reason = "in its place there is something else".to_owned();
    assert_eq!(refused(&mut vm), Refusal::Socket { reason });
    assert!(seen.try_recv().is_err(), "nobody was connected to");
}

#[test]
fn a_socket_whose_path_is_too_long_for_the_system_is_reached() {
    let (directory, _) = directory();
    let long = directory.path().join("d".repeat(120));
    std::fs::create_dir(&long).expect("a directory");
    let place = File::open(&long).expect("a directory");
    let _server =
        answers(&PathBuf::from(format!("/proc/self/fd/{}/api.sock", place.as_raw_fd())), "HTTP/1.1 500 \r\n\r\n");
    let mut vm = told(command(&["sleep", "60"]), &long.join("api.sock"));
    let words = "it does not say why".to_owned();
    assert_eq!(refused(&mut vm), Refusal::Refused { request: "PUT /first".to_owned(), status: 500, words });
}
