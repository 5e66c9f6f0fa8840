//! Plugins and settings.

use bytes::Bytes;
use corral_domain::{Command, PluginInfo};
use serde_json::Value;

use super::note;
use crate::ports::{PluginLogLine, PluginStats};
use crate::{Actor, Engine, Role, UseCaseError};

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

    /// Takes a plugin out that was installed. Needs [`Role::Admin`].
    pub async fn remove_plugin(&self, actor: &Actor, id: &str) -> Result<(), UseCaseError> {
        actor.require(Role::Admin)?;
        self.inner.deps.plugins.uninstall(id).await?;
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

    /// Changes a setting; null takes it back to its default. Needs [`Role::Admin`].
    pub async fn set_setting(&self, actor: &Actor, key: &str, value: Value) -> Result<(), UseCaseError> {
        actor.require(Role::Admin)?;
        let command = Command::SetSetting { key: key.to_owned(), value };
        self.inner.manager.submit(actor, command, note("setting.set", key, "")).await?;
        Ok(())
    }
}
