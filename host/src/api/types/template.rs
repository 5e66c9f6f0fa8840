//! Templates.

use corral_domain::{Origin, State, Timestamp, VmId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Mode;

/// A named command with typed parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Template {
    /// `plugin/name`, or `saved/slug`.
    pub id: String,
    /// Where it comes from.
    pub origin: TemplateOrigin,
    /// The plugin that offers it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plugin: Option<String>,
    /// One line.
    pub title: String,
    /// What it does.
    pub description: String,
    /// Where it is filed.
    pub category: String,
    /// JSON Schema of its parameters.
    #[schema(value_type = Object)]
    pub parameters: serde_json::Value,
    /// How it runs unless the job says otherwise.
    pub mode: Mode,
    /// Asks for confirmation.
    pub dangerous: bool,
    /// What each task is given; null: the host's default.
    #[schema(required)]
    pub timeout_seconds: Option<u32>,
    /// Label selector; empty: suited to all.
    pub applies_to: String,
    /// Of a saved one: its id without `saved/`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub slug: Option<String>,
    /// Of a saved one: the shell text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub script: Option<String>,
    /// Of a saved one: the only VM that it is for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub vm: Option<VmId>,
    /// Of a saved one: last change.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
}

/// Where a template comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateOrigin {
    /// A plugin offers it.
    Plugin,
    /// A person saved it.
    Saved,
}

/// Sources of templates that a plugin could not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateProblems {
    /// Which plugin.
    pub plugin: String,
    /// File and reason.
    pub problems: Vec<String>,
}

impl Template {
    /// All templates, sorted by id.
    pub fn all(state: &State) -> Vec<Self> {
        let saved = state.saved_templates.values().map(|template| Self::from(&**template));
        let offered = state.plugin_templates.values().flat_map(|offer| offer.templates.iter().map(Self::from));
        let mut all: Vec<_> = saved.chain(offered).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// One of them.
    pub fn find(state: &State, id: &str) -> Option<Self> {
        if let Some(slug) = id.strip_prefix("saved/") {
            return state.saved_templates.get(slug).map(|template| Self::from(&**template));
        }
        let (plugin, _) = id.split_once('/')?;
        let offer = state.plugin_templates.get(plugin)?;
        offer.templates.iter().find(|template| template.id == id).map(Self::from)
    }
}

impl TemplateProblems {
    /// Those of all plugins that have some.
    pub fn all(state: &State) -> Vec<Self> {
        let offers = state.plugin_templates.iter().filter(|(_, offer)| !offer.problems.is_empty());
        offers.map(|(plugin, offer)| Self { plugin: plugin.clone(), problems: offer.problems.clone() }).collect()
    }
}

impl From<&corral_domain::Template> for Template {
    fn from(template: &corral_domain::Template) -> Self {
        let (origin, plugin) = match &template.origin {
            Origin::Plugin(plugin) => (TemplateOrigin::Plugin, Some(plugin.clone())),
            Origin::Saved => (TemplateOrigin::Saved, None),
        };
        Self {
            id: template.id.clone(),
            origin,
            plugin,
            title: template.title.clone(),
            description: template.description.clone(),
            category: template.category.clone(),
            parameters: template.parameters.clone(),
            mode: template.mode.into(),
            dangerous: template.dangerous,
            timeout_seconds: (template.timeout_seconds > 0).then_some(template.timeout_seconds),
            applies_to: template.applies_to.clone(),
            slug: None,
            script: None,
            vm: None,
            updated_at: None,
        }
    }
}

impl From<&corral_domain::SavedTemplate> for Template {
    fn from(saved: &corral_domain::SavedTemplate) -> Self {
        Self {
            slug: Some(saved.slug.clone()),
            script: Some(saved.script.clone()),
            vm: saved.vm,
            updated_at: Some(saved.updated_at),
            ..Self::from(&saved.to_template())
        }
    }
}
