//! Where a request for a package may go.
//!
//! The addresses of a listing are a stranger's words. A request to one goes to `http` or `https`
//! only, and never to an address inside this machine or its network, whatever a name resolves to at
//! the moment of the connection, and wherever it redirects: else a listing could make a buyer's
//! machine speak to its neighbours. Addresses that the user names, and the user's own node, may be
//! anywhere. Depends on reqwest's URL type and the standard library.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use galen_api::{PREFIX, Part};
use galen_market::id::PackageId;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A place that serves packages: below its address, `<package id>/<part>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mirror {
    base: Url,
    name: String,
    trusted: bool,
    without_segments: bool,
}

impl Mirror {
    /// An address that the user gave. One without a path is a node's; another is that of a folder of
    /// packages on any server of files.
    ///
    /// # Errors
    /// A text that is no such address; the message says why.
    pub fn named(text: &str) -> Result<Self, String> {
        Self::parse(text, true)
    }

    /// An address out of a listing. `inside` permits addresses of this machine and its network.
    ///
    /// # Errors
    /// As [`Mirror::named`], and an address that is not public.
    pub fn listed(text: &str, inside: bool) -> Result<Self, String> {
        let mirror = Self::parse(text, inside)?;
        if !permitted(&mirror.base, mirror.trusted) {
            return Err("is an address of this machine or its network".to_owned());
        }
        Ok(mirror)
    }

    fn parse(text: &str, trusted: bool) -> Result<Self, String> {
        let mut base = Url::parse(text).map_err(|error| format!("is no address: {error}"))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err("is no http or https address".to_owned());
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err("holds a user name or a password".to_owned());
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err("has a query or a fragment".to_owned());
        }
        let path = match base.path().trim_end_matches('/') {
            "" => format!("{PREFIX}/packages/"),
            path => format!("{path}/"),
        };
        base.set_path(&path);
        Ok(Self { base, name: text.to_owned(), trusted, without_segments: false })
    }

    /// The same place, which is known to have no segments.
    #[must_use]
    pub fn without_segments(self) -> Self {
        Self { without_segments: true, ..self }
    }

    /// Whether it may have segments.
    #[must_use]
    pub fn may_have_segments(&self) -> bool {
        !self.without_segments
    }

    /// As it was written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the user named it, so that it may be anywhere.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Whether both name the same place.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.base == other.base
    }

    /// The address of a part of a package.
    #[must_use]
    pub fn part(&self, package: &PackageId, part: Part) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{package}/{}", self.base.path(), part.name()));
        url
    }
}

/// Whether a request, or a redirect of one, may go to a URL whose host is an address in digits. A
/// name is looked at when it is resolved.
pub(super) fn permitted(url: &Url, trusted: bool) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    trusted || host.parse::<IpAddr>().map_or(true, is_public)
}

/// Whether an address is one of the public Internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// By the IANA's registry of special addresses (RFC 6890).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || (a == 192 && b == 0 && c == 0);
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let groups = address.segments();
    // Addresses that stand for an IPv4 address: mapped, translated (RFC 6052), and 6to4.
    let inner = match groups {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some((high, low))
        }
        [0x2002, high, low, ..] => Some((high, low)),
        _ => None,
    };
    if let Some((high, low)) = inner {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    // What is given out today; documentation and benchmarks are inside it.
    let global = groups[0] & 0xe000 == 0x2000;
    let special = (groups[0] == 0x2001 && (groups[1] < 0x200 || groups[1] == 0xdb8))
        || groups[0] == 0x3fff && groups[1] < 0x1000;
    global && !special
}

/// Resolves names to public addresses only.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|at| is_public(at.ip())).collect();
            if public.is_empty() {
                let text = format!("{} has no public address", name.as_str());
                return Err(text.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parts_stand_below_a_folder_or_a_node() {
        let package = PackageId([7; 32]);
        let part =
            |text: &str| Mirror::named(text).unwrap().part(&package, Part::Leaves).to_string();
        let id = package.to_string();
        for folder in ["https://data.example/galen", "https://data.example/galen/"] {
            assert_eq!(part(folder), format!("https://data.example/galen/{id}/leaves"));
        }
        for node in ["http://127.0.0.1:4850", "http://127.0.0.1:4850/"] {
            let expected = format!("http://127.0.0.1:4850/api/v1/packages/{id}/leaves");
            assert_eq!(part(node), expected);
        }
    }

    #[test]
    fn an_address_is_http_without_secrets() {
        for (text, why) in [
            ("file:///etc/passwd", "http or https"),
            ("ftp://a.example/x", "http or https"),
            ("gopher://a.example/x", "http or https"),
            ("https://user:secret@a.example/x", "password"),
            ("https://a.example/x?token=1", "query"),
            ("/etc/passwd", "no address"),
            ("", "no address"),
        ] {
            let refused = Mirror::named(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn a_listing_cannot_point_inside() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "255.255.255.255",
            "224.0.0.1",
            "[::1]",
            "[::]",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001:db8::1]",
            "[ff02::1]",
            "2130706433",
            "0x7f.1",
        ] {
            let text = format!("http://{inside}:8080/packages");
            let refused = Mirror::listed(&text, false).unwrap_err();
            assert!(refused.contains("this machine"), "{text}: {refused}");
            assert!(Mirror::listed(&text, true).is_ok() && Mirror::named(&text).is_ok());
        }
        for public in ["93.184.215.14", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]", "a.example"] {
            assert!(Mirror::listed(&format!("https://{public}/packages"), false).is_ok());
        }
    }
}
