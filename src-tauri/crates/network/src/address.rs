//! Which addresses are globally routable. Everything else is refused by default, also inside of the forms in which one
//! kind of address carries another.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// Anybody in the world.
    Global,
    /// This machine.
    Loopback,
    /// This machine by the address that it has for anybody in the world.
    Own,
    /// A network of the user's own, or one of the provider that many share.
    Private,
    /// The neighbours on one wire.
    LinkLocal,
    /// What tells a machine in a data centre about itself.
    Metadata,
    /// Many at once.
    Multicast,
    /// Nobody: unspecified, reserved, for documents or for measurements.
    Reserved,
}

impl AddressKind {
    /// For messages: “a loopback address”.
    pub fn words(self) -> &'static str {
        match self {
            Self::Global => "a public address",
            Self::Loopback => "a loopback address",
            Self::Own => "an address of this machine",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a metadata service",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
        }
    }
}

/// Classifies an address. An IPv6 address that carries an IPv4 address is what that one is.
pub fn address_kind(address: IpAddr) -> AddressKind {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

/// Whether an address is one of this machine's: only from itself does the system speak to it. Nothing is sent.
pub(crate) fn is_own(address: IpAddr) -> bool {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let speaker = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    speaker.is_ok_and(|speaker| speaker.ip() == address)
}

/// IANA's registry of special-purpose addresses, and the two metadata services outside of it.
fn kind_v4(address: Ipv4Addr) -> AddressKind {
    let [a, b, c, d] = address.octets();
    match (a, b, c, d) {
        (169, 254, 169, 254 | 253) | (100, 100, 100, 200) | (168, 63, 129, 16) | (192, 0, 0, 192) => {
            AddressKind::Metadata
        }
        (127, ..) => AddressKind::Loopback,
        (10, ..) | (172, 16..=31, ..) | (192, 168, ..) | (100, 64..=127, ..) => AddressKind::Private,
        (169, 254, ..) => AddressKind::LinkLocal,
        (224..=239, ..) => AddressKind::Multicast,
        (0 | 240..=255, ..)
        | (192, 0, 0 | 2, _)
        | (192, 31, 196, _)
        | (192, 52, 193, _)
        | (192, 88, 99, _)
        | (192, 175, 48, _)
        | (198, 18..=19, ..)
        | (198, 51, 100, _)
        | (203, 0, 113, _) => AddressKind::Reserved,
        _ => AddressKind::Global,
    }
}

fn kind_v6(address: Ipv6Addr) -> AddressKind {
    if let Some(carried) = carried(address) {
        return kind_v4(carried);
    }
    let [a, b, c, ..] = address.segments();
    match (a, b, c) {
        _ if address.is_unspecified() => AddressKind::Reserved,
        _ if address.is_loopback() => AddressKind::Loopback,
        (0xfd00, 0x0ec2, _) if address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) => {
            AddressKind::Metadata
        }
        (0xfc00..=0xfdff | 0xfec0..=0xfeff, ..) | (0x0064, 0xff9b, 0x0001) => AddressKind::Private,
        (0xfe80..=0xfebf, ..) => AddressKind::LinkLocal,
        (0xff00..=0xffff, ..) => AddressKind::Multicast,
        // Of global unicast, what the registry keeps for itself: IETF protocols with Teredo, ORCHID, benchmarks and
        // documents.
        (0x2001, 0x0000..=0x01ff | 0x0db8, _)
        | (0x2002 | 0x3ffe | 0x5f00, ..)
        | (0x3fff, 0x0000..=0x0fff, _) => AddressKind::Reserved,
        (0x2000..=0x3fff, ..) => AddressKind::Global,
        // Nothing else has been given to anybody.
        _ => AddressKind::Reserved,
    }
}

