//! A small HTTP server for tests, on 127.0.0.1: one connection at a time, one request each. It can also keep silent, or never end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A server that ends when it is dropped.
pub struct FakeHttp {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Asked>>>,
    thread: Option<JoinHandle<()>>,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET /path?query`.
    pub line: String,
    /// The `Authorization` header, or nothing.
    pub authorization: String,
    /// Every header, its name in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// What is answered.
pub enum Said {
    /// A status, header lines, and a body.
    This(u16, Vec<String>, Vec<u8>),
    /// Nothing, until the other side gives up.
    Nothing,
    /// A body that never ends.
    Endless,
}

impl Said {
    /// JSON with that status.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::This(status, vec!["Content-Type: application/json".to_owned()], body.to_string().into_bytes())
    }
}

impl FakeHttp {
    /// Begins to answer.
    pub fn start(mut answer: impl FnMut(&Asked) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (stopping, noting) = (Arc::clone(&stop), Arc::clone(&seen));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let Some(asked) = read(&stream) else { continue };
                let said = answer(&asked);
                noting.lock().unwrap().push(asked);
                let _ = write(&stream, said);
            }
        });
        Self { address, stop, seen, thread: Some(thread) }
    }

    /// Where it is, with that path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All that was asked so far.
    pub fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for FakeHttp {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (mut length, mut headers) = (0, Vec::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.split_once(':') else { break };
        let value = value.trim().to_owned();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        }
        headers.push((name.to_ascii_lowercase(), value));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    if line.is_empty() {
        return None;
    }
    let body = String::from_utf8(body).ok()?;
    let asked = Asked { line, authorization: String::new(), headers, body };
    let authorization = asked.headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.clone());
    Some(Asked { authorization: authorization.unwrap_or_default(), ..asked })
}

fn write(mut stream: &TcpStream, said: Said) -> std::io::Result<()> {
    match said {
        Said::This(status, headers, body) => {
            let mut head = format!("HTTP/1.1 {status} Something\r\nContent-Length: {}\r\n", body.len());
            for header in headers {
                head += &format!("{header}\r\n");
            }
            stream.write_all(format!("{head}\r\n").as_bytes())?;
            stream.write_all(&body)
        }
        Said::Nothing => stream.read_to_end(&mut Vec::new()).map(|_| ()),
        Said::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            loop {
                stream.write_all(b"400\r\n")?;
                stream.write_all(&[b'x'; 0x400])?;
                stream.write_all(b"\r\n")?;
            }
        }
    }
}
