//! Random moments that can be had again: everything comes from a seed that is shown.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A stream of numbers (SplitMix64).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A seed that was not used before.
    pub(crate) fn seed() -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.as_secs() * 1000 + u64::from(now.subsec_millis())
    }

    /// The stream of a name, whatever others draw.
    pub(crate) fn of(seed: u64, name: &str) -> Self {
        Self(name.bytes().fold(seed, |mixed, byte| Self(mixed ^ u64::from(byte)).next()))
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A length of time below that one, in whole milliseconds.
    pub(crate) fn below(&mut self, most: Duration) -> Duration {
        let millis = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).max(1);
        Duration::from_millis(self.next() % millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_moments_and_each_promise_has_its_own() {
        let draw = |mut random: Random| [random.next(), random.next(), random.next()];
        assert_eq!(draw(Random::of(7, "cuts")), draw(Random::of(7, "cuts")));
        assert_ne!(draw(Random::of(7, "cuts")), draw(Random::of(7, "reset")));
        assert_ne!(draw(Random::of(7, "cuts")), draw(Random::of(8, "cuts")));
        let most = Duration::from_secs(3);
        assert!((0..1000).all(|seed| Random(seed).below(most) < most));
    }
}
