//! Answers, and the one mapping from rules to HTTP statuses.

use galen_api::{ErrorBody, codes};
use galen_chain::{MempoolError, SubmitError};
use galen_market::error::TxError;
use galen_market::state::StateError;
use serde::Serialize;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::store::StoreError;

/// A request that is not granted.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    /// The methods that the path takes, where another was used.
    allow: Option<String>,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            body: ErrorBody { code: code.to_owned(), message: message.into(), remedy: None },
            allow: None,
        }
    }

    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.body.remedy = Some(remedy.into());
        self
    }

    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, codes::BAD_REQUEST, message)
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, codes::NOT_FOUND, format!("there is no {what}"))
    }

    /// What takes none of the methods that a path takes; there is nothing where no method is taken.
    pub fn no_route(methods: &[&str]) -> Self {
        if methods.is_empty() {
            return Self::not_found("such path");
        }
        let text = "this path does not take this method";
        let head = if methods.contains(&"GET") { ", HEAD" } else { "" };
        let allow = methods.join(", ").replacen("GET", &format!("GET{head}"), 1);
        let refused = Self::new(StatusCode::METHOD_NOT_ALLOWED, codes::METHOD_NOT_ALLOWED, text);
        Self { allow: Some(allow), ..refused }
    }

    pub fn too_large(limit: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            codes::BODY_TOO_LARGE,
            format!("the body is longer than the {limit} bytes that are taken here"),
        )
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, codes::UNAVAILABLE, message)
            .remedy("try again later")
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn code(&self) -> &str {
        &self.body.code
    }

    pub fn message(&self) -> &str {
        &self.body.message
    }

    /// The same in the words of GA4GH's services, beside our own.
    pub fn for_ga4gh(&self) -> Response {
        let ErrorBody { code, message, remedy } = &self.body;
        let status = self.status.as_u16();
        let said = remedy.as_ref().map_or(message.clone(), |remedy| format!("{message}: {remedy}"));
        let body = serde_json::json!({
            "msg": said, "status_code": status, "code": code, "message": message, "remedy": remedy,
        });
        self.allowing(json_with(self.status, &body))
    }

    /// Says which methods are taken, where another was used.
    fn allowing(&self, mut response: Response) -> Response {
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            let allow = self.allow.as_deref().unwrap_or("GET, HEAD");
            if let Ok(value) = HeaderValue::from_str(allow) {
                response.headers_mut().insert(header::ALLOW, value);
            }
        }
        response
    }

    pub fn response(&self) -> Response {
        self.allowing(json_with(self.status, &self.body))
    }
}

impl From<StateError> for ApiError {
    fn from(error: StateError) -> Self {
        tracing::error!(%error, "the state cannot be read");
        Self::unavailable("the node's state cannot be read")
    }
}

impl From<galen_chain::store::StoreError> for ApiError {
    fn from(error: galen_chain::store::StoreError) -> Self {
        tracing::error!(%error, "the store cannot be read");
        Self::unavailable("the node's store cannot be read")
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store of packages failed");
        Self::unavailable("the node's store of packages cannot be used")
    }
}

impl From<TxError> for ApiError {
    fn from(error: TxError) -> Self {
        let status = status_of(&error);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(%error, "the state cannot be read");
        }
        Self::new(status, error.code(), error.what()).remedy(error.remedy())
    }
}

impl From<SubmitError<TxError>> for ApiError {
    fn from(error: SubmitError<TxError>) -> Self {
        let text = error.to_string();
        match error {
            SubmitError::Refused(error) => error.into(),
            SubmitError::Mempool(reason) => {
                let (status, code) = match reason {
                    MempoolError::Expired => (StatusCode::CONFLICT, "expired"),
                    MempoolError::Duplicate => (StatusCode::CONFLICT, "duplicate"),
                    _ => (StatusCode::SERVICE_UNAVAILABLE, codes::MEMPOOL_FULL),
                };
                Self::new(status, code, text).remedy(reason.remedy())
            }
            SubmitError::Final(_) => Self::new(StatusCode::CONFLICT, "duplicate", text)
                .remedy("nothing is left to do"),
            SubmitError::TooLate => Self::new(StatusCode::CONFLICT, codes::TOO_LATE, text)
                .remedy("deliver only what is ready in a decided block, through a node that is not behind, and well before the deadline"),
            SubmitError::Store(_) | SubmitError::State(_) | SubmitError::Stopping => {
                tracing::error!(error = text, "a transaction could not be written down");
                Self::unavailable("the node cannot take transactions now")
            }
        }
    }
}

