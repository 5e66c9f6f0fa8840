//! What somebody gives for a saved template.

use corral_domain::{SavedTemplate, State, Timestamp, VmId};
use serde::Deserialize;
use utoipa::ToSchema;

const SLUG_LENGTH: usize = 60;

/// A template to save.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateBody {
    /// One line.
    pub title: String,
    /// The shell text.
    pub script: String,
    /// Unique, from `a-z 0-9 -`; made of the title without. Not for a replacement.
    pub slug: Option<String>,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// Where it is filed.
    #[serde(default)]
    pub category: String,
    /// Asks for confirmation.
    #[serde(default)]
    pub dangerous: bool,
    /// For this VM only.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub vm: Option<VmId>,
}

impl TemplateBody {
    /// With this slug. The engine writes the time.
    pub fn into_saved(self, slug: String) -> SavedTemplate {
        SavedTemplate {
            slug,
            title: self.title,
            description: self.description,
            category: self.category,
            script: self.script,
            dangerous: self.dangerous,
            vm: self.vm,
            updated_at: Timestamp::default(),
        }
    }

    /// The slug that was given, or a free one made of the title.
    pub fn slug(&self, state: &State) -> String {
        if let Some(slug) = &self.slug {
            return slug.clone();
        }
        let base = slug_of_title(&self.title);
        if !state.saved_templates.contains_key(&base) {
            return base;
        }
        // As many candidates as templates and one more: one of them is free.
        let candidates = (2..).map(|n| format!("{base}-{n}")).take(state.saved_templates.len() + 1);
        candidates.into_iter().find(|slug| !state.saved_templates.contains_key(slug)).unwrap_or(base)
    }
}

fn slug_of_title(title: &str) -> String {
    let mut slug = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
        if slug.len() >= SLUG_LENGTH {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "command".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_slug() {
        assert_eq!(slug_of_title("Restart nginx (prod)!"), "restart-nginx-prod");
        assert_eq!(slug_of_title("Überprüfen"), "berpr-fen");
        assert_eq!(slug_of_title("???"), "command");
        assert!(slug_of_title(&"x".repeat(500)).len() <= SLUG_LENGTH);
    }
}
