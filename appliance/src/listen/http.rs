//! HTTP/1.1 over one connection: read a head, check it, read the body, have it answered, go on.
//!
//! Everything that a peer can draw out has a deadline, and everything that it can send has a bound.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_lite::{AsyncRead, AsyncWrite, AsyncWriteExt, Stream, future};
use smol::lock::{Semaphore, SemaphoreGuard};

use super::Stop;
use super::chunked::{BadChunks, Chunks};
use super::head::{self, BadHead, Framing, Head, MAX_HEAD};
use super::limits::Timeouts;
use crate::http::{BODY_LIMIT, Incoming, Outgoing, Peer, Router};
use crate::system;

/// What is read at once.
const READ: usize = 4096;
/// What is written at once, at most: one TLS record.
const WRITE: usize = 16 * 1024;
/// Room for the head of an answer, so that head and body leave in one record.
const HEAD_ROOM: usize = 2048;
/// What is still read from a peer that keeps talking after the last answer.
const DRAIN: usize = 256 * 1024;

/// Bodies over [`BODY_LIMIT`] that may be in memory at a time: the device has room for two, not for one on every connection.
const LONG_BODIES: usize = 2;

/// What all connections share.
pub(crate) struct Site {
    router: Router,
    pub(crate) timeouts: Timeouts,
    long_bodies: Semaphore,
}

impl Site {
    pub(crate) fn new(router: Router, timeouts: Timeouts) -> Self {
        Self { router, timeouts, long_bodies: Semaphore::new(LONG_BODIES) }
    }
}

/// Serves one connection to its end.
pub(crate) async fn converse<S: AsyncRead + AsyncWrite + Unpin>(site: &Site, io: S, peer: Peer, stop: Stop) {
    let watch = Watch { timer: system::unset_timer(), deadline: system::monotonic(), armed: None };
    let mut talk = Talk { site, io, peer, stop: Box::pin(stop), input: Vec::new(), watch };
    let end = loop {
        match talk.exchange().await {
            Ok(ControlFlow::Continue(())) => future::yield_now().await,
            Ok(ControlFlow::Break(())) => break End::Answered,
            Err(end) => break end,
        }
    };
    talk.finish(end).await;
}

