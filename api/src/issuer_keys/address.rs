//! Where a request for an issuer's documents may go.
//!
//! The operator names an issuer, and means its host, wherever that is. What the issuer's own
//! document then names, or what stands in a token for a wildcard, is somebody else's choice: it
//! must not lead this server to services that only its own network can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The addresses that a request may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Any: the operator named the host.
    Anywhere,
    /// Those that everybody can reach.
    Public,
    /// This machine, the only place to which plain HTTP goes.
    Loopback,
}

impl Reach {
    fn includes(self, address: IpAddr) -> bool {
        match self {
            Reach::Anywhere => true,
            Reach::Public => is_public(address),
            Reach::Loopback => address.is_loopback(),
        }
    }

    /// The words for a refusal.
    fn wanted(self) -> &'static str {
        match self {
            Reach::Anywhere => "any address",
            Reach::Public => {
                "a public address, or `private_addresses = true` in the issuer's section"
            }
            Reach::Loopback => "a loopback address, because it is asked by plain http",
        }
    }

    /// Checks a URL's host where that is an address; names are checked once they are resolved.
    pub(super) fn check(self, url: &Url) -> Result<(), ReachError> {
        let host = url.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) if !self.includes(address) => Err(ReachError {
                host: host.to_owned(),
                wanted: self.wanted(),
            }),
            _ => Ok(()),
        }
    }
}

/// A host that requests do not go to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} has no address that may be asked; wanted {wanted}")]
pub(super) struct ReachError {
    host: String,
    wanted: &'static str,
}

/// Resolves names to the addresses within reach. The connection goes to one of these, so a name
/// that means something else a moment later changes nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolver(pub(super) Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let within: Vec<SocketAddr> = found.filter(|at| reach.includes(at.ip())).collect();
            if within.is_empty() {
                let host = name.as_str().to_owned();
                let wanted = reach.wanted();
                return Err(ReachError { host, wanted }.into());
            }
            Ok::<Addrs, _>(Box::new(within.into_iter()))
        })
    }
}

/// Whether an address is one of the Internet's (the registries of RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        // This network; shared by a provider; for protocols; for benchmarks; kept for later.
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240;
    !is_special
}

/// Of IPv6 only `2000::/3` has been given out; within it some blocks stand for other addresses.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_global = first & 0xe000 == 0x2000;
    let is_documentation = first == 0x2001 && second == 0x0db8 || first == 0x3fff;
    // Protocol assignments and Teredo (`2001::/23`), and 6to4, which wraps an IPv4 address.
    let is_transition = (first == 0x2001 && second < 0x0200) || first == 0x2002;
    is_global && !is_documentation && !is_transition
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for public in [
            "8.8.8.8",
            "192.0.1.1",
            "100.63.0.1",
            "198.20.0.1",
            "2a00::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for special in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:a00:1::",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }

    #[test]
    fn an_address_in_a_url_is_checked_before_anything_is_sent() {
        let check = |reach: Reach, url: &str| reach.check(&url.parse().unwrap()).is_ok();
        assert!(check(Reach::Anywhere, "https://10.0.0.1/"));
        assert!(!check(Reach::Public, "https://10.0.0.1/"));
        // Other ways to write an address are read as the address that they are.
        assert!(!check(Reach::Public, "https://0x0a000001/"));
        assert!(!check(Reach::Public, "https://[::1]:8443/"));
        assert!(check(Reach::Public, "https://8.8.8.8/"));
        assert!(!check(Reach::Loopback, "http://8.8.8.8/"));
        assert!(check(Reach::Loopback, "http://127.0.0.1:80/"));
        assert!(check(Reach::Loopback, "http://[::1]:80/"));
    }

    #[tokio::test]
    async fn a_name_is_resolved_to_what_is_within_reach() {
        let resolve = |reach| Resolver(reach).resolve("localhost".parse().unwrap());
        assert!(resolve(Reach::Loopback).await.unwrap().count() > 0);
        let refused = resolve(Reach::Public).await.err().unwrap().to_string();
        assert!(refused.contains("private_addresses"), "{refused}");
    }
}
