//! The HTTP server as a process, as the workloads run it.

#![cfg(test)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use firebench_protocol::service::body;

/// The server with these options, on a port that was free.
fn serve(options: &[&str]) -> (Child, u16) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let agent = env!("CARGO_BIN_EXE_firebench-agent");
    let mut command = Command::new(agent);
    command.args(["serve", "--port", &free.to_string()]).args(options).stderr(Stdio::piped());
    (command.spawn().expect("the agent"), free)
}

/// A connection, once it listens.
fn connected(port: u16) -> TcpStream {
    let begun = Instant::now();
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
                return stream;
            }
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(60), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The body of an answer, over a connection that stays open.
fn get(stream: &mut TcpStream, path: &str) -> Vec<u8> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.extend(byte);
    }
    let head = String::from_utf8(head).expect("text");
    let length = head.split_once("Content-Length: ").expect("a length").1.lines().next().expect("a line");
    let mut answer = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut answer).expect("a body");
    answer
}

#[test]
fn it_serves_many_connections_and_ends_when_it_is_told() {
    let (mut server, port) = serve(&["--body", "5000"]);
    let mut streams: Vec<TcpStream> = (0..20).map(|_| connected(port)).collect();
    for _ in 0..3 {
        for stream in &mut streams {
            assert_eq!(get(stream, "/body"), body(5000));
            assert_eq!(get(stream, "/"), b"firebench\n");
        }
    }
    // What is no request ends its connection, and none else.
    let mut odd = connected(port);
    odd.write_all(b"\x01\x02\x03\r\n\r\n").expect("sent");
    let mut refusal = String::new();
    odd.read_to_string(&mut refusal).expect("an end");
    assert!(refusal.starts_with("HTTP/1.1 400 "), "{refusal}");
    let mut long = connected(port);
    long.write_all(&[b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 8000]].concat()).expect("sent");
    // Its answer is the end of the connection, however that comes.
    let _ = long.read_to_end(&mut Vec::new());
    assert_eq!(get(&mut streams[0], "/shutdown"), b"firebench\n");
    assert_eq!(server.wait().expect("an end").code(), Some(0));
}

#[test]
fn it_waits_before_it_listens() {
    let begun = Instant::now();
    let (mut server, port) = serve(&["--body", "1", "--delay", "200"]);
    let mut stream = connected(port);
    assert!(begun.elapsed() >= Duration::from_millis(200));
    get(&mut stream, "/shutdown");
    assert_eq!(server.wait().expect("an end").code(), Some(0));
}

#[test]
fn it_says_why_it_cannot_serve() {
    let taken = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    for (options, reason) in [
        (&["--port", &port][..], "Address already in use"),
        (&["--speed", "1"], "unknown option --speed"),
        (&["--disk", "/nonexistent/file"], "/nonexistent/file: No such file"),
    ] {
        let (server, _) = serve(options);
        let output = server.wait_with_output().expect("an end");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(reason), "{said}");
        assert!(said.starts_with("firebench-agent: cannot serve: "), "{said}");
    }
}
