//! The responder as a pure machine: packets and time in, packets out (RFC 6762; RFC 6763 for the service).
//!
//! A name is asked for three times before it is used (section 8.1). Two boxes that ask at once compare what they would say, and the
//! lesser one waits (8.2); a name that somebody else has is left to them, and the next is tried (9). Everything goes to the group on
//! the link and to nobody else, so that no stranger can have us send something to a third.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use domain::time::Uptime;
use simple_dns::rdata::{A, AAAA, PTR, RData, SRV, TXT};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, ResourceRecord, TYPE};

/// Longest packet that is looked at (RFC 6762 section 17).
pub(super) const MAX_PACKET: usize = 9000;
/// Most records of a packet that is looked at; those of a house have far fewer.
const MAX_RECORDS: u16 = 128;
/// Between two probes.
const PROBE: Duration = Duration::from_millis(250);
/// How long a box waits whose probe was the lesser one.
const DEFER: Duration = Duration::from_secs(1);
/// Between the two announcements.
const ANNOUNCE: Duration = Duration::from_secs(1);
/// No record is said more often than that, but to defend it (section 6).
const SAY_AGAIN: Duration = Duration::from_secs(1);
/// How often a name is defended at most.
const DEFEND_AGAIN: Duration = Duration::from_millis(250);
/// How long to wait after many conflicts (section 8.1).
const CALM: Duration = Duration::from_secs(5);
/// So many conflicts are many.
const MANY: u32 = 15;
/// How long others may remember an address, and a service, in seconds (section 10).
const ADDRESS_TTL: u32 = 120;
const SERVICE_TTL: u32 = 4500;

const SETUP: &str = "_latchkey-setup._tcp.local";
const HTTPS: &str = "_https._tcp.local";
const SERVICES: &str = "_services._dns-sd._udp.local";

/// What is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Under which addresses.
    pub(crate) addresses: Vec<IpAddr>,
    /// At which port.
    pub(crate) port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// So many times asked whether somebody has the name.
    Probing(u8),
    /// So many times told that we have it.
    Announcing(u8),
    /// It is ours.
    Holding,
}

/// One name on one link.
#[derive(Debug)]
pub(crate) struct Responder {
    offer: Offer,
    number: u32,
    phase: Phase,
    due: Option<Uptime>,
    said: Option<Uptime>,
    defended: Option<Uptime>,
    conflicts: u32,
}

impl Responder {
    /// Begins to ask for the name at `first`: a moment that no two boxes that were switched on together share.
    pub(crate) fn new(offer: Offer, first: Uptime) -> Self {
        let phase = Phase::Probing(0);
        Self { offer, number: 1, phase, due: Some(first), said: None, defended: None, conflicts: 0 }
    }

    /// The host name: `latchkey.local`, or with a number where other boxes have that.
    pub(crate) fn host(&self) -> String {
        format!("{}.local", self.label())
    }

    /// Whether the name is ours.
    pub(crate) fn holds(&self) -> bool {
        !matches!(self.phase, Phase::Probing(_))
    }

    /// When [`Self::tick`] has something to do.
    pub(crate) fn due(&self) -> Option<Uptime> {
        self.due
    }

