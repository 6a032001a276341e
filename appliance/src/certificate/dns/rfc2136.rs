//! Dynamic updates (RFC 2136) to a name server of the owner's, signed with TSIG, over TCP: an answer that somebody else sends is
//! then not even read.

use std::net::SocketAddr;

use domain::certificate::{DnsName, TsigKey};
use domain::entropy;
use simple_dns::rdata::{RData, TXT};
use simple_dns::{CLASS, OPCODE, Packet, Question, ResourceRecord, TYPE};

use super::tsig::{Distrust, Signer};
use super::{Record, TTL, World, wire};
use crate::certificate::acme::{AcmeError, AcmeErrorKind};

/// Where to and with what key.
pub(super) struct Update<'a> {
    pub(super) server: SocketAddr,
    pub(super) zone: &'a DnsName,
    pub(super) key_name: &'a DnsName,
    pub(super) key: &'a TsigKey,
}

impl Update<'_> {
    pub(super) async fn present(&self, record: Record<'_>, world: &World<'_>) -> Result<(), AcmeError> {
        self.send(record, CLASS::IN, TTL, world).await
    }

    /// Class NONE and no time: this one record goes (section 2.5.4).
    pub(super) async fn remove(&self, record: Record<'_>, world: &World<'_>) -> Result<(), AcmeError> {
        self.send(record, CLASS::NONE, 0, world).await
    }

    async fn send(&self, record: Record<'_>, class: CLASS, ttl: u32, world: &World<'_>) -> Result<(), AcmeError> {
        if !record.name.is_in(self.zone) {
            let words =
                format!("{} is not in the zone {}. Check the zone, or the challenge alias.", record.name, self.zone);
            return Err(AcmeError::new(AcmeErrorKind::ZoneNotFound, words));
        }
        let id = u16::from_be_bytes(entropy::bytes(world.entropy));
        let message = self.message(id, record, class, ttl).map_err(|error| self.down(&error))?;
        let signer = Signer::new(self.key_name, &self.key.bytes());
        let signed = signer.sign(message, world.now);
        let answer = wire::over_tcp(self.server, &signed.message).await.map_err(|error| self.down(&error))?;
        let rcode = answer.get(3).map_or(0, |flags| flags & 0x0f);
        let believed = signer.check(&signed, &answer);
        match (rcode, believed) {
            (0, Ok(())) => Ok(()),
            (_, Err(Distrust::Key)) => Err(self.refused("does not know the TSIG key, or has another under this name")),
            (_, Err(Distrust::Time)) => {
                let words = format!(
                    "The name server {} says that its clock and ours are too far apart. Set its clock.",
                    self.server
                );
                Err(AcmeError::new(AcmeErrorKind::ProviderRefused, words))
            }
            (0, Err(Distrust::Unsigned)) => {
                Err(self.refused("gave an answer that is not signed with the TSIG key: it cannot be trusted"))
            }
            (9 | 10, _) => {
                let words =
                    format!("The name server {} does not serve the zone {}. Check both.", self.server, self.zone);
                Err(AcmeError::new(AcmeErrorKind::ZoneNotFound, words))
            }
            (2, _) => Err(self.down(&"it has a fault of its own (SERVFAIL)")),
            (_, _) => Err(self.refused("does not let this key change the zone")),
        }
    }

    fn message(&self, id: u16, record: Record<'_>, class: CLASS, ttl: u32) -> std::io::Result<Vec<u8>> {
        let mut packet = Packet::new_query(id);
        *packet.opcode_mut() = OPCODE::Update;
        packet.questions.push(Question::new(wire::wire_name(self.zone)?, TYPE::SOA.into(), CLASS::IN.into(), false));
        let text = TXT::new().with_string(record.value).map_err(std::io::Error::other)?;
        let change = ResourceRecord::new(wire::wire_name(record.name)?, class, ttl, RData::TXT(text));
        packet.name_servers.push(change);
        packet.build_bytes_vec().map_err(std::io::Error::other)
    }

    fn down(&self, why: &dyn std::fmt::Display) -> AcmeError {
        let words =
            format!("The name server {} cannot be used just now: {why}. Latchkey tries again later.", self.server);
        AcmeError::new(AcmeErrorKind::ProviderDown, words)
    }

    fn refused(&self, why: &str) -> AcmeError {
        let words = format!("The name server {} {why}. Check the key {} on both sides.", self.server, self.key_name);
        AcmeError::new(AcmeErrorKind::ProviderRefused, words)
    }
}
