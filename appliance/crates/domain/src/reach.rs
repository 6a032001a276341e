//! Whether the name of the house leads to the box: what a lookup of the name found, held against the box's own addresses.

use std::net::IpAddr;

/// What a lookup of a name gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// These addresses; none at all when the name is not known.
    Found(Vec<IpAddr>),
    /// Nobody answered in time.
    NoAnswer,
}

/// What a lookup says about the name, seen from the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Every address is the box's.
    Here,
    /// Some are the box's and some are not: phones may take either.
    Partly,
    /// Other machines of the house.
    Elsewhere,
    /// Addresses of the internet: the record has the router's outer address, or a service that forwards.
    Outside,
    /// Only the box's address for itself: a line of its own hosts file, which says nothing of what phones are told.
    Itself,
    /// No address: no record yet, or a router that hides addresses of the house (DNS-rebind protection).
    Nothing,
    /// Nobody answered in time.
    NoAnswer,
}

impl Finding {
    /// Every one, for tables.
    pub const ALL: [Self; 7] =
        [Self::Here, Self::Partly, Self::Elsewhere, Self::Outside, Self::Itself, Self::Nothing, Self::NoAnswer];

    /// What the finding of a lookup is for a box with these addresses.
    pub fn of(lookup: &Lookup, own: &[IpAddr]) -> Self {
        let found = match lookup {
            Lookup::NoAnswer => return Self::NoAnswer,
            Lookup::Found(found) => found,
        };
        // An answer of zeros is how some filters say no.
        let found: Vec<IpAddr> =
            found.iter().map(IpAddr::to_canonical).filter(|address| !address.is_unspecified()).collect();
        let ours = found.iter().filter(|address| own.contains(address)).count();
        if found.is_empty() {
            Self::Nothing
        } else if found.iter().all(IpAddr::is_loopback) {
            Self::Itself
        } else if ours == found.len() {
            Self::Here
        } else if ours > 0 {
            Self::Partly
        } else if found.iter().all(|address| !is_of_a_house(*address)) {
            Self::Outside
        } else {
            Self::Elsewhere
        }
    }

    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Partly => "partly",
            Self::Elsewhere => "elsewhere",
            Self::Outside => "outside",
            Self::Itself => "itself",
            Self::Nothing => "nothing",
            Self::NoAnswer => "no-answer",
        }
    }
}

/// Whether an address is one that routers give inside of a house: RFC 1918, RFC 6598 (some providers), link-local, RFC 4193.
fn is_of_a_house(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_private() || v4.is_link_local() || v4.is_loopback() || shared
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

/// The address that the record of the name should have: the one of the house that routers give, IPv4 before IPv6.
pub fn address_for_the_record(own: &[IpAddr]) -> Option<IpAddr> {
    let others = |address: &&IpAddr| !address.is_loopback() && !address.is_unspecified();
    let of_a_house = own.iter().filter(others).find(|address| is_of_a_house(**address) && !is_link_local(**address));
    of_a_house.or_else(|| own.iter().filter(others).find(|address| !is_link_local(**address))).copied()
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<IpAddr> {
        text.split_whitespace().map(|word| word.parse().unwrap()).collect()
    }

    fn finding(found: &str) -> Finding {
        let own = addresses("127.0.0.1 192.168.1.5 ::1 fd00::5 2001:db8:1::5");
        Finding::of(&Lookup::Found(addresses(found)), &own)
    }

    #[test]
    fn a_name_that_leads_here_is_right_and_every_other_is_told_apart() {
        for (found, is) in [
            ("192.168.1.5", Finding::Here),
            ("::ffff:192.168.1.5 2001:db8:1::5", Finding::Here),
            ("192.168.1.5 fd00::9", Finding::Partly),
            ("192.168.1.9", Finding::Elsewhere),
            ("100.64.0.1 203.0.113.4", Finding::Elsewhere),
            ("203.0.113.4", Finding::Outside),
            ("2001:db8:2::1 203.0.113.4", Finding::Outside),
            ("127.0.1.1", Finding::Itself),
            ("127.0.0.1 ::1", Finding::Itself),
            ("0.0.0.0", Finding::Nothing),
            ("", Finding::Nothing),
        ] {
            assert_eq!(finding(found), is, "{found}");
        }
        assert_eq!(Finding::of(&Lookup::NoAnswer, &[]), Finding::NoAnswer);
    }

    #[test]
    fn the_record_gets_an_address_that_every_phone_in_the_house_can_use() {
        for (own, record) in [
            ("127.0.0.1 169.254.3.3 192.168.1.5 2001:db8::5", Some("192.168.1.5")),
            ("127.0.0.1 203.0.113.4 fe80::1 fd00::5", Some("fd00::5")),
            ("127.0.0.1 203.0.113.4", Some("203.0.113.4")),
            ("127.0.0.1 ::1 fe80::1", None),
        ] {
            assert_eq!(address_for_the_record(&addresses(own)), record.map(|text| text.parse().unwrap()), "{own}");
        }
    }
}
