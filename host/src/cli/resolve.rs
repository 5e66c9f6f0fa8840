//! Names and ids of VMs, jobs and templates, as people write them.

use std::collections::HashSet;

use corral_domain::{JobId, VmId};
use serde_json::Value;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{field, safe};
use super::suggest;

/// Everything that the host has by the name of VM.
pub async fn vms(client: &Client) -> Result<Vec<Value>, Failure> {
    client.list(&["api", "vms"], &[], None).await
}

/// One VM by name or id.
pub async fn vm(client: &Client, written: &str) -> Result<Value, Failure> {
    if written.parse::<VmId>().is_ok() {
        return client.get(&["api", "vms", written], &[]).await;
    }
    let all = vms(client).await?;
    pick(&all, written).cloned()
}

/// Several VMs by names or ids, each once.
pub async fn vm_ids(client: &Client, written: &[String]) -> Result<Vec<String>, Failure> {
    let all = vms(client).await?;
    let mut seen = HashSet::new();
    let mut ids = Vec::new();
    for name in written.iter().flat_map(|names| names.split(',')).filter(|name| !name.is_empty()) {
        let id = field(pick(&all, name)?, "id");
        if seen.insert(id.clone()) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn pick<'a>(all: &'a [Value], written: &str) -> Result<&'a Value, Failure> {
    let found = all.iter().find(|vm| field(vm, "name") == written || field(vm, "id") == written);
    found.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|vm| field(vm, "name")).collect();
        unknown("VM", written, &names, "corral vm ls")
    })
}

/// One template by id, or by its last part where that is unique.
pub async fn template(client: &Client, written: &str) -> Result<Value, Failure> {
    let all = client.list(&["api", "commands"], &[], None).await?;
    let ends = |template: &&Value| field(template, "id").rsplit('/').next() == Some(written);
    let exact = all.iter().find(|template| field(template, "id") == written);
    let short: Vec<_> = all.iter().filter(ends).collect();
    match (exact, short.as_slice()) {
        (Some(found), _) => Ok(found.clone()),
        (None, [only]) => Ok((*only).clone()),
        (None, []) => {
            let ids: Vec<_> = all.iter().map(|template| field(template, "id")).collect();
            Err(unknown("template", written, &ids, "corral command ls"))
        }
        (None, several) => {
            let ids: Vec<_> = several.iter().map(|template| field(template, "id")).collect();
            Err(Failure::new(Exit::Usage, format!("`{}` could be {}", safe(written), ids.join(" or "))))
        }
    }
}

/// A job by id, by the beginning of one, or `last`.
pub async fn job(client: &Client, written: &str) -> Result<String, Failure> {
    const RECENT: usize = 200;
    if written.parse::<JobId>().is_ok() {
        return Ok(written.to_owned());
    }
    let recent = client.list(&["api", "jobs"], &[], Some(RECENT)).await?;
    let ids: Vec<_> = recent.iter().map(|job| field(job, "id")).collect();
    if written == "last" {
        return ids.first().cloned().ok_or_else(|| Failure::new(Exit::NotFound, "there is no job yet"));
    }
    // The end of an id differs between neighbours, its beginning is the time.
    let fits = |id: &&String| id.starts_with(written) || id.ends_with(written);
    match ids.iter().filter(fits).collect::<Vec<_>>().as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err(Failure::new(Exit::NotFound, format!("there is no job `{}` among the last {RECENT}", safe(written)))
            .hint("`corral job ls` shows them; an id, its last part, or `last` will do")),
        several => Err(Failure::new(Exit::Usage, format!("`{}` fits {} jobs", safe(written), several.len()))
            .hint("write more of the id")),
    }
}

/// The failure for a name that is not known, with what may have been meant.
pub fn unknown(kind: &str, written: &str, known: &[String], list: &str) -> Failure {
    let failure = Failure::new(Exit::NotFound, format!("there is no {kind} `{}`", safe(written)));
    match suggest::closest(written, known.iter().map(String::as_str)) {
        Some(near) => failure.hint(format!("did you mean `{}`? `{list}` shows all", safe(near))),
        None => failure.hint(format!("`{list}` shows all")),
    }
}
