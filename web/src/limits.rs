//! How much one client may ask for. Every address has a bucket of units that fills again by the second;
//! a request takes some, and who finds it empty is told when to come back. Memory is bounded: addresses
//! share a fixed number of buckets by a hash that nobody outside knows, so that many addresses neither
//! fill the memory nor find out whose bucket they share.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use galen_api::codes;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use warp::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use warp::reply::Response;

use crate::reply::ApiError;

/// Buckets: a power of two.
const BUCKETS: u64 = 1 << 16;

/// How much each client may ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimits {
    /// Units that come back each second.
    pub per_second: NonZeroU32,
    /// Units that a client has who asked for nothing in a while.
    pub burst: NonZeroU32,
    /// Whether the last address of `X-Forwarded-For` is the client's: only behind a proxy that sets it.
    pub behind_proxy: bool,
}

impl Default for RateLimits {
    /// A command line that uploads, waits and lists stays far below; a reader of pages too.
    fn default() -> Self {
        let [per_second, burst] =
            [200, 2_000].map(|n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN));
        Self { per_second, burst, behind_proxy: false }
    }
}

/// A client, as far as limits tell clients apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub(crate) struct Client(IpAddr);

impl Client {
    /// Who asks. An IPv6 network of 64 bits is one client.
    pub fn new(
        peer: Option<SocketAddr>,
        forwarded: Option<&str>,
        limits: Option<&RateLimits>,
    ) -> Self {
        let behind = limits.is_some_and(|limits| limits.behind_proxy);
        let told = forwarded.filter(|_| behind).and_then(|all| all.rsplit(',').next());
        let told = told.and_then(|last| last.trim().parse::<IpAddr>().ok());
        let unknown = IpAddr::from([0, 0, 0, 0]);
        let address = told.or(peer.map(|peer| peer.ip())).unwrap_or(unknown).to_canonical();
        Self(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => {
                let network = u128::from_be_bytes(address.octets()) >> 64 << 64;
                IpAddr::from(network.to_be_bytes())
            }
        })
    }
}

type Buckets =
    RateLimiter<u64, DefaultKeyedStateStore<u64>, DefaultClock, StateInformationMiddleware>;

/// The buckets of all clients.
pub(crate) struct Limiter {
    buckets: Buckets,
    limits: RateLimits,
    secret: RandomState,
    clock: DefaultClock,
}

/// What an answer says about the limits.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    left: u32,
    /// Until a unit is there again, if none is.
    wait: Option<Duration>,
}

impl Limiter {
    pub fn new(limits: RateLimits) -> Self {
        let quota = Quota::per_second(limits.per_second).allow_burst(limits.burst);
        let buckets = RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>();
        Self { buckets, limits, secret: RandomState::new(), clock: DefaultClock::default() }
    }

    /// What is left to a client after a request of some units.
    pub fn take(&self, client: &Client, units: NonZeroU32) -> Standing {
        let bucket = self.secret.hash_one(client) % BUCKETS;
        match self.buckets.check_key_n(&bucket, units.min(self.limits.burst)) {
            Ok(Ok(state)) => Standing { left: state.remaining_burst_capacity(), wait: None },
            Ok(Err(until)) => {
                Standing { left: 0, wait: Some(until.wait_time_from(self.clock.now())) }
            }
            // Never: no request takes more than a full bucket.
            Err(_) => Standing { left: 0, wait: Some(Duration::from_secs(1)) },
        }
    }

    /// Says in an answer what the limits are and what is left.
    pub fn mark(&self, standing: &Standing, response: &mut Response) {
        let RateLimits { per_second, burst, .. } = self.limits;
        let window = burst.get().div_ceil(per_second.get());
        let mut put = |name: HeaderName, text: String| {
            if let Ok(value) = HeaderValue::from_str(&text) {
                response.headers_mut().insert(name, value);
            }
        };
        let policy = format!("\"client\";q={burst};w={window}");
        put(HeaderName::from_static("ratelimit-policy"), policy);
        let missing = burst.get().saturating_sub(standing.left);
        let wait = standing.wait.map(seconds);
        let full = wait.unwrap_or_else(|| u64::from(missing.div_ceil(per_second.get())));
        let state = format!("\"client\";r={};t={full}", standing.left);
        put(HeaderName::from_static("ratelimit"), state);
        if let Some(wait) = wait {
            put(header::RETRY_AFTER, wait.to_string());
        }
    }
}