/// Why a connection ends.
enum End {
    /// The peer went away, was idle for too long, or does not take the answer.
    Quiet,
    /// After an answer that said so.
    Answered,
    /// After telling what is wrong.
    Refused(u16, &'static str),
    /// After saying that there is no room now.
    Busy,
}

impl From<BadHead> for End {
    fn from(bad: BadHead) -> Self {
        Self::Refused(bad.status, bad.text)
    }
}

const TOO_LONG: End = End::Refused(413, "The request body is too long.");
const STRANGER: End = End::Refused(413, "A body of this length needs a token or a session.");
const BAD_CHUNKS: End = End::Refused(400, "The chunks of the request body are not framed as RFC 9112 says.");

/// One connection.
struct Talk<'a, S> {
    site: &'a Site,
    io: S,
    peer: Peer,
    stop: Pin<Box<Stop>>,
    /// Bytes that came and are not used up: part of a head or body, or pipelined requests.
    input: Vec<u8>,
    watch: Watch,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Talk<'a, S> {
    /// One request and its answer.
    async fn exchange(&mut self) -> Result<ControlFlow<()>, End> {
        let end = self.read_head().await?;
        let checked = head::check(self.input.get(..end).unwrap_or_default())?;
        let mut bytes: Vec<u8> = self.input.drain(..end).collect();
        let limit = self.body_limit(&checked, &bytes);
        // Held until the answer is made.
        let room = self.room(&checked, limit)?;
        let body = self.read_body(&checked, limit).await?;
        if let Some(expect) = checked.expect {
            bytes.drain(expect);
        }
        let close = checked.close || self.stop.is_closed();
        let incoming = Incoming { head: bytes, body, peer: self.peer, close };
        let answer = self.site.router.answer(incoming).await;
        drop(room);
        self.input.shrink_to(READ);
        self.write_answer(answer).await?;
        Ok(if close { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn body_limit(&self, head: &Head, bytes: &[u8]) -> usize {
        let word = |place| bytes.get(place).and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default();
        let method = word(0..head.target.start.saturating_sub(1));
        let path = word(head.target.clone()).split('?').next().unwrap_or_default();
        self.site.router.body_limit(method, path)
    }

    /// Room for a long body, before any of it is read; `None` for a body that needs none.
    fn room(&self, head: &Head, limit: usize) -> Result<Option<SemaphoreGuard<'a>>, End> {
        let long = match head.framing {
            Framing::None => false,
            Framing::Length(length) if length > limit as u64 => return Err(TOO_LONG),
            Framing::Length(length) => length > BODY_LIMIT as u64,
            Framing::Chunked => limit > BODY_LIMIT,
        };
        if !long {
            return Ok(None);
        }
        let stranger = match self.peer {
            Peer::Network(_) => !head.credential,
            Peer::Control { .. } => false,
        };
        if stranger {
            return Err(STRANGER);
        }
        self.site.long_bodies.try_acquire().map(Some).ok_or(End::Busy)
    }

    /// Reads until a whole head is there, and says where it ends.
    async fn read_head(&mut self) -> Result<usize, End> {
        let timeouts = &self.site.timeouts;
        let (idle, slow) = (timeouts.idle, timeouts.head);
        if self.input.is_empty() {
            self.watch.set(idle);
            self.read_some(true).await?;
        }
        self.watch.set(slow);
        let mut looked = 0;
        loop {
            if let Some(end) = head::end_of_head(&self.input, looked) {
                return Ok(end);
            }
            if self.input.len() > MAX_HEAD {
                return Err(End::Refused(431, "The request head is too long."));
            }
            looked = self.input.len();
            self.read_some(false).await?;
        }
    }

    async fn read_body(&mut self, head: &Head, limit: usize) -> Result<Vec<u8>, End> {
        if head.framing == Framing::None {
            return Ok(Vec::new());
        }
        self.watch.set(self.site.timeouts.body);
        if head.expect.is_some() && self.input.is_empty() {
            self.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        if let Framing::Length(length) = head.framing {
            let length = usize::try_from(length).map_err(|_| TOO_LONG)?;
            let mut body = Vec::new();
            loop {
                let more = self.input.len().min(length - body.len());
                body.extend(self.input.drain(..more));
                if body.len() == length {
                    return Ok(body);
                }
                self.read_some(false).await?;
            }
        }
        let (mut chunks, mut body) = (Chunks::new(limit), Vec::new());
        loop {
            let taken = chunks.decode(&self.input, &mut body).map_err(|bad| match bad {
                BadChunks::Malformed => BAD_CHUNKS,
                BadChunks::TooLong => TOO_LONG,
            })?;
            self.input.drain(..taken);
            if chunks.done() {
                return Ok(body);
            }
            self.read_some(false).await?;
        }
    }

    /// Adds what comes to `input`: at least one byte, or it is an end.
    async fn read_some(&mut self, idle: bool) -> Result<(), End> {
        let Self { io, input, watch, stop, .. } = self;
        poll_fn(|cx| {
            // On the stack only while polled: a connection that waits holds no buffer.
            let mut chunk = [0; READ];
            match Pin::new(&mut *io).poll_read(cx, &mut chunk) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(End::Quiet)),
                Poll::Ready(Ok(n)) => {
                    input.extend_from_slice(chunk.get(..n).unwrap_or_default());
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending => {}
            }
            if idle && stop.as_mut().poll_next(cx).is_ready() {
                return Poll::Ready(Err(End::Quiet));
            }
            watch.poll(cx).map(|()| {
                Err(if idle { End::Quiet } else { End::Refused(408, "The request took too long to arrive.") })
            })
        })
        .await
    }

    async fn write_answer(&mut self, mut answer: Outgoing) -> Result<(), End> {
        let mut buffer = vec![0; (answer.body_length() + HEAD_ROOM).min(WRITE)];
        loop {
            let filled = answer.read(&mut buffer).await.map_err(|_| End::Quiet)?;
            self.watch.set(self.site.timeouts.write);
            self.write_all(buffer.get(..filled).unwrap_or_default()).await?;
            if filled < buffer.len() {
                return Ok(());
            }
        }
    }

    async fn write_all(&mut self, bytes: &[u8]) -> Result<(), End> {
        let Self { io, watch, .. } = self;
        let mut rest = bytes;
        poll_fn(|cx| {
            while !rest.is_empty() {
                match Pin::new(&mut *io).poll_write(cx, rest) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(End::Quiet)),
                    Poll::Ready(Ok(n)) => rest = rest.get(n..).unwrap_or_default(),
                    Poll::Pending => return watch.poll(cx).map(|()| Err(End::Quiet)),
                }
            }
            match Pin::new(&mut *io).poll_flush(cx) {
                Poll::Ready(done) => Poll::Ready(done.map_err(|_| End::Quiet)),
                Poll::Pending => watch.poll(cx).map(|()| Err(End::Quiet)),
            }
        })
        .await
    }

    /// Says the last words and closes. A peer that still sends is read from for a moment: a reset would destroy
    /// the answer on its way.
    async fn finish(mut self, end: End) {
        let linger = match end {
            End::Quiet => false,
            End::Answered => !self.input.is_empty(),
            End::Refused(status, text) => {
                let answer = self.site.router.refuse(status, text, self.peer);
                self.write_answer(answer).await.is_ok()
            }
            End::Busy => {
                let answer = self.site.router.busy(self.peer);
                self.write_answer(answer).await.is_ok()
            }
        };
        let patience = self.site.timeouts.drain;
        let drain = async {
            let closed = self.io.close().await.is_ok();
            self.input.clear();
            self.watch.set(patience);
            let mut left = DRAIN;
            while closed && linger && left > 0 && self.read_some(false).await.is_ok() {
                left = left.saturating_sub(self.input.len());
                self.input.clear();
            }
        };
        let timeout = async {
            system::after(patience).await;
        };
        future::or(drain, timeout).await;
    }
}

/// The deadline of a connection over one timer that is seldom touched: a deadline that moves away costs nothing.
struct Watch {
    timer: async_io::Timer,
    deadline: Instant,
    armed: Option<Instant>,
}

impl Watch {
    fn set(&mut self, from_now: Duration) {
        self.deadline = system::monotonic() + from_now;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.armed.is_none_or(|at| at > self.deadline) {
                self.timer.set_at(self.deadline);
                self.armed = Some(self.deadline);
            }
            if Pin::new(&mut self.timer).poll_next(cx).is_pending() {
                return Poll::Pending;
            }
            self.armed = None;
            if system::monotonic() >= self.deadline {
                return Poll::Ready(());
            }
        }
    }
}
