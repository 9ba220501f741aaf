//! The HTTP interface and the pages of a node.
//!
//! [`start`] listens and answers: the interface of `galen-api` below its prefix, and plain pages that
//! need no account and no script; one script lets a visitor's browser check a listing. Reads go to a snapshot of the node, writes into its journal, and
//! packages lie in a [`store`]. This crate holds the only mapping from the ledger's rules
//! to HTTP ([`reply`]). It may depend on the chain, the rules and the interface's types; nothing but
//! the command line depends on it. It holds no secrets.

mod assets;
mod catalogue;
pub mod connections;
mod find;
pub mod lang;
mod limits;
mod metrics;
mod openapi;
mod packages;
mod pages;
mod read;
mod records;
mod reply;
mod request;
mod routes;
mod standards;
pub mod store;
mod stream;
mod texts;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use galen_chain::NodeHandle;
use galen_market::genesis::Genesis;
use galen_market::ledger::Ledger;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use warp::Filter;

use crate::catalogue::Catalogue;
use crate::connections::{Answering, Bounds};
use crate::find::Finder;
use crate::limits::Limiter;
pub use crate::limits::RateLimits;
use crate::metrics::Metrics;
use crate::packages::Packages;
use crate::pages::Purses;
use crate::standards::Checksums;
use crate::store::Store;
use crate::stream::Streams;
use crate::texts::Texts;

/// What a server needs.
pub struct ServerConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where packages lie.
    pub packages: Store,
    /// The folder of licence texts; made if missing.
    pub texts: PathBuf,
    /// How long the body of a request may stand still.
    pub silence: Duration,
    /// How many connections there may be, and how long one may say nothing.
    pub connections: Bounds,
    /// Where the world finds it, such as `https://data.example.org`: what addresses in descriptions
    /// begin with. Where it listens, if not given.
    pub public: Option<String>,
    /// How much each client may ask for; anything if not given.
    pub limits: Option<RateLimits>,
    /// Where the operator reads metrics; nowhere if not given.
    pub metrics: Option<SocketAddr>,
}

impl ServerConfig {
    /// A server with the usual patience.
    pub fn new(listen: SocketAddr, packages: Store, texts: PathBuf) -> Self {
        let silence = Duration::from_secs(30);
        let connections = Bounds::default();
        Self {
            listen,
            packages,
            texts,
            silence,
            connections,
            public: None,
            limits: None,
            metrics: None,
        }
    }
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Something else listens there, or the address is not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The folder of licence texts cannot be used.
    #[error("the folder of licence texts {} cannot be used: {source}", path.display())]
    Texts {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What every request sees.
pub(crate) struct App {
    pub node: NodeHandle,
    pub packages: Packages,
    pub texts: Texts,
    pub catalogue: Catalogue,
    pub finder: Finder,
    pub purses: Purses,
    pub forgeable: bool,
    pub silence: Duration,
    /// What addresses in descriptions begin with, without a slash at the end.
    pub public: String,
    pub checksums: Checksums,
    pub limiter: Option<Limiter>,
    pub metrics: Metrics,
    pub streams: Streams,
    pub stop: watch::Receiver<bool>,
}

impl App {
    pub fn rules(&self) -> &Ledger {
        self.node.application().rules()
    }

    pub fn genesis(&self) -> &Genesis {
        self.node.application().genesis()
    }
}

/// A server that runs.
pub struct Server {
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its metrics are read.
    #[must_use]
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Lets requests under way finish, then stops. The node runs on.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

/// Starts to listen and to answer for a node.
///
/// # Errors
/// See [`ServerError`].
pub async fn start(config: ServerConfig, node: NodeHandle) -> Result<Server, ServerError> {
    let packages = Packages::new(config.packages);
    let texts = Texts::open(&config.texts)
        .map_err(|source| ServerError::Texts { path: config.texts.clone(), source })?;
    let listen = |source| ServerError::Listen { address: config.listen, source };
    let listener = tokio::net::TcpListener::bind(config.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let forgeable = node.application().rules().verifier().is_forgeable();
    let catalogue = Catalogue::default();
    let finder = Finder::default();
    let silence = config.silence;
    let public = config.public.unwrap_or_else(|| format!("http://{address}"));
    let public = public.trim_end_matches('/').to_owned();
    let open_files = connections::raise_open_files();
    let mut bounds = config.connections.within(open_files);
    if config.limits.is_some_and(|limits| limits.behind_proxy) {
        bounds = bounds.of_a_proxy();
    }
    let (stop, mut stopping) = watch::channel(false);
    let app = Arc::new(App {
        node,
        packages,
        texts,
        catalogue,
        finder,
        purses: Purses::default(),
        forgeable,
        silence,
        public,
        checksums: Checksums::default(),
        limiter: config.limits.map(Limiter::new),
        metrics: Metrics::new(),
        streams: Streams::default(),
        stop: stop.subscribe(),
    });
    let metrics = match config.metrics {
        Some(listen) => Some(serve_metrics(app.clone(), listen).await?),
        None => None,
    };
    let limits = config.limits;
    let tidying = tokio::spawn(catalogue::tidy(app.clone(), stop.subscribe()));
    let indexing = tokio::spawn(find::keep(app.clone(), stop.subscribe()));
    let answering = move |peer| {
        let app = app.clone();
        let answers = warp::method()
            .and(warp::path::full())
            .and(warp::query::raw().or(warp::any().map(String::new)).unify())
            .and(warp::header::headers_cloned())
            .and(warp::body::stream())
            .then(move |method, path, query, headers: warp::http::HeaderMap, body| {
                let app = app.clone();
                let forwarded = headers.get_all("x-forwarded-for").iter().next_back();
                let forwarded = forwarded.and_then(|value| value.to_str().ok());
                let client = limits::Client::new(Some(peer), forwarded, limits.as_ref());
                let (silence, from) = (app.silence, client);
                let request =
                    request::Request::new(method, path, query, headers, body, silence, from);
                async move { routes::answer(app, request).await }
            });
        Answering::new(warp::service(answers))
    };
    let serving = connections::serve(listener, bounds, answering, async move {
        let _ = stopping.wait_for(|stop| *stop).await;
    });
    let task = tokio::spawn(async move {
        serving.await;
        let _ = tidying.await;
        let _ = indexing.await;
    });
    tracing::info!(%address, connections = bounds.most, open_files, "listening");
    Ok(Server { address, metrics, stop, task })
}

/// Answers for metrics at an address of their own, until the server stops.
async fn serve_metrics(app: Arc<App>, listen: SocketAddr) -> Result<SocketAddr, ServerError> {
    let failed = |source| ServerError::Listen { address: listen, source };
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let mut stop = app.stop.clone();
    let answers = metrics::answers(app);
    let answering = move |_| Answering::new(warp::service(answers.clone()));
    tokio::spawn(connections::serve(listener, Bounds::default(), answering, async move {
        let _ = stop.wait_for(|stop| *stop).await;
    }));
    tracing::info!(%address, "listening for metrics");
    Ok(address)
}