/// The IPv4 address inside: mapped, compatible, translated, NAT64, 6to4 and Teredo, whose gateways would pass it on.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let pair = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        // The unspecified and the loopback address are not compatible ones.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(pair(high, low)),
        [0x2001, 0, .., high, low] => Some(pair(!high, !low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_global_is_known() {
        for (text, kind) in [
            ("1.1.1.1", AddressKind::Global),
            ("93.184.216.34", AddressKind::Global),
            ("172.15.255.255", AddressKind::Global),
            ("172.32.0.0", AddressKind::Global),
            ("100.63.255.255", AddressKind::Global),
            ("100.128.0.0", AddressKind::Global),
            ("223.255.255.255", AddressKind::Global),
            ("2606:4700::1111", AddressKind::Global),
            ("2a00:1450:4001:800::200e", AddressKind::Global),
            ("127.0.0.1", AddressKind::Loopback),
            ("127.255.255.254", AddressKind::Loopback),
            ("::1", AddressKind::Loopback),
            ("10.0.0.1", AddressKind::Private),
            ("172.16.0.1", AddressKind::Private),
            ("172.31.255.255", AddressKind::Private),
            ("192.168.1.1", AddressKind::Private),
            ("100.64.0.1", AddressKind::Private),
            ("100.127.255.255", AddressKind::Private),
            ("fc00::1", AddressKind::Private),
            ("fd12:3456::1", AddressKind::Private),
            ("fec0::1", AddressKind::Private),
            ("64:ff9b:1::1", AddressKind::Private),
            ("169.254.1.1", AddressKind::LinkLocal),
            ("fe80::1", AddressKind::LinkLocal),
            ("169.254.169.254", AddressKind::Metadata),
            ("168.63.129.16", AddressKind::Metadata),
            ("100.100.100.200", AddressKind::Metadata),
            ("fd00:ec2::254", AddressKind::Metadata),
            ("224.0.0.1", AddressKind::Multicast),
            ("239.255.255.250", AddressKind::Multicast),
            ("ff02::1", AddressKind::Multicast),
            ("0.0.0.0", AddressKind::Reserved),
            ("0.1.2.3", AddressKind::Reserved),
            ("192.0.2.1", AddressKind::Reserved),
            ("198.51.100.1", AddressKind::Reserved),
            ("203.0.113.1", AddressKind::Reserved),
            ("198.18.0.1", AddressKind::Reserved),
            ("192.88.99.1", AddressKind::Reserved),
            ("240.0.0.1", AddressKind::Reserved),
            ("255.255.255.255", AddressKind::Reserved),
            ("::", AddressKind::Reserved),
            ("2001:db8::1", AddressKind::Reserved),
            ("2001:2::1", AddressKind::Reserved),
            ("3fff::1", AddressKind::Reserved),
            ("100::1", AddressKind::Reserved),
            ("4000::1", AddressKind::Reserved),
            // Carried inside of another form.
            ("::ffff:127.0.0.1", AddressKind::Loopback),
            ("::ffff:10.0.0.1", AddressKind::Private),
            ("::ffff:169.254.169.254", AddressKind::Metadata),
            ("::ffff:8.8.8.8", AddressKind::Global),
            ("::127.0.0.1", AddressKind::Loopback),
            ("::ffff:0:127.0.0.1", AddressKind::Loopback),
            ("64:ff9b::7f00:1", AddressKind::Loopback),
            ("64:ff9b::a00:1", AddressKind::Private),
            ("2002:7f00:1::", AddressKind::Loopback),
            ("2002:a9fe:a9fe::1", AddressKind::Metadata),
            ("2001:0:4136:e378:8000:63bf:80ff:fffe", AddressKind::Loopback),
        ] {
            assert_eq!(address_kind(text.parse().unwrap()), kind, "{text}");
        }
    }

    #[test]
    fn this_machine_knows_its_own_addresses() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(!is_own("93.184.216.34".parse().unwrap()));
        assert!(!is_own("2606:4700::1111".parse().unwrap()));
        // The one by which it would speak to the world, if it has any.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        if socket.connect("93.184.216.34:9").is_ok() {
            assert!(is_own(socket.local_addr().unwrap().ip()));
        }
    }
}
