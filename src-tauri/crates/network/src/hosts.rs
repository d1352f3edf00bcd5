//! Which hosts a session may speak to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use okcvm_protocol::NetworkPolicy;
use url::Host;

use crate::address::{AddressKind, address_kind, is_own};

/// The ports of a pattern that names none.
const WEB_PORTS: [u16; 2] = [80, 443];
/// Names that are looked up on this machine or in the user's own network alone.
const LOCAL_ENDINGS: [&str; 6] = ["local", "localhost", "internal", "lan", "home.arpa", "intranet"];

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{pattern}” is not a host: {problem}")]
pub struct HostPatternError {
    /// As it was written.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Hosts that may be spoken to: a name, all names below one, an address, or a range of addresses; each with a port or
/// with those of the web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    what: What,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Name(String),
    /// Every name that ends with a dot and this.
    Below(String),
    Address(IpAddr),
    Range(IpAddr, u8),
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong =
            |problem: &str| HostPatternError { pattern: text.to_owned(), problem: problem.to_owned() };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(wrong("it is empty"));
        }
        if trimmed.contains("://") {
            return Err(wrong("leave out the scheme, for example `example.com`"));
        }
        if let Some((address, length)) = trimmed.split_once('/') {
            let address: IpAddr = address
                .parse()
                .map_err(|_| wrong("a path is not part of a host; a range is like 10.0.0.0/8"))?;
            let length: u8 = length.parse().map_err(|_| wrong("the length of a range is a number"))?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            if length > most {
                return Err(wrong("the range is longer than an address"));
            }
            return Ok(Self { what: What::Range(address, length), port: None });
        }
        if let Ok(address) = trimmed.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(Self { what: What::Address(address), port: None });
        }
        let (host, port) = match trimmed.rsplit_once(':') {
            Some((host, port)) => {
                let port: u16 =
                    port.parse().map_err(|_| wrong("the port is not a number from 1 to 65535"))?;
                if port == 0 {
                    return Err(wrong("the port is not a number from 1 to 65535"));
                }
                (host, Some(port))
            }
            None => (trimmed, None),
        };
        let (below, host) = match host.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, host),
        };
        if host.contains('*') {
            return Err(wrong("`*` stands only for all names below one, as in `*.example.com`"));
        }
        let what = match Host::parse(host).map_err(|error| wrong(&error.to_string()))? {
            Host::Ipv4(_) | Host::Ipv6(_) if below => return Err(wrong("no name stands below an address")),
            Host::Ipv4(address) => What::Address(address.into()),
            Host::Ipv6(address) => What::Address(address.into()),
            Host::Domain(name) => {
                let name = name.trim_end_matches('.').to_owned();
                if name.is_empty() || name.split('.').any(str::is_empty) {
                    return Err(wrong("a part of the name is empty"));
                }
                if below { What::Below(name) } else { What::Name(name) }
            }
        };
        Ok(Self { what, port })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Name(name) => formatter.write_str(name)?,
            What::Below(name) => write!(formatter, "*.{name}")?,
            What::Address(IpAddr::V6(address)) if self.port.is_some() => write!(formatter, "[{address}]")?,
            What::Address(address) => write!(formatter, "{address}")?,
            What::Range(address, length) => write!(formatter, "{address}/{length}")?,
        }
        match self.port {
            Some(port) => write!(formatter, ":{port}"),
            None => Ok(()),
        }
    }
}

