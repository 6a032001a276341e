//! Questions to name servers (RFC 1035) over UDP and, when the answer does not fit, over TCP (RFC 7766). simple-dns reads and
//! writes the messages; what comes in is bounded before it sees it.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use domain::certificate::DnsName;
use domain::entropy::{self, Entropy};
use futures_lite::{AsyncReadExt, AsyncWriteExt, FutureExt};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};
use smol::net::{TcpStream, UdpSocket};

use crate::system;

/// How long one server has for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// How often a question is put over UDP, which loses some.
const ATTEMPTS: u32 = 2;
/// The longest answer over UDP; we offer no more.
const MAX_UDP: usize = 4096;
/// The length of a message's head.
const HEAD: usize = 12;
/// The shortest record: a name of one byte, type, class, time, length.
const SHORTEST_RECORD: usize = 11;
/// The shortest question: a name of one byte, type, class.
const SHORTEST_QUESTION: usize = 5;

/// What a server says about a name.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The texts there.
    pub(super) texts: Vec<String>,
    /// The name for which it stands.
    pub(super) alias: Option<DnsName>,
    /// The servers of the zone.
    pub(super) servers: Vec<DnsName>,
}

/// Asks one server about one name. `recursive` lets it ask others.
///
/// # Errors
/// When it does not answer, or with nonsense, or refuses.
pub(super) async fn ask(
    server: SocketAddr,
    name: &DnsName,
    kind: TYPE,
    recursive: bool,
    entropy: &dyn Entropy,
) -> io::Result<Found> {
    let mut refused = io::Error::other("no answer");
    for _ in 0..ATTEMPTS {
        let id = u16::from_be_bytes(entropy::bytes(entropy));
        let query = query(id, name, kind, recursive)?;
        match ask_udp(server, &query).await {
            Ok(answer) => return read(&answer, name),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                let answer = over_tcp(server, &query).await?;
                return read(&answer, name);
            }
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn query(id: u16, name: &DnsName, kind: TYPE, recursive: bool) -> io::Result<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    if recursive {
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    packet.questions.push(Question::new(wire_name(name)?, kind.into(), CLASS::IN.into(), false));
    packet.build_bytes_vec().map_err(io::Error::other)
}

pub(super) fn wire_name(name: &DnsName) -> io::Result<Name<'_>> {
    Name::new(name.as_str()).map_err(io::Error::other)
}

/// The socket is connected, so that only this server's datagrams come in; those that do not fit the question are ignored.
/// `FileTooLarge` when the answer did not fit.
async fn ask_udp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let ours: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let asking = async {
        let socket = UdpSocket::bind(ours).await?;
        socket.connect(server).await?;
        socket.send(query).await?;
        let mut buffer = vec![0; MAX_UDP];
        loop {
            let length = socket.recv(&mut buffer).await?;
            let answer = buffer.get(..length).unwrap_or_default();
            if !answers(answer, query) {
                continue;
            }
            if answer.get(2).is_some_and(|flags| flags & 0x02 != 0) {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            return Ok(answer.to_vec());
        }
    };
    in_time(ANSWER_LIMIT, asking).await
}

/// One message and its answer over TCP, each behind its length.
pub(super) async fn over_tcp(server: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    let asking = async {
        let mut stream = TcpStream::connect(server).await?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(message);
        stream.write_all(&framed).await?;
        let mut length = [0; 2];
        stream.read_exact(&mut length).await?;
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut answer).await?;
        if answers(&answer, message) { Ok(answer) } else { Err(io::Error::other("it answers something else")) }
    };
    in_time(ANSWER_LIMIT * 2, asking).await
}

async fn in_time<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = async {
        system::after(limit).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    work.or(late).await
}

/// Whether it is an answer with the number of this question.
fn answers(answer: &[u8], query: &[u8]) -> bool {
    answer.len() >= HEAD && answer.get(..2) == query.get(..2) && answer.get(2).is_some_and(|flags| flags & 0x80 != 0)
}

