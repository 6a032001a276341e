//! A time server of this computer (SNTP, RFC 4330), for guests whose network leads here. The port is below 1024, so whoever
//! starts the tests has to be allowed to take it.

use std::net::UdpSocket;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use std::sync::OnceLock;

/// From 1900, where NTP begins, to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;
const MESSAGE: usize = 48;

/// Whether one answers; it is started with the first question, and lives as long as the runner.
pub(crate) fn runs() -> bool {
    static RUNS: OnceLock<bool> = OnceLock::new();
    *RUNS.get_or_init(|| match UdpSocket::bind(("127.0.0.1", 123)) {
        Ok(socket) => {
            thread::spawn(move || serve(&socket));
            true
        }
        Err(_) => false,
    })
}

fn serve(socket: &UdpSocket) {
    let mut question = [0; 128];
    while let Ok((length, from)) = socket.recv_from(&mut question) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let stamp =
            (now.as_secs().wrapping_add(NTP_TO_UNIX) << 32) | ((u64::from(now.subsec_nanos()) << 32) / 1_000_000_000);
        if let Some(answer) = answer(&question[..length], stamp) {
            // An answer that is lost is asked for again.
            drop(socket.send_to(&answer, from));
        }
    }
}

/// What is answered at that time, in NTP's own format.
fn answer(question: &[u8], now: u64) -> Option<[u8; MESSAGE]> {
    let client = question.len() >= MESSAGE && question[0] & 7 == 3;
    if !client {
        return None;
    }
    let mut answer = [0; MESSAGE];
    // No leap second ahead, the version asked for, a server; stratum 1; the interval asked for; a precision of 1 µs.
    answer[..4].copy_from_slice(&[(question[0] & 0x38) | 4, 1, question[2], 0xec]);
    answer[12..16].copy_from_slice(b"RIG\0");
    answer[16..24].copy_from_slice(&now.to_be_bytes());
    answer[24..32].copy_from_slice(&question[40..48]);
    answer[32..40].copy_from_slice(&now.to_be_bytes());
    answer[40..48].copy_from_slice(&now.to_be_bytes());
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_the_time_and_its_own_stamp_back() {
        let mut question = [0; MESSAGE];
        (question[0], question[2]) = (0x23, 6);
        question[40..48].copy_from_slice(b"whenever");
        let answer = answer(&question, 7 << 32).unwrap();
        assert_eq!((answer[0], &answer[24..32], answer[43]), (0x24, &b"whenever"[..], 7));
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        assert!(answer(&[], 7).is_none());
        assert!(answer(&[0x23; 47], 7).is_none());
        assert!(answer(&[0x24; 48], 7).is_none(), "a server's answer");
    }
}
