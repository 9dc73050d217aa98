//! Which machines the gateway may reach: an address in a webhook must not become a way into the machine itself or to what only its
//! neighbours should ask (server-side request forgery).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network in the notation of RFC 4632: `192.0.2.0/24`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// Leading bits that count.
    bits: u8,
}

/// The text names no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no network of the form ADDRESS/BITS")]
pub struct BadNetwork;

impl Network {
    /// Reads a network; bits behind the prefix must be zero, so that a slip of the pen is found.
    ///
    /// # Errors
    /// [`BadNetwork`].
    pub fn parse(text: &str) -> Result<Self, BadNetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if bits.bytes().all(|b| b.is_ascii_digit()) => {
                (address, Some(bits.parse().map_err(|_| BadNetwork)?))
            }
            Some(_) => return Err(BadNetwork),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| BadNetwork)?;
        let most: u8 = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        let network = Self { address, bits };
        let fits = bits <= most && network.start(address) == start_of(address);
        fits.then_some(network).ok_or(BadNetwork)
    }

    /// Whether an address is in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && self.start(address) == self.start(self.address)
    }

    /// Whether there is an address in both.
    pub fn overlaps(&self, other: &Network) -> bool {
        self.holds(other.address) || other.holds(self.address)
    }

    /// The address with the bits behind the prefix cleared; IPv4 stands in the upper 32 bits.
    fn start(&self, address: IpAddr) -> u128 {
        let mask = u128::MAX.checked_shl(128_u32.saturating_sub(self.bits.into())).unwrap_or(0);
        start_of(address) & mask
    }
}

fn start_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Which addresses may be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Only these; empty: every ordinary address.
    only: Vec<Network>,
    /// Whether this machine itself is an ordinary address.
    this_machine: bool,
}

impl Reach {
    /// Every address but those of this machine, of its link, and those that name no single machine.
    pub fn ordinary() -> Self {
        Self::default()
    }

    /// Every address, where whoever asks has named the server themselves (the command line).
    pub fn with_this_machine() -> Self {
        Self { this_machine: true, ..Self::default() }
    }

    /// These networks alone, whatever they are; none is [`ordinary`](Self::ordinary).
    pub fn only(networks: Vec<Network>) -> Self {
        Self { only: networks, this_machine: false }
    }

    /// Whether an address may be reached.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = meant(address);
        if !self.only.is_empty() {
            return self.only.iter().any(|network| network.holds(address));
        }
        (self.this_machine && address.is_loopback()) || is_ordinary(address)
    }
}

/// The IPv4 address within an IPv6 one, where a gateway of the network would unwrap it: mapped (RFC 4291), NAT64 (RFC 6052) and 6to4
/// (RFC 3056).
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address.to_canonical() else { return address.to_canonical() };
    match six.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => IpAddr::V6(six),
    }
}

fn is_ordinary(address: IpAddr) -> bool {
    match address {
        // 0.0.0.0/8 is "this host on this network" (RFC 1122), and Linux takes it for loopback.
        IpAddr::V4(four) => {
            let [first, ..] = four.octets();
            !(four.is_loopback() || four.is_link_local() || four.is_multicast() || four.is_broadcast() || first == 0)
        }
        IpAddr::V6(six) => {
            // fec0::/10 was site-local once (RFC 3879).
            let site_local = six.segments().first().is_some_and(|first| first & 0xffc0 == 0xfec0);
            // ::/96 holds ::, ::1 and the old IPv4-compatible addresses.
            let compatible = six.to_bits() >> 32 == 0;
            !(six.is_unicast_link_local()
                || six.is_multicast()
                || site_local
                || compatible
                || six == Ipv6Addr::LOCALHOST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_read_and_hold_what_python_s_ipaddress_says_they_hold() {
        for (network, address, expect) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("192.0.2.128/25", "192.0.2.127", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("::/0", "fe80::1", true),
        ] {
            assert_eq!(Network::parse(network).unwrap().holds(ip(address)), expect, "{network} {address}");
        }
        for bad in [
            "",
            "x",
            "192.0.2.1/24",
            "192.0.2.0/33",
            "192.0.2.0/",
            "192.0.2.0/+8",
            "2001:db8::/129",
            "192.0.2/24",
            "192.0.2.0/24/8",
        ] {
            assert_eq!(Network::parse(bad), Err(BadNetwork), "{bad}");
        }
    }

    #[test]
    fn this_machine_and_its_link_are_out_of_reach_however_they_are_written() {
        let reach = Reach::ordinary();
        for bad in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::169.254.169.254",
            "2002:7f00:1::",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!reach.allows(ip(bad)), "{bad}");
        }
        for good in ["10.0.0.1", "192.168.1.1", "203.0.113.9", "2001:db8::1", "fd00::1", "64:ff9b::203.0.113.9"] {
            assert!(reach.allows(ip(good)), "{good}");
        }
        assert!(Reach::with_this_machine().allows(ip("127.0.0.1")));
        assert!(!Reach::with_this_machine().allows(ip("169.254.169.254")));
    }

    #[test]
    fn named_networks_are_all_there_is() {
        let reach = Reach::only(vec![Network::parse("127.0.0.0/8").unwrap(), Network::parse("10.0.0.0/8").unwrap()]);
        assert!(reach.allows(ip("127.0.0.1")) && reach.allows(ip("::ffff:10.1.1.1")));
        assert!(!reach.allows(ip("203.0.113.9")) && !reach.allows(ip("::1")));
    }
}
