//! Undoes chunked framing (RFC 9112 §7.1), strictly: no extensions, no trailers, no bytes beyond the end.
//!
//! async-h1's own decoder reads past the last chunk, which would lose a pipelined request.

/// How far the decoding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the hexadecimal length; how many digits there were.
    Size { size: u64, digits: u8 },
    /// Before the LF of a length line.
    SizeLf { size: u64 },
    /// In a chunk with this much left.
    Data { left: u64 },
    /// Before the CR after a chunk.
    DataCr,
    /// Before the LF after a chunk.
    DataLf,
    /// Before the CR that ends the body.
    EndCr,
    /// Before the LF that ends the body.
    EndLf,
    /// Over.
    Done,
}

/// A decoder for one body.
#[derive(Debug)]
pub struct Chunks {
    state: State,
    limit: usize,
}

/// Why a body gets no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadChunks {
    /// It is not framed as the RFC says.
    Malformed,
    /// It is longer than the limit.
    TooLong,
}

impl Chunks {
    /// A decoder that lets `limit` bytes through.
    pub fn new(limit: usize) -> Self {
        Self { state: State::Size { size: 0, digits: 0 }, limit }
    }

    /// Whether the body is over.
    pub fn done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what it can from `input`, adds the decoded bytes to `body`, and says how many bytes it took.
    ///
    /// # Errors
    /// On wrong framing or too many bytes.
    pub fn decode(&mut self, input: &[u8], body: &mut Vec<u8>) -> Result<usize, BadChunks> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match self.state {
                State::Done => break,
                State::Data { left } => {
                    let there = input.get(at..).unwrap_or_default();
                    let n = there.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    body.extend_from_slice(there.get(..n).unwrap_or_default());
                    at += n;
                    let left = left - n as u64;
                    self.state = if left == 0 { State::DataCr } else { State::Data { left } };
                }
                State::Size { .. }
                | State::SizeLf { .. }
                | State::DataCr
                | State::DataLf
                | State::EndCr
                | State::EndLf => {
                    self.state = self.step(byte, body.len())?;
                    at += 1;
                }
            }
        }
        Ok(at)
    }

    fn step(&self, byte: u8, so_far: usize) -> Result<State, BadChunks> {
        match (self.state, byte) {
            (State::Size { size, digits: 1.. }, b'\r') => Ok(State::SizeLf { size }),
            (State::Size { size, digits: digits @ 0..8 }, _) => {
                let digit = char::from(byte).to_digit(16).ok_or(BadChunks::Malformed)?;
                Ok(State::Size { size: size * 16 + u64::from(digit), digits: digits + 1 })
            }
            (State::SizeLf { size: 0 }, b'\n') => Ok(State::EndCr),
            (State::SizeLf { size }, b'\n') => {
                if size > self.limit.saturating_sub(so_far) as u64 {
                    return Err(BadChunks::TooLong);
                }
                Ok(State::Data { left: size })
            }
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::Size { size: 0, digits: 0 }),
            (State::EndCr, b'\r') => Ok(State::EndLf),
            (State::EndLf, b'\n') => Ok(State::Done),
            (_, _) => Err(BadChunks::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(input: &[u8], limit: usize) -> Result<(Vec<u8>, usize, bool), BadChunks> {
        let (mut chunks, mut body) = (Chunks::new(limit), Vec::new());
        let taken = chunks.decode(input, &mut body)?;
        Ok((body, taken, chunks.done()))
    }

    #[test]
    fn the_next_request_is_left_alone() {
        let (body, taken, done) = whole(b"4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\nGET /", 64).unwrap();
        assert_eq!((body.as_slice(), taken, done), (&b"Wikipedia"[..], 24, true));
    }

    #[test]
    fn doubtful_framing_is_refused() {
        for bad in [
            &b"\r\n"[..],
            b"x\r\n",
            b"4;ext=1\r\n",
            b"4 \r\n",
            b"+4\r\n",
            b"0x4\r\n",
            b"4\n",
            b"4\r\nWikiX",
            b"4\r\nWiki\n",
            b"0\r\nTrailer: x\r\n\r\n",
            b"000000001\r\n",
            b"ffffffffffffffff1\r\n",
        ] {
            assert_eq!(whole(bad, 64), Err(BadChunks::Malformed), "{:?}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn the_bound_holds_before_the_bytes_come() {
        assert_eq!(whole(b"41\r\n", 64), Err(BadChunks::TooLong));
        assert_eq!(whole(b"ffffffff\r\n", 64), Err(BadChunks::TooLong));
        assert_eq!(whole(b"3\r\nabc\r\n3\r\nabc", 5), Err(BadChunks::TooLong));
    }

    proptest! {
        #[test]
        fn any_cut_of_the_input_gives_the_same_body(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
            cut in 1usize..50,
        ) {
            let mut input = Vec::new();
            for part in &parts {
                input.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                input.extend_from_slice(part);
                input.extend_from_slice(b"\r\n");
            }
            input.extend_from_slice(b"0\r\n\r\n");
            let (mut chunks, mut body) = (Chunks::new(1000), Vec::new());
            for piece in input.chunks(cut) {
                prop_assert_eq!(chunks.decode(piece, &mut body), Ok(piece.len()));
            }
            prop_assert!(chunks.done());
            prop_assert_eq!(body, parts.concat());
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = whole(&bytes, 100);
        }
    }
}
