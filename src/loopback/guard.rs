//! Who is let in: the pages of this server, and plain links to them from elsewhere, by a browser that
//! knows the pairing code.
//!
//! - The `Host` must be this machine by address or as `localhost`: a name that was pointed here (DNS
//!   rebinding) is another.
//! - A request that states an `Origin` must come from these pages; so must everything but reading.
//! - What browsers say of themselves (`Sec-Fetch-*`, W3C Fetch Metadata): from another site only a link
//!   that a person follows in a tab of its own is let in, and only to pages that begin something.
//! - The code is asked for as the password of HTTP's Basic authentication (RFC 7617): browsers keep it
//!   by origin, port included, which they do not do with cookies.
//!
//! Depends on nothing else of this package.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use warp::http::{HeaderMap, Method, header};

use super::lock;

/// Wrong codes after which wrong ones are no longer looked at one by one, for a while. The right one
/// always enters: sixty random bits cannot be found by trying, and whoever can reach the port could
/// otherwise keep the owner out.
const TRIES: u32 = 5;
/// How long; then it begins anew.
const WAIT: Duration = Duration::from_secs(10);

/// Why a request is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Denied {
    /// It names another host.
    Host,
    /// It comes from another site.
    Origin,
    /// It has no code, or a wrong one.
    Code,
    /// Too many wrong codes came.
    Tries,
}

#[derive(Default)]
struct Wrong {
    count: u32,
    until: Option<Instant>,
}

/// The guard of a server.
pub(super) struct Guard {
    hosts: [String; 3],
    /// Pages to which other sites may link.
    doors: &'static [&'static str],
    code: [u8; 32],
    wrong: Mutex<Wrong>,
}

impl Guard {
    pub fn new(port: u16, code: &str, doors: &'static [&'static str]) -> Self {
        let hosts = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}"));
        Self { hosts, doors, code: Sha256::digest(code.as_bytes()).into(), wrong: Mutex::default() }
    }

    /// Whether a request may be answered.
    pub fn check(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Denied> {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let host = text("host").filter(|host| self.hosts.iter().any(|own| own == host));
        let host = host.ok_or(Denied::Host)?;
        let reads = *method == Method::GET;
        match text("origin") {
            Some(origin) if origin.strip_prefix("http://") == Some(host) => {}
            None if reads => {}
            _ => return Err(Denied::Origin),
        }
        match text("sec-fetch-site") {
            None | Some("same-origin" | "none") => {}
            Some(_) => {
                let follows = reads
                    && text("sec-fetch-mode") == Some("navigate")
                    && text("sec-fetch-dest") == Some("document")
                    && self.doors.contains(&path);
                if !follows {
                    return Err(Denied::Origin);
                }
            }
        }
        self.code(text(header::AUTHORIZATION.as_str()))
    }

    fn code(&self, given: Option<&str>) -> Result<(), Denied> {
        let given = given.and_then(|text| text.strip_prefix("Basic ")).ok_or(Denied::Code)?;
        let decoded = STANDARD.decode(given.trim()).ok().and_then(|it| String::from_utf8(it).ok());
        // People type a code with blanks, dashes and capitals.
        let code: Option<String> =
            decoded.as_deref().and_then(|text| text.split_once(':')).map(|(_, code)| {
                let kept = code.chars().filter(char::is_ascii_alphanumeric);
                kept.map(|letter| letter.to_ascii_lowercase()).collect()
            });
        // Hashes are compared, so that time tells nothing of the code.
        let right =
            code.is_some_and(|code| <[u8; 32]>::from(Sha256::digest(code.as_bytes())) == self.code);
        if right {
            return Ok(());
        }
        let now = Instant::now();
        let mut wrong = lock(&self.wrong);
        match wrong.until {
            Some(until) if now < until => return Err(Denied::Tries),
            Some(_) => *wrong = Wrong::default(),
            None => {}
        }
        wrong.count = wrong.count.saturating_add(1);
        if wrong.count >= TRIES {
            wrong.until = now.checked_add(WAIT);
        }
        Err(Denied::Code)
    }
}

/// Whether a request says that another site led to it.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn asked(code: &str, site: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("host", "127.0.0.1:4860".parse().unwrap());
        let basic = format!("Basic {}", STANDARD.encode(format!("me:{code}")));
        headers.insert(header::AUTHORIZATION, basic.parse().unwrap());
        if let Some(site) = site {
            headers.insert("sec-fetch-site", site.parse().unwrap());
        }
        headers
    }

    #[test]
    fn adversary_52_wrong_codes_keep_nobody_out_who_has_the_right_one() {
        let guard = Guard::new(4860, "abcdefghijkm", &["/"]);
        let tried = |code: &str| guard.check(&Method::GET, "/", &asked(code, None));
        for n in 0..200 {
            let expected = if n < TRIES { Denied::Code } else { Denied::Tries };
            assert_eq!(tried("aaaabbbbcccc"), Err(expected));
            assert_eq!(tried("ABCD-efgh-ijkm"), Ok(()));
        }
        // After a while a mistyped code is answered as one again.
        lock(&guard.wrong).until = Some(Instant::now());
        assert_eq!(tried("aaaabbbbcccc"), Err(Denied::Code));
        assert_eq!(lock(&guard.wrong).count, 1);
    }

    #[test]
    fn other_sites_are_told_by_what_browsers_say() {
        let sites =
            [None, Some("none"), Some("same-origin"), Some("same-site"), Some("cross-site")];
        let foreign = sites.map(|site| is_foreign(&asked("a", site)));
        assert_eq!(foreign, [false, false, false, true, true]);
    }
}
