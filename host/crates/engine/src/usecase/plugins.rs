//! Plugins and settings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use corral_domain::{Command, Grant, PluginInfo, PluginPolicy, PluginTransition};
use corral_storage::Audit;
use serde_json::Value;

use super::note;
use crate::manager::AuditNote;
use crate::ports::{PluginLogLine, PluginStats, SecretText};
use crate::{Actor, Engine, Role, UseCaseError};

/// Settings that everybody has for themselves, under their name: `user:ann/overview`. Few, so that nobody fills the state.
const OWN_SETTINGS: [&str; 1] = ["overview"];

impl Engine {
    /// Loads a plugin anew from its folder. Needs [`Role::Admin`].
    pub async fn reload_plugin(&self, actor: &Actor, id: &str) -> Result<PluginInfo, UseCaseError> {
        actor.require(Role::Admin)?;
        let plugin = self.inner.deps.plugins.reload(id).await?;
        let audit = note("plugin.reload", id, format!("version {}", plugin.version));
        self.inner.manager.submit(actor, Command::ReportPlugin { plugin: plugin.clone() }, audit).await?;
        Ok(plugin)
    }

    /// Puts a plugin in place, given by its files, and loads it. Nothing is changed if it cannot be loaded; one that lacks a
    /// grant is in place and waits for it. Needs [`Role::Admin`].
    pub async fn install_plugin(&self, actor: &Actor, files: Vec<(String, Bytes)>) -> Result<PluginInfo, UseCaseError> {
        actor.require(Role::Admin)?;
        let plugin = self.inner.deps.plugins.install(files).await?;
        let detail = format!("version {}, SHA-256 {}", plugin.version, plugin.digest);
        let audit = note("plugin.install", &plugin.id, detail);
        self.inner.manager.submit(actor, Command::ReportPlugin { plugin: plugin.clone() }, audit).await?;
        Ok(plugin)
    }

    /// Takes a plugin out that was installed, and all that it was granted: who comes next under its id may be another. Needs
    /// [`Role::Admin`].
    pub async fn remove_plugin(&self, actor: &Actor, id: &str) -> Result<(), UseCaseError> {
        actor.require(Role::Admin)?;
        let _one = self.inner.deciding.lock().await;
        self.inner.deps.plugins.uninstall(id).await?;
        let policy = self.state().plugin_policy(id);
        if policy != PluginPolicy::default() {
            let key = PluginPolicy::key(id);
            let audit = note("plugin.revoke", id, list(&policy.grants));
            self.inner.manager.submit(actor, Command::SetSetting { key, value: Value::Null }, audit).await?;
        }
        let removed = Command::RemovePlugin { id: id.to_owned() };
        self.inner.manager.submit(actor, removed, note("plugin.remove", id, "")).await?;
        Ok(())
    }

    /// What a plugin did since the host started; none if there is no such plugin.
    pub fn plugin_stats(&self, id: &str) -> Option<PluginStats> {
        self.inner.deps.plugins.stats(id)
    }

    /// The last lines of what a plugin said, oldest first. Needs [`Role::Operator`]: a plugin may say anything.
    pub fn plugin_log(&self, actor: &Actor, id: &str) -> Result<Vec<PluginLogLine>, UseCaseError> {
        actor.require(Role::Operator)?;
        self.inner.deps.plugins.log(id).ok_or_else(|| UseCaseError::not_found("plugin", id))
    }

    /// The last steps of a plugin's life, oldest first.
    pub fn plugin_history(&self, id: &str) -> Result<Vec<PluginTransition>, UseCaseError> {
        self.inner.deps.plugins.history(id).ok_or_else(|| UseCaseError::not_found("plugin", id))
    }

    /// What a plugin says of itself, as it is written; none if it says nothing.
    pub async fn plugin_readme(&self, id: &str) -> Result<Option<String>, UseCaseError> {
        Ok(self.inner.deps.plugins.readme(id).await?)
    }

    /// Grants a plugin something that it wants. Needs [`Role::Admin`]; leaves an audit row.
    pub async fn grant_plugin(&self, actor: &Actor, id: &str, grants: &[Grant]) -> Result<PluginInfo, UseCaseError> {
        actor.require(Role::Admin)?;
        let plugin = self.plugin(id)?;
        for grant in grants {
            let wants: Vec<_> = plugin.wants.iter().map(|want| want.capability.as_str()).collect();
            if !wants.iter().any(|want| grant.fits(want)) {
                let wants = if wants.is_empty() { "nothing".to_owned() } else { wants.join(", ") };
                return Err(UseCaseError::invalid(
                    "grant",
                    format!("`{id}` does not want `{grant}`; it wants {wants}"),
                ));
            }
        }
        let audit = note("plugin.grant", id, list(grants));
        self.decide(actor, id, audit, |policy| policy.grants.extend(grants.iter().cloned())).await
    }

    /// Takes grants away that were given in the dashboard or on the command line; calls that are under way are refused from
    /// now on, too. Needs [`Role::Admin`]; leaves an audit row.
    pub async fn revoke_plugin(&self, actor: &Actor, id: &str, grants: &[Grant]) -> Result<PluginInfo, UseCaseError> {
        actor.require(Role::Admin)?;
        let plugin = self.plugin(id)?;
        let policy = self.state().plugin_policy(id);
        if let Some(grant) = grants.iter().find(|grant| !policy.grants.contains(grant)) {
            let configured = plugin.grants.iter().any(|given| given.configured && given.grant == grant.to_string());
            let text = if configured {
                format!("`{grant}` stands in the configuration, under `[plugins.{id}]`; take it out there")
            } else {
                format!("`{grant}` was not granted to `{id}`; `corral plugin show {id}` lists what was")
            };
            return Err(UseCaseError::invalid("grant", text));
        }
        let audit = note("plugin.revoke", id, list(grants));
        self.decide(actor, id, audit, |policy| policy.grants.retain(|grant| !grants.contains(grant))).await
    }

