//! Fetches from real servers on loopback addresses, by names that a table knows.

mod bounds;
mod hops;
mod names;
mod secure;
mod server;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::resolve::Lookup;
use super::tls::Tls;
use super::{AllowList, Answer, FetchError, Fetcher, HostPattern, Outgoing, Quota};

/// Longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Names of a test. Every look-up of a name takes the next of its answers; the last one stays.
#[derive(Default)]
struct Table {
    names: BTreeMap<&'static str, Vec<&'static str>>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Lookup for Table {
    async fn lookup(&self, name: &str, _places: &Arc<Semaphore>) -> Result<Vec<IpAddr>, String> {
        let answers = self.names.get(name).ok_or("it is not in the table")?;
        let mut asked = self.asked.lock().unwrap();
        let before = asked.iter().filter(|asked| *asked == name).count();
        asked.push(name.to_owned());
        let answer = answers.get(before).or(answers.last()).unwrap();
        Ok(answer.split_whitespace().map(|address| address.parse().unwrap()).collect())
    }
}

impl Table {
    fn of(names: &[(&'static str, &[&'static str])]) -> Arc<Self> {
        let names = names.iter().map(|(name, answers)| (*name, answers.to_vec())).collect();
        Arc::new(Self { names, asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn allow(grants: &[&str]) -> AllowList {
    AllowList::new(grants.iter().map(|grant| HostPattern::parse(grant).unwrap()))
}

fn get(url: &str) -> Outgoing {
    Outgoing::new("GET", url, &[], None).unwrap()
}

/// Fetches without names.
async fn fetch(request: Outgoing, grants: &[&str]) -> Result<Answer, FetchError> {
    fetch_by(&Table::of(&[]), request, grants).await
}

async fn fetch_by(table: &Arc<Table>, request: Outgoing, grants: &[&str]) -> Result<Answer, FetchError> {
    Fetcher::new(table.clone(), Tls::default()).fetch(request, &allow(grants), &Quota::default(), PATIENCE).await
}
