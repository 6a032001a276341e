//! Randomness as an argument.

/// A source of bytes that nobody can predict. The appliance implements it once over the operating system;
/// tests implement it over a seed.
pub trait Entropy: Send + Sync {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// An array of `N` random bytes.
pub fn bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut buffer = [0; N];
    entropy.fill(&mut buffer);
    buffer
}

/// A random number below 2^53, so that every JSON reader keeps it exact, and never zero.
pub fn number(entropy: &dyn Entropy) -> i64 {
    let raw = u64::from_be_bytes(bytes(entropy)) >> 11;
    i64::try_from(raw.max(1)).unwrap_or(1)
}
