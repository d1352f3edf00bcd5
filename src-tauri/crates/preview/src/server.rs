//! Serves deployed sites on loopback, each at an origin of its own.

mod answer;
mod body;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::PreviewError;

/// Connections at a time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 128;
/// How long a client may take for the head of a request, and stay silent between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one connection may live, however slowly its client reads.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How long answers under way may take when the server ends.
const GRACE: Duration = Duration::from_millis(500);

/// Finds the folder of a deployment by its identifier; `None` if there is no such deployment. Must not block long.
pub type FindDeployment = Arc<dyn Fn(&str) -> Option<PathBuf> + Send + Sync>;

/// The server of deployed sites: `http://<deployment>.localhost:<port>/`.
///
/// It listens on 127.0.0.1 alone and answers only requests whose `Host` is such a name with its own port, so that
/// a foreign page cannot read sites by letting its name lead to this machine. It runs on a thread of its own and
/// ends, with its connections, when it is dropped.
#[derive(Debug)]
pub struct DeploymentServer {
    port: u16,
    end: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl DeploymentServer {
    /// Starts to listen. Without a port a free one is chosen; the caller keeps it for the next start.
    pub fn start(port: Option<u16>, find: FindDeployment) -> Result<Self, PreviewError> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).map_err(|error| {
                match (error.kind(), port) {
                    (io::ErrorKind::AddrInUse, Some(port)) => PreviewError::PortTaken { port },
                    _ => PreviewError::Start(Arc::new(error)),
                }
            })?;
        listener.set_nonblocking(true).map_err(|error| PreviewError::Start(Arc::new(error)))?;
        let port = listener.local_addr().map_err(|error| PreviewError::Start(Arc::new(error)))?.port();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| PreviewError::Start(Arc::new(error)))?;
        let end = CancellationToken::new();
        let ended = end.clone();
        let thread = std::thread::Builder::new()
            .name("deployments".to_owned())
            .spawn(move || {
                runtime.block_on(serve(listener, port, find, ended));
                // Reading of files that is under way ends with the receiver that it feeds.
                runtime.shutdown_timeout(GRACE);
            })
            .map_err(|error| PreviewError::Start(Arc::new(error)))?;
        Ok(Self { port, end, thread: Some(thread) })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where a deployment is served.
    pub fn url(&self, deployment_id: &str) -> String {
        format!("http://{deployment_id}.localhost:{}/", self.port)
    }
}

impl Drop for DeploymentServer {
    fn drop(&mut self) {
        self.end.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the server of deployed sites ended by a panic");
        }
    }
}

async fn serve(listener: TcpListener, port: u16, find: FindDeployment, end: CancellationToken) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the server of deployed sites cannot listen");
            return;
        }
    };
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, place)) => {
                let find = Arc::clone(&find);
                let end = end.clone();
                connections.spawn(async move {
                    connection(stream, port, find, end).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Usually too many open files: wait for some to close instead of spinning.
                tracing::warn!(%error, "a connection to the deployed sites was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // Each connection ends by itself within the grace.
    while connections.join_next().await.is_some() {}
}

async fn accept(
    listener: &tokio::net::TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _address): (_, SocketAddr) = listener.accept().await?;
    Ok((stream, place))
}

async fn connection(stream: tokio::net::TcpStream, port: u16, find: FindDeployment, end: CancellationToken) {
    let service = service_fn(move |request| {
        let find = Arc::clone(&find);
        async move { Ok::<_, std::convert::Infallible>(answer::respond(request, port, find).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        result = connection.as_mut() => Some(result),
        () = tokio::time::sleep(CONNECTION_TIMEOUT) => None,
        () = end.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(GRACE, connection.as_mut()).await.ok()
        }
    };
    if let Some(Err(error)) = ended {
        tracing::debug!(%error, "a connection to the deployed sites broke");
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
