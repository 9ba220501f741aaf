//! Who reads: in which language, and where the same page is in the other one. The choice is made as on a
//! portal. Cookies are kept by the name of a machine and not by its ports, so that all pages of this machine
//! speak one language; the choice says nothing of a wallet. Depends on the portal's languages.

use galen_web::lang::{COOKIE, Lang};
use warp::http::{HeaderMap, HeaderValue, Method, header};
use warp::reply::Response;

use super::serve::{AGAIN, is_local};

/// The field of an address that asks for a language.
const FIELD: &str = "lang";

/// Who reads.
#[derive(Clone)]
pub(crate) struct Reader {
    pub lang: Lang,
    /// The same page in the other language.
    pub other: String,
    /// Whether the address asks for the language, which is remembered then.
    asked: bool,
}

impl Reader {
    /// Takes the language out of the query of a request.
    pub fn take(method: &Method, path: &str, query: &mut String, headers: &HeaderMap) -> Self {
        let mut fields: Vec<(String, String)> =
            serde_urlencoded::from_str(query).unwrap_or_default();
        let asked = fields.iter().find(|(name, _)| name == FIELD).map(|(_, value)| value.clone());
        if asked.is_some() {
            fields.retain(|(name, _)| name != FIELD);
            *query = written(&fields);
        }
        let text = |name: header::HeaderName| {
            headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        let asked = asked.as_deref();
        let lang = Lang::choose(asked, text(header::COOKIE), text(header::ACCEPT_LANGUAGE));
        let reads = *method == Method::GET;
        let mut other = "/".to_owned();
        // The answer to a form is at no address of its own.
        if reads && is_local(path) {
            path.clone_into(&mut other);
        } else {
            fields.clear();
        }
        // A person follows this link, and not the page itself.
        fields.retain(|(name, _)| name != AGAIN);
        fields.push((FIELD.to_owned(), lang.other().code().to_owned()));
        let other = format!("{other}?{}", written(&fields));
        Self { lang, other, asked: reads && asked.and_then(Lang::from_code).is_some() }
    }

    /// Has the browser remember a language that was asked for.
    pub fn remember(&self, response: &mut Response) {
        if !self.asked {
            return;
        }
        let code = self.lang.code();
        let cookie =
            format!("{COOKIE}={code}; Path=/; Max-Age=31536000; SameSite=Strict; HttpOnly");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    }
}

fn written(fields: &[(String, String)]) -> String {
    serde_urlencoded::to_string(fields).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn reader(method: Method, path: &str, query: &str, cookie: &str) -> (Reader, String) {
        let mut query = query.to_owned();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        (Reader::take(&method, path, &mut query, &headers), query)
    }

    #[test]
    fn the_language_is_taken_out_of_the_address() {
        let (one, rest) = reader(Method::GET, "/buy", "listing=ab%2Fcd&lang=zh&seats=", "");
        assert_eq!((one.lang, rest.as_str()), (Lang::Chinese, "listing=ab%2Fcd&seats="));
        assert_eq!(one.other, "/buy?listing=ab%2Fcd&seats=&lang=en");
        let mut response = Response::new("".into());
        one.remember(&mut response);
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.starts_with("lang=zh; Path=/;"), "{cookie}");
        assert!(cookie.ends_with("SameSite=Strict; HttpOnly"), "{cookie}");
        // What asks for none is left as it is, and nothing is remembered.
        let (one, rest) = reader(Method::GET, "/deals/0", "again", "lang=zh");
        assert_eq!((one.lang, rest.as_str()), (Lang::Chinese, "again"));
        assert_eq!(one.other, "/deals/0?lang=en");
        let mut response = Response::new("".into());
        one.remember(&mut response);
        assert!(response.headers().is_empty());
    }

    #[test]
    fn adversary_52_the_other_language_is_a_page_of_this_server() {
        for path in ["//attacker.example", "/\\attacker.example"] {
            assert_eq!(reader(Method::GET, path, "", "").0.other, "/?lang=zh", "{path}");
        }
        let (one, _) = reader(Method::POST, "/buy", "lang=zh&order=x", "");
        assert_eq!((one.other.as_str(), one.asked), ("/?lang=en", false));
    }
}
