//! TSIG (RFC 8945) with hmac-sha256: a message is signed by a record at its end. The DNS crate has no such record, and the
//! signature is over the bytes of the message, so that both are made and read here.

use domain::certificate::DnsName;
use domain::secret::Secret;
use domain::time::Timestamp;
use ring::hmac;
use subtle::ConstantTimeEq;

/// `hmac-sha256.` as a name on the wire.
const ALGORITHM: &[u8] = b"\x0bhmac-sha256\x00";
/// The record's type, and the class ANY.
const TSIG: u16 = 250;
const ANY: u16 = 255;
/// How far the two clocks may be apart, in seconds (RFC 8945 section 10).
const FUDGE: u16 = 300;
const HEAD: usize = 12;

/// Why a signed answer is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distrust {
    /// It is not signed, or not by this key.
    Unsigned,
    /// The server does not know the key, or has another under this name.
    Key,
    /// The clocks are too far apart.
    Time,
}

/// A key for signing.
pub(super) struct Signer<'a> {
    name: &'a DnsName,
    key: hmac::Key,
}

/// A signed message, and what its answer is checked against.
pub(super) struct Signed {
    pub(super) message: Vec<u8>,
    mac: Vec<u8>,
}

impl<'a> Signer<'a> {
    pub(super) fn new(name: &'a DnsName, key: &Secret<Vec<u8>>) -> Self {
        Self { name, key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()) }
    }

    /// The message with the record behind it.
    pub(super) fn sign(&self, mut message: Vec<u8>, now: Timestamp) -> Signed {
        let id = message.get(..2).unwrap_or_default().to_vec();
        let time = time(now);
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&message);
        context.update(&self.variables(&time, FUDGE, 0, &[]));
        let mac = context.sign().as_ref().to_vec();
        let mut data = ALGORITHM.to_vec();
        data.extend(time);
        data.extend(FUDGE.to_be_bytes());
        data.extend(short(mac.len()));
        data.extend(&mac);
        data.extend(id);
        data.extend([0, 0, 0, 0]);
        message.extend(wire(self.name));
        message.extend(TSIG.to_be_bytes());
        message.extend(ANY.to_be_bytes());
        message.extend([0; 4]);
        message.extend(short(data.len()));
        message.extend(data);
        add_to_count(&mut message, 1);
        Signed { message, mac }
    }

    /// Whether the answer to `signed` is signed with this key as well (RFC 8945 section 5.3.1).
    pub(super) fn check(&self, signed: &Signed, answer: &[u8]) -> Result<(), Distrust> {
        let (record, start) = last_record(answer).ok_or(Distrust::Unsigned)?;
        match record.error {
            16 | 17 => return Err(Distrust::Key),
            18 => return Err(Distrust::Time),
            _ => {}
        }
        let mut before = answer.get(..start).ok_or(Distrust::Unsigned)?.to_vec();
        add_to_count(&mut before, -1);
        if let Some(id) = before.get_mut(..2) {
            id.copy_from_slice(record.id);
        }
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&short(signed.mac.len()));
        context.update(&signed.mac);
        context.update(&before);
        context.update(&self.variables(record.time, record.fudge, record.error, record.other));
        let expected = context.sign();
        let same = expected.as_ref().ct_eq(record.mac);
        if same.into() { Ok(()) } else { Err(Distrust::Unsigned) }
    }

    /// What is signed beside the message (RFC 8945 section 4.3.3).
    fn variables(&self, time: &[u8], fudge: u16, error: u16, other: &[u8]) -> Vec<u8> {
        let mut out = wire(self.name);
        out.extend(ANY.to_be_bytes());
        out.extend([0; 4]);
        out.extend(ALGORITHM);
        out.extend(time);
        out.extend(fudge.to_be_bytes());
        out.extend(error.to_be_bytes());
        out.extend(short(other.len()));
        out.extend(other);
        out
    }
}

/// What we read of the record.
struct Record<'a> {
    time: &'a [u8],
    fudge: u16,
    mac: &'a [u8],
    id: &'a [u8],
    error: u16,
    other: &'a [u8],
}

/// The last record of a message, if it is TSIG, and where it begins.
fn last_record(message: &[u8]) -> Option<(Record<'_>, usize)> {
    let mut cursor = Cursor { message, at: 4 };
    let questions = cursor.u16()?;
    let records = u32::from(cursor.u16()?) + u32::from(cursor.u16()?) + u32::from(cursor.u16()?);
    cursor.at = HEAD;
    for _ in 0..questions {
        cursor.name()?;
        cursor.take(4)?;
    }
    for _ in 1..records {
        cursor.name()?;
        cursor.take(8)?;
        let length = cursor.u16()?;
        cursor.take(length.into())?;
    }
    let start = cursor.at;
    cursor.name()?;
    let kind = cursor.u16()?;
    cursor.take(6)?;
    let length = cursor.u16()?;
    if records == 0 || kind != TSIG || cursor.at + usize::from(length) != message.len() {
        return None;
    }
    cursor.name()?;
    let time = cursor.take(6)?;
    let fudge = cursor.u16()?;
    let length = cursor.u16()?;
    let mac = cursor.take(length.into())?;
    let id = cursor.take(2)?;
    let error = cursor.u16()?;
    let length = cursor.u16()?;
    let other = cursor.take(length.into())?;
    Some((Record { time, fudge, mac, id, error, other }, start))
}