    /// Switches a plugin on or off. Needs [`Role::Admin`]; leaves an audit row.
    pub async fn enable_plugin(&self, actor: &Actor, id: &str, enabled: bool) -> Result<PluginInfo, UseCaseError> {
        actor.require(Role::Admin)?;
        self.plugin(id)?;
        let action = if enabled { "plugin.enable" } else { "plugin.disable" };
        self.decide(actor, id, note(action, id, ""), |policy| policy.enabled = enabled).await
    }

    /// Writes down what the configuration grants plugins, where that is not what it was at the last start: what nobody typed leaves
    /// rows in the audit log, too.
    pub async fn record_configured_grants(
        &self,
        configured: &BTreeMap<String, BTreeSet<Grant>>,
    ) -> Result<(), UseCaseError> {
        let actor = Actor { name: "configuration".to_owned(), role: Role::Admin };
        let state = self.state();
        let before = |id: &str| {
            let stored = state.settings.get(&PluginPolicy::configured_key(id));
            stored
                .and_then(|value| serde_json::from_value::<BTreeSet<Grant>>((**value).clone()).ok())
                .unwrap_or_default()
        };
        let known = state.settings.keys().filter_map(|key| PluginPolicy::configured_of(key));
        let ids: BTreeSet<&str> = known.chain(configured.keys().map(String::as_str)).collect();
        for id in ids {
            let (old, new) = (before(id), configured.get(id).cloned().unwrap_or_default());
            let kept: BTreeSet<Grant> = old.intersection(&new).cloned().collect();
            for (action, changed, then) in
                [("plugin.revoke", old.difference(&new), &kept), ("plugin.grant", new.difference(&old), &new)]
            {
                let changed = list(changed);
                if changed.is_empty() {
                    continue;
                }
                let value = if then.is_empty() { Value::Null } else { serde_json::json!(then) };
                let command = Command::SetSetting { key: PluginPolicy::configured_key(id), value };
                self.inner.manager.submit(&actor, command, note(action, id, changed)).await?;
            }
        }
        Ok(())
    }

    /// Writes a decision down, and applies it. Decisions about plugins are made one after the other.
    async fn decide(
        &self,
        actor: &Actor,
        id: &str,
        audit: AuditNote,
        change: impl FnOnce(&mut PluginPolicy),
    ) -> Result<PluginInfo, UseCaseError> {
        let _one = self.inner.deciding.lock().await;
        let mut policy = self.state().plugin_policy(id);
        change(&mut policy);
        let command = Command::SetSetting { key: PluginPolicy::key(id), value: policy.to_value() };
        self.inner.manager.submit(actor, command, audit).await?;
        let plugin = self.inner.deps.plugins.set_policy(id, policy).await?;
        self.inner.manager.submit(actor, Command::ReportPlugin { plugin: plugin.clone() }, None).await?;
        Ok(plugin)
    }

    fn plugin(&self, id: &str) -> Result<Arc<PluginInfo>, UseCaseError> {
        self.state().plugins.get(id).cloned().ok_or_else(|| UseCaseError::not_found("plugin", id))
    }

    /// A secret that was granted to a plugin. That it was read is written down first: without that row it is not given out.
    pub async fn secret_for_plugin(&self, plugin: &str, name: &str) -> Result<Option<SecretText>, UseCaseError> {
        let audit = Audit {
            at: self.inner.deps.clock.now(),
            actor: format!("plugin:{plugin}"),
            action: "secret.read".to_owned(),
            object: name.to_owned(),
            detail: String::new(),
        };
        self.inner.deps.state.audit(&audit).await?;
        Ok(self.inner.deps.secrets.reveal(name).await?)
    }

    /// Changes a setting; null takes it back to its default. Needs [`Role::Admin`], unless it is one of the actor's own.
    pub async fn set_setting(&self, actor: &Actor, key: &str, value: Value) -> Result<(), UseCaseError> {
        if !is_own(actor, key) {
            actor.require(Role::Admin)?;
        }
        if let Some(plugin) = PluginPolicy::about(key) {
            let text = format!("what a plugin may is decided by `corral plugin grant {plugin}` and its like");
            return Err(UseCaseError::invalid("key", text));
        }
        let command = Command::SetSetting { key: key.to_owned(), value };
        self.inner.manager.submit(actor, command, note("setting.set", key, "")).await?;
        Ok(())
    }
}

fn is_own(actor: &Actor, key: &str) -> bool {
    key.rsplit_once('/').is_some_and(|(owner, name)| owner == actor.name && OWN_SETTINGS.contains(&name))
}

fn list<'a>(grants: impl IntoIterator<Item = &'a Grant>) -> String {
    grants.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_sets_what_is_their_own_and_nothing_else() {
        let ann = Actor { name: "user:ann".to_owned(), role: Role::Viewer };
        assert!(is_own(&ann, "user:ann/overview"));
        for key in
            ["user:bob/overview", "user:ann/else", "user:ann", "overview", "/overview", "user:ann/x/overview", ""]
        {
            assert!(!is_own(&ann, key), "{key}");
        }
    }
}
