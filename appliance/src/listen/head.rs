//! The first look at a request head: only what every HTTP implementation reads the same way gets further.
//!
//! RFC 9112 §2.2, §3, §5 and §6.3. Request smuggling lives on bytes that two readers understand differently, so
//! whatever is doubtful (a bare LF, a folded line, two lengths, a length beside chunks) ends the connection.

use std::ops::Range;

/// The longest head. async-h1 takes up to 8 KiB without its last byte.
pub const MAX_HEAD: usize = 8 * 1024 - 1;
/// More lines than any browser sends; async-h1 would take 128.
const MAX_LINES: usize = 100;

/// What the head says about the bytes after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How the body ends.
    pub framing: Framing,
    /// Where the line `Expect: 100-continue` stands, if it is there.
    pub expect: Option<Range<usize>>,
    /// Whether the peer ends the connection after this.
    pub close: bool,
    /// Whether it brings a token or a cookie at all; what they are worth is for others to say.
    pub credential: bool,
    /// Where the path (and query) stands.
    pub target: Range<usize>,
}

/// How a body ends (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// After this many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
}

/// Why a head gets no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadHead {
    /// 400, 417, 431, 501 or 505.
    pub status: u16,
    /// What is wrong.
    pub text: &'static str,
}

const fn bad(text: &'static str) -> BadHead {
    BadHead { status: 400, text }
}

/// Where the head ends: after the first empty line. `from` is how far an earlier look at the same bytes came.
pub fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let start = from.saturating_sub(3);
    let rest = bytes.get(start..)?;
    rest.windows(4).position(|window| window == b"\r\n\r\n").map(|at| start + at + 4)
}

/// Checks a head that ends with its empty line.
///
/// # Errors
/// When anything in it is not as RFC 9112 writes it.
pub fn check(head: &[u8]) -> Result<Head, BadHead> {
    if head.len() > MAX_HEAD {
        return Err(BadHead { status: 431, text: "The request head is too long." });
    }
    let text = std::str::from_utf8(head).map_err(|_| bad("The request head is not text."))?;
    let text = text.strip_suffix("\r\n\r\n").ok_or(bad("The request head has no end."))?;
    let mut lines = text.split("\r\n");
    let request_line = lines.next().unwrap_or_default();
    let target = check_request_line(request_line)?;
    let mut seen = Seen::default();
    let mut at = request_line.len() + 2;
    for (index, line) in lines.enumerate() {
        if index == MAX_LINES {
            return Err(BadHead { status: 431, text: "The request has too many header lines." });
        }
        let end = at + line.len() + 2;
        seen.take(line, at..end)?;
        at = end;
    }
    seen.finish(target)
}

/// `METHOD SP origin-form SP HTTP/1.1`, exactly; the answer is where the target stands.
fn check_request_line(line: &str) -> Result<Range<usize>, BadHead> {
    let mut parts = line.split(' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad("The request line needs a method, a path and a version."));
    };
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err(bad("The method is not a word."));
    }
    if !target.starts_with('/') || !target.bytes().all(is_target) {
        return Err(bad("The path must begin with / and hold visible ASCII only."));
    }
    match version {
        "HTTP/1.1" => {}
        "HTTP/1.0" | "HTTP/2.0" => return Err(BadHead { status: 505, text: "Speak HTTP/1.1." }),
        _ => return Err(bad("The version is not HTTP/1.1.")),
    }
    if !matches!(method, "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") {
        return Err(BadHead { status: 501, text: "This server does not know the method." });
    }
    let start = method.len() + 1;
    Ok(start..start + target.len())
}

/// The header lines that decide about framing, each at most once.
#[derive(Default)]
struct Seen {
    host: bool,
    length: Option<u64>,
    chunked: bool,
    expect: Option<Range<usize>>,
    close: bool,
    credential: bool,
}