fn seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}

impl Standing {
    /// # Errors
    /// When the client asked for too much.
    pub fn check(&self) -> Result<(), ApiError> {
        let Some(wait) = self.wait else { return Ok(()) };
        let text = "too many requests from this address";
        Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, codes::RATE_LIMITED, text)
            .remedy(format!("ask again in {} s", seconds(wait))))
    }
}

/// What a request costs: what is verified or gathered costs more than what is looked up.
pub(crate) fn units(method: &Method, path: &str) -> NonZeroU32 {
    let cost = match path {
        _ if *method == Method::POST => 10,
        "/catalogue" | "/catalogue/dcat.ttl" | "/catalogue/dcat.jsonld" | "/sitemap.xml" => 10,
        "/explorer/supply" => 10,
        "/" | "/api/v1/listings" => 3,
        _ => 1,
    };
    NonZeroU32::new(cost).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn client(text: &str) -> Client {
        Client::new(Some(SocketAddr::new(text.parse().unwrap(), 1)), None, None)
    }

    fn limits(per_second: u32, burst: u32) -> RateLimits {
        let [per_second, burst] = [per_second, burst].map(|n| NonZeroU32::new(n).unwrap());
        RateLimits { per_second, burst, behind_proxy: false }
    }

    #[test]
    fn a_client_is_an_address_or_a_network() {
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:2"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:192.0.2.7"), client("192.0.2.7"));
        let peer = Some("192.0.2.1:9".parse().unwrap());
        let told = Some("203.0.113.9, 198.51.100.7");
        let proxied = RateLimits { behind_proxy: true, ..limits(1, 1) };
        assert_eq!(Client::new(peer, told, Some(&proxied)), client("198.51.100.7"));
        // Nobody is believed who was not asked, and nothing that is no address.
        assert_eq!(Client::new(peer, told, Some(&limits(1, 1))), client("192.0.2.1"));
        assert_eq!(Client::new(peer, Some("me"), Some(&proxied)), client("192.0.2.1"));
    }

    #[test]
    fn who_asks_too_much_waits_and_others_do_not() {
        let limiter = Limiter::new(limits(1, 5));
        let one = NonZeroU32::MIN;
        let (busy, calm) = (client("192.0.2.1"), client("192.0.2.2"));
        for left in (0..5).rev() {
            let standing = limiter.take(&busy, one);
            assert_eq!((standing.left, standing.wait), (left, None));
        }
        let refused = limiter.take(&busy, one);
        assert_eq!(refused.check().unwrap_err().status(), StatusCode::TOO_MANY_REQUESTS);
        let mut response = Response::default();
        limiter.mark(&refused, &mut response);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("ratelimit-policy"), "\"client\";q=5;w=5");
        assert_eq!(header("ratelimit"), "\"client\";r=0;t=1");
        assert_eq!(header("retry-after"), "1");
        assert!(limiter.take(&calm, one).check().is_ok());
        // A costly request takes at most a full bucket.
        let other = client("192.0.2.3");
        assert!(limiter.take(&other, NonZeroU32::new(99).unwrap()).check().is_ok());
    }

    #[test]
    fn adversary_49_many_addresses_do_not_fill_the_memory() {
        let limiter = Limiter::new(limits(1, 5));
        for n in 0..200_000u32 {
            limiter.take(&Client(IpAddr::from(n.to_be_bytes())), NonZeroU32::MIN);
        }
        let buckets = u64::try_from(limiter.buckets.len()).unwrap();
        assert!(buckets <= BUCKETS && buckets > BUCKETS / 2, "{buckets}");
    }
}
