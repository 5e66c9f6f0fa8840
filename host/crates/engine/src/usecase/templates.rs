//! Templates: list, save, remove, render.

use std::sync::Arc;

use corral_domain::{Command, CommandLine, Origin, RenderedCommand, SavedTemplate, Template, Vm, VmId};
use serde_json::Value;

use super::note;
use crate::ports::PluginError;
use crate::{Actor, Engine, Role, UseCaseError};

impl Engine {
    /// All templates, sorted by id.
    pub fn templates(&self) -> Vec<Template> {
        self.state().templates()
    }

    /// Saves a template. Needs [`Role::Operator`].
    pub async fn save_template(
        &self,
        actor: &Actor,
        mut template: SavedTemplate,
        create: bool,
    ) -> Result<Template, UseCaseError> {
        actor.require(Role::Operator)?;
        template.updated_at = self.inner.deps.clock.now();
        let listed = template.to_template();
        let audit = note("template.save", template.id(), &template.title);
        self.inner.manager.submit(actor, Command::SaveTemplate { template, create }, audit).await?;
        Ok(listed)
    }

    /// Removes a saved template. Needs [`Role::Operator`].
    pub async fn remove_template(&self, actor: &Actor, slug: &str) -> Result<(), UseCaseError> {
        actor.require(Role::Operator)?;
        let audit = note("template.remove", format!("saved/{slug}"), "");
        self.inner.manager.submit(actor, Command::RemoveTemplate { slug: slug.to_owned() }, audit).await?;
        Ok(())
    }

    /// What a template would run on each VM; nothing is started. Needs [`Role::Viewer`].
    pub async fn render(
        &self,
        actor: &Actor,
        template: &str,
        args: &Value,
        vms: &[VmId],
    ) -> Result<Vec<(VmId, RenderedCommand)>, UseCaseError> {
        actor.require(Role::Viewer)?;
        let vms = vms.iter().map(|id| self.vm(*id)).collect::<Result<Vec<_>, _>>()?;
        let (_, commands) = self.render_for(template, args, &vms).await?;
        Ok(vms.iter().map(|vm| vm.id).zip(commands).collect())
    }

    /// Renders for VMs that exist: one command for each, in order.
    pub(super) async fn render_for(
        &self,
        id: &str,
        args: &Value,
        vms: &[Arc<Vm>],
    ) -> Result<(Template, Vec<RenderedCommand>), UseCaseError> {
        let state = self.state();
        let template = state.templates().into_iter().find(|template| template.id == id);
        let template = template.ok_or_else(|| UseCaseError::not_found("template", id))?;
        let commands = match &template.origin {
            Origin::Saved => {
                if args.as_object().is_some_and(|args| !args.is_empty()) {
                    return Err(UseCaseError::invalid("args", "a saved template takes no arguments"));
                }
                let slug = id.strip_prefix("saved/").unwrap_or(id);
                let saved = state.saved_templates.get(slug);
                let saved = saved.ok_or_else(|| UseCaseError::not_found("template", id))?;
                let command = RenderedCommand::plain(CommandLine::Script(saved.script.clone()));
                vec![command; vms.len()]
            }
            Origin::Plugin(_) => self.inner.deps.plugins.render(&template, args, vms).await?,
        };
        if commands.len() != vms.len() {
            let text = format!("template {id} gave {} commands for {} VMs", commands.len(), vms.len());
            return Err(PluginError::Failed(text).into());
        }
        Ok((template, commands))
    }
}
