//! What an address is for. A grant of a name must not become a way into the host's own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches, with the word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere: a machine of the public internet.
    Public,
    /// The host itself or a network of its own.
    Inside(&'static str),
    /// No machine in particular, or one that the network puts there: link-local, where clouds give out credentials.
    Special(&'static str),
}

/// What an address is for (the IANA's registries of special addresses).
pub fn reach(address: IpAddr) -> Reach {
    match address.to_canonical() {
        IpAddr::V4(address) => of_v4(address),
        IpAddr::V6(address) => of_v6(address),
    }
}

fn of_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [0, ..] => Reach::Special("unspecified"),
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Reach::Inside("private"),
        [100, 64..=127, ..] => Reach::Inside("carrier's private"),
        [127, ..] => Reach::Inside("loopback"),
        [169, 254, ..] => Reach::Special("link-local"),
        [198, 18..=19, ..] => Reach::Inside("benchmarking"),
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Reach::Special("reserved"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Reach::Special("documentation"),
        [224..=239, ..] => Reach::Special("multicast"),
        _ => Reach::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Reach {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Special("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Inside("loopback"),
        // Addresses that carry one of IPv4 lead to that: translation by the network (RFC 6052), 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => of_v4(joined(high, low)),
        [0x64, 0xff9b, 1, ..] | [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Reach::Inside("private"),
        [0xfe80..=0xfebf, ..] => Reach::Special("link-local"),
        [0xff00..=0xffff, ..] => Reach::Special("multicast"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Special("documentation"),
        [0x2001, 0..=0x1ff, ..] => Reach::Special("reserved"),
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Special("reserved"),
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_what_the_registries_say() {
        for (address, wanted) in [
            ("1.1.1.1", Reach::Public),
            ("11.0.0.1", Reach::Public),
            ("172.15.0.1", Reach::Public),
            ("172.32.0.1", Reach::Public),
            ("100.128.0.1", Reach::Public),
            ("2606:4700::1111", Reach::Public),
            ("64:ff9b::101:101", Reach::Public),
            ("10.1.2.3", Reach::Inside("private")),
            ("172.31.255.255", Reach::Inside("private")),
            ("192.168.0.1", Reach::Inside("private")),
            ("100.64.0.1", Reach::Inside("carrier's private")),
            ("127.8.9.1", Reach::Inside("loopback")),
            ("::1", Reach::Inside("loopback")),
            ("::ffff:127.0.0.1", Reach::Inside("loopback")),
            ("::ffff:10.0.0.1", Reach::Inside("private")),
            ("64:ff9b::7f00:1", Reach::Inside("loopback")),
            ("64:ff9b:1::1", Reach::Inside("private")),
            ("2002:a00:1::", Reach::Inside("private")),
            ("fd00:ec2::254", Reach::Inside("private")),
            ("fec0::1", Reach::Inside("private")),
            ("198.19.0.1", Reach::Inside("benchmarking")),
            ("169.254.169.254", Reach::Special("link-local")),
            ("::ffff:169.254.169.254", Reach::Special("link-local")),
            ("2002:a9fe:a9fe::", Reach::Special("link-local")),
            ("fe80::1", Reach::Special("link-local")),
            ("0.0.0.0", Reach::Special("unspecified")),
            ("0.1.2.3", Reach::Special("unspecified")),
            ("::", Reach::Special("unspecified")),
            ("255.255.255.255", Reach::Special("reserved")),
            ("240.0.0.1", Reach::Special("reserved")),
            ("192.0.0.1", Reach::Special("reserved")),
            ("::7f00:1", Reach::Special("reserved")),
            ("2001::1", Reach::Special("reserved")),
            ("5f00::1", Reach::Special("reserved")),
            ("224.0.0.251", Reach::Special("multicast")),
            ("ff02::fb", Reach::Special("multicast")),
            ("203.0.113.9", Reach::Special("documentation")),
            ("2001:db8::1", Reach::Special("documentation")),
        ] {
            assert_eq!(reach(address.parse().unwrap()), wanted, "{address}");
        }
    }
}
