//! Discovery: pages of found machines, followed up to a bound.

use std::collections::BTreeSet;
use std::path::Path;

use corral_domain::{Auth, NewVm, Source, Transport};
use corral_engine::ports::Found;

use crate::bindings::exports::corral::discovery::discovery as wit;
use crate::config::PluginHostConfig;
use crate::error::CallError;
use crate::generation::Generation;
use crate::instance::Instance;

/// Most pages that are asked for.
const PAGES_MAX: usize = 200;
/// Most machines that one source may find.
const FOUND_MAX: usize = 20_000;

const WHAT: &str = "discovering";

/// Asks a fresh instance for all that it finds.
pub async fn discover(
    generation: &std::sync::Arc<Generation>,
    config: &PluginHostConfig,
) -> Result<Vec<Found>, CallError> {
    let mut instance = Instance::start(generation.clone()).await?;
    let mut found = Vec::new();
    let mut ids = BTreeSet::new();
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let page = page(generation, &mut instance, cursor.as_deref()).await?;
        for vm in page.vms {
            if !ids.insert(vm.external_id.clone()) {
                return answer(format!("two machines with the id `{}`", vm.external_id));
            }
            found.push(convert(vm, &generation.context.manifest.id, config));
        }
        if found.len() > FOUND_MAX {
            return answer(format!("more than {FOUND_MAX} machines"));
        }
        match page.next {
            None => return Ok(found),
            next if next == cursor => return answer("the same page again and again".into()),
            next => cursor = next,
        }
    }
    answer(format!("more than {PAGES_MAX} pages"))
}

fn answer<T>(problem: String) -> Result<T, CallError> {
    Err(CallError::Answer { what: WHAT, problem })
}

async fn page(generation: &Generation, instance: &mut Instance, cursor: Option<&str>) -> Result<wit::Page, CallError> {
    let (mut store, limited) = instance.enter(WHAT)?;
    let component = instance.component();
    let outcome = limited
        .wait(async {
            let indices = generation.exports.discovery.as_ref();
            let indices = indices.ok_or_else(|| wasmtime::Error::msg("it discovers nothing"))?;
            indices.load(&mut store, &component)?.call_discover(&mut store, cursor).await
        })
        .await;
    instance.leave_fallible(store, &limited, outcome)
}

fn convert(vm: wit::FoundVm, plugin: &str, config: &PluginHostConfig) -> Found {
    let auth = match vm.identity_file {
        Some(path) => Auth::Key { identity_file: Some(at_home(path, config.home.as_deref())), secret: None },
        None => config.default_auth.clone(),
    };
    let new = NewVm {
        name: vm.name,
        address: vm.address,
        port: vm.port,
        user: vm.user.filter(|user| !user.is_empty()).unwrap_or_else(|| config.local_user.clone()),
        transport: Transport::Ssh,
        labels: vm.labels.into_iter().map(|label| (label.key, label.value)).collect(),
        auth,
        jump: Vec::new(),
        source: Some(Source { plugin: plugin.to_owned(), external_id: vm.external_id.clone() }),
        host_keys: vm.host_keys,
        accept_new_host_key: false,
        options: corral_domain::VmOptions::default(),
    };
    Found { external_id: vm.external_id, new, jump_ids: vm.jump, running: vm.running }
}

fn at_home(path: String, home: Option<&Path>) -> String {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest).to_string_lossy().into_owned(),
        _ => path,
    }
}