/// HTTP statuses of the rules: how the request relates to them, never more than the code says.
fn status_of(error: &TxError) -> StatusCode {
    match error.code() {
        "state_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        "malformed" | "no_actions" | "amount_out_of_range" => StatusCode::BAD_REQUEST,
        "transaction_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "insufficient_funds" | "fee_above_limit" | "allowance_too_small" => {
            StatusCode::PAYMENT_REQUIRED
        }
        "bad_signature"
        | "unauthorised"
        | "role_not_active"
        | "registrars_needed"
        | "payer_did_not_sign"
        | "credential_required"
        | "no_longer_qualified"
        | "not_your_deal" => StatusCode::FORBIDDEN,
        "unknown_subscription"
        | "unknown_standing"
        | "unknown_listing"
        | "unknown_deal"
        | "unknown_party"
        | "unknown_currency"
        | "unknown_segment"
        | "unknown_block"
        | "no_such_leaf" => StatusCode::NOT_FOUND,
        "duplicate"
        | "expired"
        | "nonce_used"
        | "nonce_gap"
        | "nullifier_used"
        | "wrong_stage"
        | "deadline_passed"
        | "offer_changed"
        | "already_admitted"
        | "already_suspended"
        | "already_listed"
        | "already_revoked"
        | "duplicate_leaf"
        | "listing_not_live"
        | "listings_stopped"
        | "not_stopped"
        | "not_draft"
        | "block_proven"
        | "package_refunded"
        | "listing_taken_down"
        | "sold_out"
        | "superseded"
        | "subscription_ended"
        | "already_claimed"
        | "standing_ended"
        | "consensus_key_taken" => StatusCode::CONFLICT,
        "too_many_revocations" => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// A JSON answer.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Response {
    json_with(StatusCode::OK, value)
}

/// A JSON answer with a status.
pub(crate) fn json_with<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    let (status, body) = match serde_json::to_vec(value) {
        Ok(body) => (status, body),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                br#"{"code":"unavailable","message":"the answer cannot be written"}"#.to_vec(),
            )
        }
    };
    bytes(status, "application/json", body)
}

/// An answer of bytes.
pub(crate) fn bytes(status: StatusCode, media: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

/// Lets pages of other sites, and files, read an answer: it is public, and no cookie or account goes
/// with the question. The checker that a visitor kept as a file asks a node so.
pub(crate) fn share(response: &mut Response) {
    let anybody = HeaderValue::from_static("*");
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anybody);
}

/// Headers of every answer: scripts and workers are this site's own files, none stands in a page, and
/// nothing is a frame or asks another site.
pub(crate) fn harden(response: &mut Response) {
    let headers = response.headers_mut();
    let fixed = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use galen_market::id::AccountId;

    #[test]
    fn a_rule_keeps_its_code_and_its_remedy() {
        let error =
            ApiError::from(TxError::NonceUsed { account: AccountId([1; 32]), expected: 4, got: 3 });
        assert_eq!(error.status, StatusCode::CONFLICT);
        assert_eq!(error.body.code, "nonce_used");
        assert_eq!(error.body.remedy.as_deref(), Some("sign again with 4"));
        assert!(error.body.message.contains("nonce 3"));
        let what = "line 1: column 2: no number".to_owned();
        let error = ApiError::from(TxError::Malformed { what: what.clone() });
        assert!(error.body.message.ends_with(&what), "{}", error.body.message);
        assert_eq!(
            error.body.remedy.as_deref(),
            Some("encode it with this version of the software")
        );
    }

    #[test]
    fn every_rule_has_a_status_that_says_no() {
        for name in [
            "malformed",
            "transaction_too_large",
            "insufficient_funds",
            "unknown_deal",
            "duplicate",
        ] {
            assert!(TxError::CODES.contains(&name), "{name} is no rule any more");
        }
        assert_eq!(status_of(&TxError::NoActions), StatusCode::BAD_REQUEST);
        assert_eq!(
            status_of(&TxError::TooLarge { bytes: 2, max: 1 }),
            StatusCode::PAYLOAD_TOO_LARGE
        );
    }
}