impl HostPattern {
    fn has_name(&self, name: &str, port: u16) -> bool {
        let named = match &self.what {
            What::Name(own) => own == name,
            What::Below(own) => {
                name.strip_suffix(own.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            What::Address(_) | What::Range(..) => false,
        };
        named && self.port.map_or_else(|| WEB_PORTS.contains(&port), |own| own == port)
    }

    fn has_address(&self, address: IpAddr, port: u16) -> bool {
        let listed = match &self.what {
            What::Address(own) => own.to_canonical() == address.to_canonical(),
            What::Range(own, length) => in_range(address.to_canonical(), *own, *length),
            // The one name whose addresses are known without asking.
            What::Name(own) => own == "localhost" && address_kind(address) == AddressKind::Loopback,
            What::Below(_) => false,
        };
        // An address is listed for a service of the user's own, which stands at any port.
        listed && self.port.is_none_or(|own| own == port)
    }
}

fn in_range(address: IpAddr, range: IpAddr, length: u8) -> bool {
    let (bits, own, width) = match (address, range) {
        (IpAddr::V4(address), IpAddr::V4(range)) => {
            (u128::from(address.to_bits()), u128::from(range.to_bits()), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(range)) => (address.to_bits(), range.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    let shift = u32::from(width - length.min(width));
    shift == 128 || bits >> shift == own >> shift
}

/// Why somebody may not be spoken to; worded for the model and for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The policy does not list it.
    #[error("{host}:{port} is not among the hosts that this session may speak to")]
    NotListed {
        /// As asked.
        host: String,
        /// As asked.
        port: u16,
    },
    /// The name leads into the user's own network.
    #[error("{0} is a name of the local network, which is refused unless it is listed")]
    LocalName(String),
    /// An address that is not public.
    #[error("{host} leads to {address}, {}, which is refused unless that address is listed", kind.words())]
    Address {
        /// As asked.
        host: String,
        /// Where it leads.
        address: IpAddr,
        /// What that is.
        kind: AddressKind,
    },
}

/// A policy that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    listed: Vec<HostPattern>,
    open: bool,
}

impl Hosts {
    /// Of a policy; `None` if it allows nobody.
    pub fn of(policy: &NetworkPolicy) -> Result<Option<Self>, HostPatternError> {
        match policy {
            NetworkPolicy::Off => Ok(None),
            NetworkPolicy::Open => Ok(Some(Self { listed: Vec::new(), open: true })),
            NetworkPolicy::Hosts { hosts } => {
                let listed = hosts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
                Ok(Some(Self { listed, open: false }))
            }
        }
    }

    /// Whether this machine's own addresses are among what is listed, so that programs must not go around the proxy
    /// for them.
    pub fn lists_loopback(&self) -> bool {
        self.listed.iter().any(|pattern| match &pattern.what {
            What::Address(address) | What::Range(address, _) => {
                address_kind(*address) == AddressKind::Loopback
            }
            What::Name(name) => name == "localhost",
            What::Below(_) => false,
        })
    }

    /// Looks at a host before it is looked up.
    pub(crate) fn check_host(&self, host: &Host<String>, port: u16) -> Result<(), Refusal> {
        let name = match host {
            Host::Ipv4(address) => return self.check_listed_address((*address).into(), port),
            Host::Ipv6(address) => return self.check_listed_address((*address).into(), port),
            Host::Domain(name) => name.trim_end_matches('.'),
        };
        if self.listed.iter().any(|pattern| pattern.has_name(name, port)) {
            return Ok(());
        }
        let local = LOCAL_ENDINGS.iter().any(|ending| {
            name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        if local || !name.contains('.') {
            return Err(Refusal::LocalName(name.to_owned()));
        }
        if self.open { Ok(()) } else { Err(Refusal::NotListed { host: name.to_owned(), port }) }
    }

    fn check_listed_address(&self, address: IpAddr, port: u16) -> Result<(), Refusal> {
        if self.open || self.listed.iter().any(|pattern| pattern.has_address(address, port)) {
            // An open policy leaves the decision to the look at the address itself.
            return Ok(());
        }
        Err(Refusal::NotListed { host: address.to_string(), port })
    }

    /// Looks at an address that a host leads to.
    pub(crate) fn check_address(&self, host: &str, address: IpAddr, port: u16) -> Result<(), Refusal> {
        let kind = match address_kind(address) {
            AddressKind::Global if is_own(address.to_canonical()) => AddressKind::Own,
            kind => kind,
        };
        if kind == AddressKind::Global || self.listed.iter().any(|pattern| pattern.has_address(address, port))
        {
            return Ok(());
        }
        Err(Refusal::Address { host: host.to_owned(), address, kind })
    }
}

#[cfg(test)]
#[path = "hosts_tests.rs"]
mod tests;