struct Cursor<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let bytes = self.message.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes)
    }

    /// Steps over a name; a pointer ends it, and is not followed.
    fn name(&mut self) -> Option<()> {
        loop {
            match self.take(1)? {
                [0] => return Some(()),
                [length] if *length < 64 => self.take(usize::from(*length))?,
                [pointer] if *pointer >= 192 => return self.take(1).map(|_| ()),
                _ => return None,
            };
        }
    }
}

/// A name on the wire. Its labels are at most 63 bytes long: [`DnsName`] saw to that.
fn wire(name: &DnsName) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.as_str().len() + 2);
    for label in name.as_str().split('.') {
        out.push(u8::try_from(label.len()).unwrap_or_default());
        out.extend(label.bytes());
    }
    out.push(0);
    out
}

/// Seconds since 1970 in 48 bits.
fn time(now: Timestamp) -> [u8; 6] {
    let [_, _, rest @ ..] = now.unix().to_be_bytes();
    rest
}

fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

/// Changes the number of additional records.
fn add_to_count(message: &mut [u8], change: i16) {
    if let Some(count) = message.get_mut(10..12) {
        let now = u16::from_be_bytes([count.first().copied().unwrap_or(0), count.get(1).copied().unwrap_or(0)]);
        count.copy_from_slice(&now.wrapping_add_signed(change).to_be_bytes());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn key(byte: u8) -> Secret<Vec<u8>> {
        Secret::new(vec![byte; 32])
    }

    /// What a server that has this key answers, as RFC 8945 section 5.3 says; also for the fakes of other tests.
    pub(in super::super) fn answer(request: &[u8], name: &DnsName, key: &Secret<Vec<u8>>, rcode: u8) -> Vec<u8> {
        let (record, _) = last_record(request).unwrap();
        let signer = Signer::new(name, key);
        let mut message = request[..HEAD].to_vec();
        message[2] |= 0x80;
        message[3] = rcode;
        message[4..12].fill(0);
        let mut context = hmac::Context::with_key(&signer.key);
        context.update(&short(record.mac.len()));
        context.update(record.mac);
        context.update(&message);
        context.update(&signer.variables(record.time, FUDGE, 0, &[]));
        let mac = context.sign();
        let mut data = ALGORITHM.to_vec();
        data.extend(record.time);
        data.extend(FUDGE.to_be_bytes());
        data.extend(short(32));
        data.extend(mac.as_ref());
        data.extend(&request[..2]);
        data.extend([0; 4]);
        message.extend(wire(name));
        message.extend([0, 250, 0, 255, 0, 0, 0, 0]);
        message.extend(short(data.len()));
        message.extend(data);
        message[11] = 1;
        message
    }

    /// Whether the request is signed with that key: what a server checks.
    pub(in super::super) fn is_signed_by(request: &[u8], name: &DnsName, key: &Secret<Vec<u8>>) -> bool {
        let Some((record, start)) = last_record(request) else { return false };
        let mut before = request[..start].to_vec();
        add_to_count(&mut before, -1);
        let again = Signer::new(name, key).sign(before, NOW);
        record.time == time(NOW) && again.mac == record.mac
    }

    #[test]
    fn an_answer_of_the_same_key_is_believed() {
        let (name, key) = ("latchkey.example".parse().unwrap(), key(1));
        let signer = Signer::new(&name, &key);
        let signed = signer.sign(vec![0; HEAD], NOW);
        assert_eq!(signer.check(&signed, &answer(&signed.message, &name, &key, 0)), Ok(()));
    }

    #[test]
    fn an_answer_of_another_key_or_of_nobody_is_not() {
        let (name, ours, other) = ("latchkey.example".parse().unwrap(), key(1), key(2));
        let signer = Signer::new(&name, &ours);
        let mut head = [0; HEAD];
        head[..2].copy_from_slice(&[7, 7]);
        let signed = signer.sign(head.to_vec(), NOW);
        let good = answer(&signed.message, &name, &ours, 0);
        assert_eq!(signer.check(&signed, &answer(&signed.message, &name, &other, 0)), Err(Distrust::Unsigned));
        assert_eq!(signer.check(&signed, &head), Err(Distrust::Unsigned));
        let mut changed = good.clone();
        changed[3] = 5;
        assert_eq!(signer.check(&signed, &changed), Err(Distrust::Unsigned), "the answer was changed on its way");
        for end in 0..good.len() {
            assert!(signer.check(&signed, &good[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn the_signature_is_what_other_implementations_make() {
        // Made with dnspython 2.9: an UPDATE message of 12 zero bytes but for its number, signed at this time.
        let name: DnsName = "latchkey.example".parse().unwrap();
        let mut head = vec![0; HEAD];
        head[0] = 0x12;
        head[1] = 0x34;
        head[2] = 0x28;
        let signed = Signer::new(&name, &key(b'k')).sign(head, NOW);
        let mac: String = signed.mac.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(mac, "3e46a7f2e737a5654ada3383719a3af9990bd00ccf912ddd6317e2bff5ff41ed");
    }

    proptest! {
        #[test]
        fn no_answer_but_the_signed_one_is_believed(bytes in proptest::collection::vec(any::<u8>(), 0..200), at: proptest::sample::Index) {
            let (name, key) = ("latchkey.example".parse().unwrap(), key(1));
            let signer = Signer::new(&name, &key);
            let signed = signer.sign(vec![0; HEAD], NOW);
            prop_assert!(signer.check(&signed, &bytes).is_err());
            let mut one = answer(&signed.message, &name, &key, 0);
            // The name and the class of the record are signed as we know them, not as they came.
            let at = at.index(HEAD);
            one[at] ^= 0x10;
            prop_assert!(at < 2 || signer.check(&signed, &one).is_err());
        }
    }
}
