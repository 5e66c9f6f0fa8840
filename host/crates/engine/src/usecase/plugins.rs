//! Plugins and settings.

use corral_domain::{Command, PluginInfo};
use serde_json::Value;

use super::note;
use crate::ports::{PluginLogLine, PluginStats};
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

    /// What a plugin did since the host started; none if there is no such plugin.
    pub fn plugin_stats(&self, id: &str) -> Option<PluginStats> {
        self.inner.deps.plugins.stats(id)
    }

    /// The last lines of what a plugin said, oldest first. Needs [`Role::Operator`]: a plugin may say anything.
    pub fn plugin_log(&self, actor: &Actor, id: &str) -> Result<Vec<PluginLogLine>, UseCaseError> {
        actor.require(Role::Operator)?;
        self.inner.deps.plugins.log(id).ok_or_else(|| UseCaseError::not_found("plugin", id))
    }

    /// Changes a setting; null takes it back to its default. Needs [`Role::Admin`], unless it is one of the actor's own.
    pub async fn set_setting(&self, actor: &Actor, key: &str, value: Value) -> Result<(), UseCaseError> {
        if !is_own(actor, key) {
            actor.require(Role::Admin)?;
        }
        let command = Command::SetSetting { key: key.to_owned(), value };
        self.inner.manager.submit(actor, command, note("setting.set", key, "")).await?;
        Ok(())
    }
}

fn is_own(actor: &Actor, key: &str) -> bool {
    key.rsplit_once('/').is_some_and(|(owner, name)| owner == actor.name && OWN_SETTINGS.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_sets_what_is_their_own_and_nothing_else() {
        let ann = Actor { name: "user:ann".to_owned(), role: Role::Viewer };
        assert!(is_own(&ann, "user:ann/overview"));
        for key in ["user:bob/overview", "user:ann/else", "user:ann", "overview", "/overview", "user:ann/x/overview", ""] {
            assert!(!is_own(&ann, key), "{key}");
        }
    }
}