    /// What it is time to say.
    pub(crate) fn tick(&mut self, now: Uptime) -> Option<Vec<u8>> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        match self.phase {
            Phase::Probing(sent) if sent < 3 => {
                self.enter(Phase::Probing(sent + 1), Some(now + PROBE));
                self.probe()
            }
            Phase::Probing(_) => {
                self.enter(Phase::Announcing(1), Some(now + ANNOUNCE));
                self.announcement(SERVICE_TTL)
            }
            Phase::Announcing(_) => {
                self.enter(Phase::Holding, None);
                self.announcement(SERVICE_TTL)
            }
            Phase::Holding => None,
        }
    }

    /// What a packet is answered with, to the group. What cannot be understood is nothing.
    pub(crate) fn hear(&mut self, bytes: &[u8], now: Uptime) -> Option<Vec<u8>> {
        if !is_modest(bytes) {
            return None;
        }
        let packet = Packet::parse(bytes).ok()?;
        if packet.has_flags(PacketFlag::RESPONSE) {
            self.heed(&packet, now);
            return None;
        }
        self.meet(&packet, now);
        self.answer(&packet, now)
    }

    /// Takes everything back, before the box goes quiet; nothing when nothing was said.
    pub(crate) fn goodbye(&self) -> Option<Vec<u8>> {
        if self.holds() { self.announcement(0) } else { None }
    }

    fn enter(&mut self, phase: Phase, due: Option<Uptime>) {
        (self.phase, self.due) = (phase, due);
    }

    /// Somebody says what they have. Our own words come back to us too: they are no conflict.
    fn heed(&mut self, packet: &Packet<'_>, now: Uptime) {
        let all = packet.answers.iter().chain(&packet.additional_records);
        let theirs = all.filter(|record| record.ttl > 0 && self.is_unique(&record.name));
        if theirs.into_iter().all(|record| self.is_ours(record)) {
            return;
        }
        self.conflicts += 1;
        if let Phase::Probing(_) = self.phase {
            self.number += 1;
        }
        let wait = if self.conflicts >= MANY { CALM } else { Duration::ZERO };
        self.enter(Phase::Probing(0), Some(now + wait));
    }

    /// Somebody asks for the same name at the same time.
    fn meet(&mut self, packet: &Packet<'_>, now: Uptime) {
        let Phase::Probing(sent) = self.phase else { return };
        let mut theirs: Vec<_> = packet.name_servers.iter().filter(|record| self.is_unique(&record.name)).collect();
        if sent == 0 || theirs.is_empty() {
            return;
        }
        theirs.sort_by_key(|record| weight(record));
        let mut mine = self.unique(SERVICE_TTL);
        mine.sort_by_key(weight);
        let (mine, theirs): (Vec<_>, Vec<_>) =
            (mine.iter().map(weight).collect(), theirs.into_iter().map(weight).collect());
        if mine < theirs {
            self.enter(Phase::Probing(0), Some(now + DEFER));
        }
    }

    fn answer(&mut self, packet: &Packet<'_>, now: Uptime) -> Option<Vec<u8>> {
        if !self.holds() {
            return None;
        }
        let asked = |record: &ResourceRecord<'_>| {
            packet.questions.iter().any(|question| asks(question, record) && !knows(packet, record))
        };
        let records = self.records(SERVICE_TTL);
        let wanted: Vec<_> = records.iter().filter(|record| asked(record)).cloned().collect();
        if wanted.is_empty() {
            return None;
        }
        let probed = !packet.name_servers.is_empty();
        let (last, pause) = if probed { (&mut self.defended, DEFEND_AGAIN) } else { (&mut self.said, SAY_AGAIN) };
        if last.is_some_and(|last| now.since(last) < pause) {
            return None;
        }
        *last = Some(now);
        reply(wanted)
    }

    fn probe(&self) -> Option<Vec<u8>> {
        let mut packet = Packet::new_query(0);
        for name in [self.host(), self.instance(SETUP), self.instance(HTTPS)] {
            packet.questions.push(Question::new(owned(&name)?, QTYPE::ANY, QCLASS::CLASS(CLASS::IN), false));
        }
        packet.name_servers = self.unique(SERVICE_TTL);
        packet.build_bytes_vec_compressed().ok()
    }

    fn announcement(&self, ttl: u32) -> Option<Vec<u8>> {
        reply(self.records(ttl))
    }

    fn label(&self) -> Cow<'static, str> {
        match self.number {
            0 | 1 => "latchkey".into(),
            number => format!("latchkey-{number}").into(),
        }
    }

    fn instance(&self, service: &str) -> String {
        format!("{}.{service}", self.label())
    }

    fn is_unique(&self, name: &Name<'_>) -> bool {
        [self.host(), self.instance(SETUP), self.instance(HTTPS)].iter().any(|ours| same(name, ours))
    }

    fn is_ours(&self, record: &ResourceRecord<'_>) -> bool {
        // The next protocol's NSEC and the like say nothing of who has the name.
        let known = matches!(record.rdata.type_code(), TYPE::A | TYPE::AAAA | TYPE::SRV | TYPE::TXT);
        !known || self.unique(SERVICE_TTL).iter().any(|ours| ours.rdata == record.rdata)
    }

    fn records(&self, ttl: u32) -> Vec<ResourceRecord<'static>> {
        let mut records = Vec::new();
        for service in [SETUP, HTTPS] {
            records.extend(record(SERVICES, ttl, owned(service).map(|name| RData::PTR(PTR(name)))));
            records.extend(record(service, ttl, owned(&self.instance(service)).map(|name| RData::PTR(PTR(name)))));
        }
        records.extend(self.unique(ttl));
        records
    }

    /// The records that nobody else may have.
    fn unique(&self, ttl: u32) -> Vec<ResourceRecord<'static>> {
        let (host, address_ttl, port) = (self.host(), ttl.min(ADDRESS_TTL), self.offer.port);
        let mut records = Vec::new();
        for address in &self.offer.addresses {
            let rdata = match address {
                IpAddr::V4(v4) => RData::A(A { address: v4.to_bits() }),
                IpAddr::V6(v6) => RData::AAAA(AAAA { address: v6.to_bits() }),
            };
            records.extend(record(&host, address_ttl, Some(rdata)));
        }
        for service in [SETUP, HTTPS] {
            let instance = self.instance(service);
            let server = owned(&host).map(|target| RData::SRV(SRV { priority: 0, weight: 0, port, target }));
            records.extend(record(&instance, address_ttl, server));
            records.extend(record(&instance, ttl, TXT::new().with_string("path=/setup").ok().map(RData::TXT)));
        }
        records.into_iter().map(|record| record.with_cache_flush(true)).collect()
    }
}