fn read(answer: &[u8], name: &DnsName) -> io::Result<Found> {
    if !is_plausible(answer) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let packet = Packet::parse(answer).map_err(io::Error::other)?;
    let asked = packet.questions.first().is_some_and(|question| is(&question.qname, name));
    if !asked {
        return Err(io::Error::other("it answers another question"));
    }
    match packet.rcode() {
        RCODE::NoError | RCODE::NameError => {}
        RCODE::FormatError
        | RCODE::ServerFailure
        | RCODE::NotImplemented
        | RCODE::Refused
        | RCODE::YXDOMAIN
        | RCODE::YXRRSET
        | RCODE::NXRRSET
        | RCODE::NOTAUTH
        | RCODE::NOTZONE
        | RCODE::BADVERS
        | RCODE::Reserved => return Err(io::Error::other("it refuses to answer")),
    }
    let mut found = Found::default();
    for record in packet.answers {
        let here = is(&record.name, name);
        // A resolver follows an alias by itself: the texts then stand at the name that it leads to.
        if let RData::TXT(text) = record.rdata {
            found.texts.extend(String::try_from(text));
        } else if let (RData::CNAME(target), true) = (&record.rdata, here) {
            found.alias = target.0.to_string().parse().ok();
        } else if let (RData::NS(target), true) = (&record.rdata, here) {
            found.servers.extend(target.0.to_string().parse::<DnsName>());
        }
    }
    Ok(found)
}

fn is(wire: &Name<'_>, name: &DnsName) -> bool {
    wire.to_string().eq_ignore_ascii_case(name.as_str())
}

/// Whether the message is long enough for what it says it holds: the reader makes room for that much at once.
pub(super) fn is_plausible(message: &[u8]) -> bool {
    let count = |at: usize| match message.get(at..at + 2) {
        Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
        Some(_) | None => usize::MAX / 64,
    };
    let records = count(6).saturating_add(count(8)).saturating_add(count(10));
    let needed = records.saturating_mul(SHORTEST_RECORD).saturating_add(count(4).saturating_mul(SHORTEST_QUESTION));
    needed.saturating_add(HEAD) <= message.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use simple_dns::ResourceRecord;
    use simple_dns::rdata::{CNAME, TXT};

    use super::*;

    fn name(text: &str) -> DnsName {
        text.parse().unwrap()
    }

    fn answer(records: Vec<RData<'_>>) -> Vec<u8> {
        let asked = name("_acme-challenge.a.example");
        let query = query(7, &asked, TYPE::TXT, true).unwrap();
        let mut packet = Packet::parse(&query).unwrap().into_reply();
        for rdata in records {
            packet.answers.push(ResourceRecord::new(wire_name(&asked).unwrap(), CLASS::IN, 60, rdata));
        }
        packet.build_bytes_vec().unwrap()
    }

    #[test]
    fn texts_and_aliases_are_read() {
        let text = RData::TXT(TXT::new().with_string("one").unwrap());
        let alias = RData::CNAME(CNAME(Name::new("b.example").unwrap()));
        let found = read(&answer(vec![alias, text]), &name("_acme-challenge.a.example")).unwrap();
        assert_eq!((found.texts, found.alias), (vec!["one".to_owned()], Some(name("b.example"))));
    }

    #[test]
    fn an_answer_to_another_question_is_refused() {
        assert!(read(&answer(vec![]), &name("other.example")).is_err());
    }

    #[test]
    fn an_answer_that_promises_more_than_it_holds_is_refused() {
        let mut long = answer(vec![]);
        long[6] = 0xff;
        assert!(!is_plausible(&long));
        assert!(read(&long, &name("_acme-challenge.a.example")).is_err());
    }

    #[test]
    fn broken_answers_are_errors() {
        let whole = answer(vec![RData::TXT(TXT::new().with_string("one").unwrap())]);
        for end in 0..whole.len() {
            assert!(read(&whole[..end], &name("_acme-challenge.a.example")).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_brings_the_reader_down(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, &name("_acme-challenge.a.example"));
        }

        #[test]
        fn no_change_to_a_good_answer_brings_the_reader_down(at: proptest::sample::Index, byte: u8, more in 0..40usize) {
            let mut bytes = answer(vec![RData::TXT(TXT::new().with_string("one").unwrap())]);
            bytes.extend(vec![byte; more]);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = read(&bytes, &name("_acme-challenge.a.example"));
        }
    }
}
