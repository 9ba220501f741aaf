//! Numbers for Prometheus: how the node is, what it is asked, what it refuses. Each server counts for
//! itself. They are served at an address of their own, which only the operator should reach.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use warp::Filter;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::App;
use crate::reply;

const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where answers and checks are counted, in seconds.
const STEPS: [f64; 12] =
    [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
/// Where times between blocks are counted, in seconds.
const BLOCK_STEPS: [f64; 8] = [0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0];

type Labels<const N: usize> = [(&'static str, String); N];

/// What a server counts.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels<3>, Counter>,
    latency: Family<Labels<1>, Histogram>,
    checks: Family<Labels<1>, Histogram>,
    refused: Family<Labels<1>, Counter>,
    limited: Counter,
    transactions: Counter,
    block_time: Histogram,
    gauges: Gauges,
}

struct Gauges {
    height: Gauge,
    network_height: Gauge,
    block_age: Gauge<f64, AtomicU64>,
    pending: Gauge,
    pending_bytes: Gauge,
    peers: Gauge,
    validator: Gauge,
    stopped: Gauge,
    streams: Gauge,
}

fn histogram() -> Histogram {
    Histogram::new(STEPS)
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("galen");
        let requests = Family::<Labels<3>, Counter>::default();
        registry.register(
            "http_requests",
            "Requests by route, method and status",
            requests.clone(),
        );
        let latency =
            Family::<Labels<1>, Histogram>::new_with_constructor(histogram as fn() -> Histogram);
        let text = "Time until an answer begins, by route";
        registry.register_with_unit("http_latency", text, Unit::Seconds, latency.clone());
        let checks =
            Family::<Labels<1>, Histogram>::new_with_constructor(histogram as fn() -> Histogram);
        let text = "Time to check a transaction: signatures, proofs, and trying it on the state";
        registry.register_with_unit("check", text, Unit::Seconds, checks.clone());
        let refused = Family::<Labels<1>, Counter>::default();
        registry.register("transactions_refused", "Transactions refused, by rule", refused.clone());
        let limited: Counter = Counter::default();
        registry.register("http_limited", "Requests above the rate of a client", limited.clone());
        let transactions: Counter = Counter::default();
        let text = "Transactions in blocks since the server started";
        registry.register("transactions", text, transactions.clone());
        let block_time = Histogram::new(BLOCK_STEPS);
        let text = "Time between blocks, by their own clocks";
        registry.register_with_unit("block_time", text, Unit::Seconds, block_time.clone());
        let mut gauge = |name: &str, text: &str| {
            let gauge: Gauge = Gauge::default();
            registry.register(name, text, gauge.clone());
            gauge
        };
        let gauges = Gauges {
            height: gauge("height", "Height of the last block"),
            network_height: gauge("network_height", "Height that other validators say they have"),
            pending: gauge("mempool_transactions", "Transactions that wait"),
            pending_bytes: gauge("mempool_bytes", "Their bytes"),
            peers: gauge("peers", "Connected peers"),
            validator: gauge("validator", "Whether the node votes"),
            stopped: gauge("stopped", "Whether the node has stopped"),
            streams: gauge("event_streams", "Clients that follow events"),
            block_age: Gauge::default(),
        };
        let text = "Time since the last block's own time";
        registry.register_with_unit("block_age", text, Unit::Seconds, gauges.block_age.clone());
        Self {
            registry,
            requests,
            latency,
            checks,
            refused,
            limited,
            transactions,
            block_time,
            gauges,
        }
    }

    /// Counts an answer. Routes are names of our own, so there are not many.
    pub fn answered(&self, route: &str, method: &str, status: StatusCode, took: Duration) {
        // A method of the client's own making is no name of ours.
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" => method,
            _ => "other",
        };
        let labels = [
            ("route", route.to_owned()),
            ("method", method.to_owned()),
            ("status", status.as_u16().to_string()),
        ];
        self.requests.get_or_create(&labels).inc();
        let route = [("route", route.to_owned())];
        self.latency.get_or_create(&route).observe(took.as_secs_f64());
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.limited.inc();
        }
    }

    /// Counts a transaction that was tried, and the rule by which it was refused.
    pub fn checked(&self, what: &'static str, took: Duration, refused: Option<&str>) {
        let labels = [("what", what.to_owned())];
        self.checks.get_or_create(&labels).observe(took.as_secs_f64());
        if let Some(code) = refused {
            self.refused.get_or_create(&[("code", code.to_owned())]).inc();
        }
    }

    /// Counts a decided block.
    pub fn block(&self, app: &App, height: u64) {
        let Ok(Some(stored)) = app.node.block(height) else { return };
        let count = u64::try_from(stored.block.transactions.len()).unwrap_or_default();
        self.transactions.inc_by(count);
        let time_ms = stored.block.header.time_ms;
        if let Ok(Some(before)) = app.node.header(height.saturating_sub(1)) {
            let took = Duration::from_millis(time_ms.saturating_sub(before.time_ms));
            self.block_time.observe(took.as_secs_f64());
        }
    }

    /// Everything as text.
    pub fn text(&self, app: &App) -> String {
        let status = app.node.status();
        let all = &self.gauges;
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        all.height.set(number(status.height));
        all.network_height.set(number(status.network_height));
        all.pending.set(number(status.pending as u64));
        all.pending_bytes.set(number(status.pending_bytes as u64));
        all.peers.set(number(status.peers as u64));
        all.validator.set(i64::from(status.validator));
        all.stopped.set(i64::from(status.stopped.is_some()));
        all.streams.set(number(app.streams.open() as u64));
        let age = Duration::from_millis(crate::read::now_ms().saturating_sub(status.time_ms));
        all.block_age.set(age.as_secs_f64());
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "metrics cannot be written");
        }
        text
    }
}

/// Answers `/metrics` and nothing else.
pub(crate) fn answers(
    app: Arc<App>,
) -> impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone + Send + Sync + 'static {
    warp::path("metrics").and(warp::path::end()).and(warp::get()).map(move || {
        let mut response = reply::bytes(StatusCode::OK, MEDIA_TYPE, app.metrics.text(&app).into());
        reply::harden(&mut response);
        response
    })
}