impl Seen {
    fn take(&mut self, line: &str, place: Range<usize>) -> Result<(), BadHead> {
        let (name, value) = line.split_once(':').ok_or(bad("A header line has no colon."))?;
        // A space before the colon and a folded line fail here too.
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(bad("A header name is not a word."));
        }
        if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
            return Err(bad("A header value holds bytes that are not visible ASCII."));
        }
        let value = value.trim_matches([' ', '\t']);
        if name.eq_ignore_ascii_case("host") {
            self.take_host(value)
        } else if name.eq_ignore_ascii_case("content-length") {
            self.take_length(value)
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.take_encoding(value)
        } else if name.eq_ignore_ascii_case("expect") {
            self.take_expect(value, place)
        } else {
            self.credential |= ["authorization", "cookie"].iter().any(|other| name.eq_ignore_ascii_case(other));
            if name.eq_ignore_ascii_case("connection") {
                self.close |= value.split(',').any(|word| word.trim().eq_ignore_ascii_case("close"));
            }
            Ok(())
        }
    }

    fn take_host(&mut self, value: &str) -> Result<(), BadHead> {
        if self.host {
            return Err(bad("The Host header comes twice."));
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        if value.is_empty() || !value.bytes().all(fits) {
            return Err(bad("The Host header is not a host."));
        }
        self.host = true;
        Ok(())
    }

    fn take_length(&mut self, value: &str) -> Result<(), BadHead> {
        if self.length.is_some() {
            return Err(bad("The Content-Length header comes twice."));
        }
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad("The Content-Length is not a number."));
        }
        self.length = Some(value.parse().map_err(|_| bad("The Content-Length is too large a number."))?);
        Ok(())
    }

    fn take_encoding(&mut self, value: &str) -> Result<(), BadHead> {
        if self.chunked {
            return Err(bad("The Transfer-Encoding header comes twice."));
        }
        if !value.eq_ignore_ascii_case("chunked") {
            return Err(BadHead { status: 501, text: "The only Transfer-Encoding here is chunked." });
        }
        self.chunked = true;
        Ok(())
    }

    fn take_expect(&mut self, value: &str, place: Range<usize>) -> Result<(), BadHead> {
        if self.expect.is_some() {
            return Err(bad("The Expect header comes twice."));
        }
        if !value.eq_ignore_ascii_case("100-continue") {
            return Err(BadHead { status: 417, text: "The only expectation met here is 100-continue." });
        }
        self.expect = Some(place);
        Ok(())
    }

    fn finish(self, target: Range<usize>) -> Result<Head, BadHead> {
        if !self.host {
            return Err(bad("The Host header is missing."));
        }
        let framing = match (self.length, self.chunked) {
            (Some(_), true) => return Err(bad("Content-Length beside Transfer-Encoding.")),
            (None, true) => Framing::Chunked,
            (Some(0) | None, false) => Framing::None,
            (Some(length), false) => Framing::Length(length),
        };
        Ok(Head { framing, expect: self.expect, close: self.close, credential: self.credential, target })
    }
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Visible ASCII without what parsers of addresses treat in different ways.
fn is_target(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'#' | b'\\' | b'"' | b'<' | b'>')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn status(head: &str) -> u16 {
        match check(head.as_bytes()) {
            Ok(_) => 200,
            Err(bad) => bad.status,
        }
    }

    #[test]
    fn a_plain_request_passes() {
        let head = check(b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: Close\r\n\r\n").unwrap();
        assert_eq!(
            head,
            Head { framing: Framing::Length(5), expect: None, close: true, credential: false, target: 5..11 }
        );
    }

    #[test]
    fn the_expect_line_is_found_so_that_it_can_be_taken_out() {
        let head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nA: b\r\n\r\n";
        let place = check(head).unwrap().expect.unwrap();
        assert_eq!(&head[place], b"Expect: 100-continue\r\n");
    }

    #[test]
    fn two_ways_to_end_a_body_are_refused() {
        for lines in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Content-Length: 5\r\nContent-Length: 5",
            "Content-Length: 5\r\ncontent-length: 6",
            "Content-Length: 5, 5",
            "Content-Length: +5",
            "Content-Length: -1",
            "Content-Length: 0x5",
            "Content-Length: 5 5",
            "Content-Length:",
            "Content-Length: 99999999999999999999",
            "Content-Length : 5",
            "Content-Length\t: 5",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding : chunked",
            " Content-Length: 5",
            "A: b\r\n Content-Length: 5",
            "A: b\r\n\tfolded",
            "A: b\nContent-Length: 5",
            "A: b\rContent-Length: 5",
            "A: b\0",
            "A: \x7f",
            "A: \u{e9}",
            "no colon",
            ": empty",
        ] {
            assert_eq!(status(&format!("POST / HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n")), 400, "{lines:?}");
        }
        for lines in ["Transfer-Encoding: gzip, chunked", "Transfer-Encoding: identity", "Transfer-Encoding: xchunked"]
        {
            assert_eq!(status(&format!("POST / HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n")), 501, "{lines:?}");
        }
    }

    #[test]
    fn the_host_comes_once_and_is_a_host() {
        for lines in ["", "Host: x\r\nHost: x\r\n", "Host:\r\n", "Host: a b\r\n", "Host: a/b\r\n", "Host: a@b\r\n"] {
            assert_eq!(status(&format!("GET / HTTP/1.1\r\n{lines}\r\n")), 400, "{lines:?}");
        }
    }

    #[test]
    fn odd_request_lines_are_refused() {
        for (line, wanted) in [
            ("GET  / HTTP/1.1", 400),
            ("GET / HTTP/1.1 ", 400),
            (" GET / HTTP/1.1", 400),
            ("GET /", 400),
            ("GET http://x/ HTTP/1.1", 400),
            ("GET x HTTP/1.1", 400),
            ("OPTIONS * HTTP/1.1", 400),
            ("GET /\t HTTP/1.1", 400),
            ("GET /# HTTP/1.1", 400),
            ("GET /\\x HTTP/1.1", 400),
            ("GET /\u{e9} HTTP/1.1", 400),
            ("G(T / HTTP/1.1", 400),
            ("GET / HTTP/1.2", 400),
            ("GET / http/1.1", 400),
            ("GET / HTTP/1.0", 505),
            ("CONNECT /x HTTP/1.1", 501),
            ("TRACE / HTTP/1.1", 501),
            ("get / HTTP/1.1", 501),
        ] {
            assert_eq!(status(&format!("{line}\r\nHost: x\r\n\r\n")), wanted, "{line:?}");
        }
        assert_eq!(status("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
        assert_eq!(check(b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n").unwrap_err().status, 400);
    }

    #[test]
    fn long_heads_are_refused() {
        let long = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "b".repeat(MAX_HEAD));
        assert_eq!(status(&long), 431);
        let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(MAX_LINES));
        assert_eq!(status(&many), 431);
    }

    #[test]
    fn an_unknown_expectation_is_refused() {
        assert_eq!(status("GET / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n"), 417);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_check_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = check(&bytes);
            let _ = end_of_head(&bytes, bytes.len() / 2);
        }

        #[test]
        fn what_passes_is_read_the_same_way_by_async_h1(
            name in "[A-Za-z:\t \r\n-]{1,12}",
            value in "[ -~\t\r\n]{0,20}",
            target in "/[!-~]{0,10}",
        ) {
            let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nContent-Length: 7\r\n\r\n");
            if let Ok(checked) = check(head.as_bytes()) {
                prop_assert_eq!(checked.framing, Framing::Length(7));
                prop_assert_eq!(end_of_head(head.as_bytes(), 0), Some(head.len()));
            }
        }
    }
}
