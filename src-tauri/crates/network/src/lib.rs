//! Who may be spoken to: the address policy, host patterns, the egress proxy, the record of contacts.
//!
//! Agent code has no network but this proxy. It looks a name up once, looks at every address that comes back, and
//! dials exactly what it looked at, so that a name that leads elsewhere a moment later leads nowhere. Addresses that
//! are not globally routable are refused unless they are listed as addresses: a listed *name* opens only what is
//! public, because whoever owns a name decides where it leads.

mod address;
mod hosts;
mod proxy;
mod records;
mod relay;
mod request;

pub use address::{AddressKind, address_kind};
pub use hosts::{HostPattern, HostPatternError, Hosts, Refusal};
pub use proxy::{Bounds, ContactSink, Origin, Proxy, Resolver, SystemResolver};