/// Whether the numbers in its head are such that reading it takes little memory.
fn is_modest(bytes: &[u8]) -> bool {
    let Some(counts) = bytes.get(4..12).filter(|_| bytes.len() <= MAX_PACKET) else { return false };
    let count = |pair: &[u8]| pair.iter().fold(0, |sum: u16, byte| sum << 8 | u16::from(*byte));
    counts.chunks(2).map(count).all(|count| count <= MAX_RECORDS)
}

fn owned(name: &str) -> Option<Name<'static>> {
    Name::new(name).ok().map(Name::into_owned)
}

/// Names are the same in any case (RFC 6762 section 16).
fn same(name: &Name<'_>, text: &str) -> bool {
    name.to_string().eq_ignore_ascii_case(text)
}

fn record(name: &str, ttl: u32, rdata: Option<RData<'static>>) -> Option<ResourceRecord<'static>> {
    Some(ResourceRecord::new(owned(name)?, CLASS::IN, ttl, rdata?))
}

fn asks(question: &Question<'_>, record: &ResourceRecord<'_>) -> bool {
    let kind = match question.qtype {
        QTYPE::ANY => true,
        QTYPE::TYPE(kind) => kind == record.rdata.type_code(),
        QTYPE::IXFR | QTYPE::AXFR | QTYPE::MAILB | QTYPE::MAILA => false,
    };
    kind && record.match_qclass(question.qclass) && same(&question.qname, &record.name.to_string())
}

/// Whether who asks said the answer themselves, and may still remember it for a while (section 7.1).
fn knows(packet: &Packet<'_>, record: &ResourceRecord<'_>) -> bool {
    packet.answers.iter().any(|known| {
        known.rdata == record.rdata && known.ttl >= record.ttl / 2 && same(&known.name, &record.name.to_string())
    })
}

/// What decides between two boxes that ask at once: class, type, data (section 8.2).
fn weight(record: &ResourceRecord<'_>) -> (u16, Vec<u8>) {
    let mut alone = Packet::new_reply(0);
    let bare = ResourceRecord { name: Name::new_unchecked(""), ..record.clone() };
    alone.answers.push(bare);
    // What stands before the data has the same length for all of them.
    let bytes = alone.build_bytes_vec().unwrap_or_default();
    (record.rdata.type_code().into(), bytes.get(23..).unwrap_or_default().to_vec())
}

fn reply(records: Vec<ResourceRecord<'static>>) -> Option<Vec<u8>> {
    let mut packet = Packet::new_reply(0);
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    packet.answers = records;
    packet.build_bytes_vec_compressed().ok()
}

#[cfg(test)]
#[path = "responder_tests.rs"]
mod tests;
