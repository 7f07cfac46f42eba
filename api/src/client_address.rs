//! Which address a request came from: the peer's, unless the peer is a proxy the operator trusts.
//!
//! A proxy appends the address it saw to `x-forwarded-for`, so the header is read from the right:
//! each address is believed only as long as everything to the right of it is a trusted proxy. What
//! a client wrote itself stands further left and is never reached. No `trusted_proxies`: the header
//! is ignored.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// Addresses in one `x-forwarded-for` that are looked at; longer chains are not walked to the end.
const HOPS_MAX: usize = 16;

/// The address of whoever made the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// The networks whose `x-forwarded-for` is believed (`trusted_proxies` in cairn.toml).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<IpNet>) -> TrustedProxies {
        TrustedProxies(networks)
    }

    /// Whether the operator trusts none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address, given the connection's peer and the request's headers.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut believed = peer.to_canonical();
        let values = headers.get_all("x-forwarded-for").iter().rev();
        let hops = values
            .flat_map(|value| value.to_str().unwrap_or("").rsplit(','))
            .take(HOPS_MAX);
        for hop in hops {
            if !self.contains(believed) {
                break;
            }
            // Unreadable: what is left of it can't be attributed, so the last proxy is the client.
            let Some(address) = parse_hop(hop.trim()) else {
                break;
            };
            believed = address;
        }
        ClientAddress(believed)
    }
}

/// An address as proxies write it: bare, with a port, or an IPv6 address in brackets.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client seen through proxies in `10.0.0.0/8` and `fd00::/8`.
    #[track_caller]
    fn check(peer: &str, forwarded: &[&str], client: &str) {
        let networks = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let found = TrustedProxies::new(networks).client(peer.parse().unwrap(), &headers);
        assert_eq!(found, ClientAddress(client.parse().unwrap()));
    }

    #[test]
    fn a_stranger_is_never_believed() {
        check("192.0.2.1", &["198.51.100.7"], "192.0.2.1");
        check("192.0.2.1", &[], "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_names_the_client() {
        check("10.0.0.1", &["198.51.100.7"], "198.51.100.7");
        check("fd00::1", &["2001:db8::7"], "2001:db8::7");
    }

    #[test]
    fn what_the_client_wrote_is_not_reached() {
        check("10.0.0.1", &["203.0.113.9, 198.51.100.7"], "198.51.100.7");
        check("10.0.0.1", &["203.0.113.9", "198.51.100.7"], "198.51.100.7");
    }

    #[test]
    fn a_chain_of_trusted_proxies_is_walked() {
        check(
            "10.0.0.1",
            &["203.0.113.9, 198.51.100.7, 10.0.0.3", "10.0.0.2"],
            "198.51.100.7",
        );
    }

    #[test]
    fn a_chain_of_proxies_alone_names_the_first() {
        check("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
    }

    #[test]
    fn an_unreadable_hop_ends_the_walk() {
        check("10.0.0.1", &["198.51.100.7, unknown"], "10.0.0.1");
        check("10.0.0.1", &["198.51.100.7, unknown, 10.0.0.2"], "10.0.0.2");
        check("10.0.0.1", &[""], "10.0.0.1");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        check("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7");
        check("10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7");
        check("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7");
        check("::ffff:10.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7");
    }

    #[test]
    fn a_long_chain_is_not_walked_to_its_end() {
        let chain = vec!["10.0.0.9"; 4 * HOPS_MAX].join(", ");
        check("10.0.0.1", &[&format!("198.51.100.7, {chain}")], "10.0.0.9");
    }
}
