//! The addresses of this machine, as the kernel tells them; nobody outside is asked.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where the kernel keeps the routes of IPv4: an address of our own is a host route called LOCAL.
const IPV4: &str = "/proc/self/net/fib_trie";
/// Where it keeps the addresses of IPv6.
const IPV6: &str = "/proc/self/net/if_inet6";

/// Every address of this machine, those for itself alone included.
pub(crate) fn own() -> Vec<IpAddr> {
    let text = |path| fs::read_to_string(path).unwrap_or_default();
    let mut own: Vec<IpAddr> = ipv4(&text(IPV4)).into_iter().map(IpAddr::V4).collect();
    own.extend(ipv6(&text(IPV6)).into_iter().map(IpAddr::V6));
    own
}

/// Those under which other machines of the house may find this one: IPv4 first, as it is what people type.
pub(crate) fn in_the_house() -> Vec<IpAddr> {
    own().into_iter().filter(is_for_others).collect()
}

fn is_for_others(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
    }
}

/// An address stands on one line, and what it is on the next.
fn ipv4(text: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in text.lines() {
        if let Some(address) = line.trim_start().strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line.trim().starts_with("/32 host LOCAL")
            && let Some(address) = last
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// An address is the first word of its line, as 32 digits.
fn ipv6(text: &str) -> Vec<Ipv6Addr> {
    let words = text.lines().filter_map(|line| line.split_whitespace().next());
    words
        .filter(|word| word.len() == 32)
        .filter_map(|word| u128::from_str_radix(word, 16).ok())
        .map(Ipv6Addr::from_bits)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIE: &str = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
     +-- 192.0.2.0/24 2 0 2
           |-- 192.0.2.2
              /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
Local:
           |-- 192.0.2.2
              /32 host LOCAL
";

    const INET6: &str = "\
fd000000000000000000000000000002 04 40 00 82     eth0
00000000000000000000000000000001 01 80 10 80       lo
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
";

    #[test]
    fn the_kernels_words_are_read() {
        assert_eq!(ipv4(TRIE), [Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 2)]);
        let found: Vec<_> = ipv6(INET6).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["fd00::2", "::1", "fe80::fc:ff:fe00:1"]);
    }

    #[test]
    fn nonsense_is_no_address() {
        assert!(ipv4("|-- here\n /32 host LOCAL\n/32 host LOCAL").is_empty());
        assert!(ipv6("zz\n12345678901234567890123456789012x\nzz000000000000000000000000000000 01").is_empty());
    }

    #[test]
    fn others_find_us_under_what_is_not_ours_alone() {
        let shown: Vec<IpAddr> = ["127.0.0.1", "169.254.1.1", "192.168.1.5", "::1", "fe80::1", "fd00::2"]
            .map(|text| text.parse().unwrap())
            .into_iter()
            .filter(is_for_others)
            .collect();
        assert_eq!(shown, ["192.168.1.5".parse::<IpAddr>().unwrap(), "fd00::2".parse().unwrap()]);
    }

    #[test]
    fn this_machine_has_an_address_for_itself() {
        assert!(own().contains(&Ipv4Addr::LOCALHOST.into()));
    }
}
