//! Names into addresses: by the system, and once in a fetch.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::ADDRESSES_MAX;
use super::fetcher::Quota;

/// Whoever knows the addresses of names.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// The addresses of a name; a text for people if there are none. Takes one of the places as long as it really lasts.
    async fn lookup(&self, name: &str, places: &Arc<Semaphore>) -> Result<Vec<IpAddr>, String>;
}

/// The system's resolver.
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str, places: &Arc<Semaphore>) -> Result<Vec<IpAddr>, String> {
        let stopping = |_| "the host is stopping".to_owned();
        let place = places.clone().acquire_owned().await.map_err(|error| stopping(error.to_string()))?;
        let name = name.to_owned();
        let found = tokio::task::spawn_blocking(move || {
            let _place = place;
            (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|found| found.ip()).collect::<Vec<_>>())
        });
        found.await.map_err(|error| stopping(error.to_string()))?.map_err(|error| error.to_string())
    }
}

/// The names of one fetch. Whatever the DNS says later, a name stays where it was.
#[derive(Default)]
pub struct Resolved(Vec<(String, Vec<IpAddr>)>);

impl Resolved {
    /// The addresses of a name.
    pub async fn of(&mut self, lookup: &dyn Lookup, name: &str, quota: &Quota) -> Result<Vec<IpAddr>, String> {
        if let Some((_, known)) = self.0.iter().find(|(known, _)| known == name) {
            return Ok(known.clone());
        }
        let mut found = Vec::new();
        for address in lookup.lookup(name, &quota.lookups).await? {
            if !found.contains(&address) && found.len() < ADDRESSES_MAX {
                found.push(address);
            }
        }
        if found.is_empty() {
            return Err("it has no address".into());
        }
        self.0.push((name.to_owned(), found.clone()));
        Ok(found)
    }
}

/// The resolver of one connection: has its answer already, and no other.
pub struct Pinned(pub Vec<IpAddr>);

impl reqwest::dns::Resolve for Pinned {
    fn resolve(&self, _name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        // Port 0 stands for the URL's.
        let addresses: Vec<_> = self.0.iter().map(|address| std::net::SocketAddr::new(*address, 0)).collect();
        Box::pin(std::future::ready(Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)))
    }
}
