//! Finds machines in any JSON over HTTP: which URL, where on the page the list is, and which member of an element is which
//! field of a machine is the operator's to say.
//!
//! Invariants: each call asks for one page or waits once, so that no call is longer than its limit; the token goes to the
//! host of the configured URL and to nobody else; a discovery is whole or an error, for what is left out would look as if it
//! were gone; elements that are no machines are left out with a message.
//!
//! `config` is what the operator says, `pointer` and `template` how places are named, `step` where a discovery stands,
//! `answer` asks for a page, `paging` and `link` find the next one, `found` and `labels` make machines of elements.

mod answer;
mod config;
mod found;
mod labels;
mod link;
mod paging;
mod pointer;
mod step;
mod template;

use std::cell::RefCell;
use std::collections::HashSet;
use std::time::Duration;

use corral_plugin_sdk::prelude::*;
use serde_json::Value;

use answer::Outcome;
use config::Source;
use step::Step;

pub use config::Config;

thread_local! {
    /// Ids of the machines that were found. A list that changes while it is read can name one twice, on two pages.
    static SEEN: RefCell<HashSet<String>> = RefCell::default();
}

/// The plugin.
pub struct HttpInventory;

impl Discovery for HttpInventory {
    fn discover(cursor: Option<&str>) -> Result<Page> {
        discover(&config()?, cursor, std::thread::sleep)
    }
}

/// One step: a page, or a wait that was asked for.
pub fn discover(config: &Config, cursor: Option<&str>, wait: impl FnOnce(Duration)) -> Result<Page> {
    if cursor.is_none() {
        check(config)?;
        SEEN.with_borrow_mut(HashSet::clear);
        answer::forget_tokens();
    }
    let mut step = Step::read(cursor, config)?;
    let source = config.sources.get(step.source);
    let source = source.ok_or_else(|| Error::InvalidInput("the configuration changed meanwhile; try again".into()))?;
    if step.wait_ms > 0 {
        wait(Duration::from_millis(step.wait_ms));
        step.waited_ms += step.wait_ms;
    }
    step.calls += 1;
    match answer::ask(source, &step)? {
        Outcome::Wait(millis) => {
            info!("{}: asked to wait; the next try is in {millis} ms", source.name);
            step.check_next(source)?;
            Ok(Page { vms: Vec::new(), next: Some(step.after(millis).write()?) })
        }
        Outcome::Page(page, response) => {
            let mut taken = take(source, &page)?;
            if step.page == 0 {
                taken.vms.splice(0..0, found::gateways(source));
            }
            let vms = once(source, taken.vms);
            step.count(taken.elements, vms.len(), source)?;
            taken.messages.iter().for_each(|message| warn!("{}: {message}", source.name));
            let next = paging::next(source, step, &page, &response, taken.elements)?;
            let next = match next {
                paging::Next::Page(next) => {
                    next.check_next(source)?;
                    Some(next)
                }
                paging::Next::End(step) if step.source + 1 < config.sources.len() => {
                    let following = step.source + 1;
                    Some(step.of_source(following, config))
                }
                paging::Next::End(_) => None,
            };
            Ok(Page { vms, next: next.map(|next| next.write()).transpose()? })
        }
    }
}

fn take(source: &Source, page: &Value) -> Result<found::Taken> {
    let elements = found::elements(source, page).ok_or_else(|| {
        let there = match page {
            Value::Object(members) => {
                let names: Vec<_> = members.keys().take(12).map(|key| format!("`/{key}`")).collect();
                format!("the page has {}", names.join(", "))
            }
            Value::Array(_) => "the page is a list; leave `list` out".to_owned(),
            other => format!("the page is `{other}`").chars().take(100).collect(),
        };
        Error::InvalidInput(format!("{}: there is no list where `list` points; {there}", source.name))
    })?;
    Ok(found::machines(source, &elements))
}

/// Those whose ids were not there before.
fn once(source: &Source, vms: Vec<FoundVm>) -> Vec<FoundVm> {
    SEEN.with_borrow_mut(|seen| {
        let (new, again): (Vec<_>, Vec<_>) = vms.into_iter().partition(|vm| seen.insert(vm.external_id.clone()));
        if let Some(first) = again.first() {
            let (id, more) = (&first.external_id, again.len());
            warn!("{}: {more} elements have ids that were there before, the first `{id}`; left out", source.name);
        }
        new
    })
}

/// What the schema cannot say.
fn check(config: &Config) -> Result<()> {
    if config.sources.is_empty() {
        return Err(Error::NotFound(
            "no inventory is configured; name one in `sources`, as the plugin's README shows for NetBox, Proxmox and others".into(),
        ));
    }
    let mut names = HashSet::new();
    for source in &config.sources {
        if !link::is_url(&source.url) {
            return Err(Error::InvalidInput(format!(
                "{}: `url` is no URL; it begins with http:// or https:// and has no name and no password in it",
                source.name
            )));
        }
        if !names.insert(&source.name) {
            return Err(Error::InvalidInput(format!("two inventories have the name `{}`", source.name)));
        }
    }
    Ok(())
}

corral_plugin_sdk::export_discovery!(HttpInventory);
