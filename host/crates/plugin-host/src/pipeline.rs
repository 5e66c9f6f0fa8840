//! Which filters a stream's lines go through, and in which order.
//!
//! First those that are for every job; then the operator's rules add some and leave some out, one after the other; at last the job
//! does. The order is the filters' own: it is part of what they are for. One that redacts comes before any that might carry
//! a secret on into an annotation, whoever asks for which.

use corral_domain::{FilterChoice, PluginKind, Selector, matches_pattern};
use corral_engine::ports::StreamInfo;
use serde::Deserialize;

use crate::error::LoadError;

/// Place of a filter that names none.
const ORDER_DEFAULT: u16 = 500;
/// The last place.
const ORDER_MAX: u16 = 1_000;

/// Where a filter stands in chains: `[filter]` of its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterPlace {
    /// Smaller ones come first; of two with the same, the one whose id does.
    pub order: u16,
    /// Whether it is for every job; else only where a rule or a job asks for it.
    pub always: bool,
}

impl Default for FilterPlace {
    fn default() -> Self {
        Self { order: ORDER_DEFAULT, always: true }
    }
}

/// The same as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPlace {
    order: Option<u16>,
    #[serde(default)]
    apply: Apply,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Apply {
    #[default]
    Always,
    Asked,
}

impl FilterPlace {
    pub(crate) fn checked(raw: &RawPlace) -> Result<Self, LoadError> {
        let order = raw.order.unwrap_or(ORDER_DEFAULT);
        if order > ORDER_MAX {
            return Err(LoadError::Manifest(format!("`filter.order` is {order}; it is between 0 and {ORDER_MAX}")));
        }
        Ok(Self { order, always: raw.apply == Apply::Always })
    }

    /// What a manifest says of it, however wrong the rest is: lines must not meet a filter in the wrong place while it loads.
    pub(crate) fn peek(manifest: &str) -> Self {
        #[derive(Deserialize)]
        struct FilterOnly {
            #[serde(default)]
            filter: RawPlace,
        }
        let found = toml::from_str::<FilterOnly>(manifest).ok();
        found.and_then(|found| Self::checked(&found.filter).ok()).unwrap_or_default()
    }
}

/// Whether lines wait for the plugin of a manifest, whatever the job.
pub(crate) fn is_for_every_job(manifest: &str) -> bool {
    #[derive(Deserialize)]
    struct ProvidesOnly {
        provides: Vec<PluginKind>,
    }
    let provides = toml::from_str::<ProvidesOnly>(manifest).map(|found| found.provides).unwrap_or_default();
    provides.contains(&PluginKind::LogFilter) && FilterPlace::peek(manifest).always
}

/// The operator's rule for the filters of some streams: one of `[[plugins.filters]]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterRule {
    /// Only jobs of this template, `*` for any run of characters; none: also jobs without one.
    pub template: Option<String>,
    /// Only VMs that it admits.
    pub selector: Option<Selector>,
    /// What it adds and leaves out.
    pub filters: FilterChoice,
}

impl FilterRule {
    fn admits(&self, info: &StreamInfo) -> bool {
        let template = self
            .template
            .as_ref()
            .is_none_or(|pattern| info.template.as_ref().is_some_and(|template| matches_pattern(pattern, template)));
        template && self.selector.as_ref().is_none_or(|selector| selector.admits(&info.vm))
    }
}

/// Ids of the filters of a stream, in order. An error names one that was asked for and is not among `all`: lines that were
/// to be filtered by it must not pass without.
pub(crate) fn chain(
    all: &[(&str, FilterPlace)],
    rules: &[FilterRule],
    info: &StreamInfo,
) -> Result<Vec<String>, String> {
    let mut chosen: Vec<&str> = all.iter().filter(|(_, place)| place.always).map(|(id, _)| *id).collect();
    let asked = rules.iter().filter(|rule| rule.admits(info)).map(|rule| &rule.filters);
    for filters in asked.chain([&info.filters]) {
        let new = filters.with.iter().map(String::as_str).filter(|id| !chosen.contains(id)).collect::<Vec<_>>();
        chosen.extend(new);
        chosen.retain(|id| !filters.without.iter().any(|without| without == id));
    }
    let mut placed = Vec::with_capacity(chosen.len());
    for id in chosen {
        let (_, place) = all.iter().find(|(known, _)| *known == id).ok_or_else(|| id.to_owned())?;
        placed.push((place.order, id.to_owned()));
    }
    placed.sort();
    Ok(placed.into_iter().map(|(_, id)| id).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use corral_domain::{Labels, NewVm, OutputStream, Timestamp, Vm};

    use super::*;

    const ALL: [(&str, FilterPlace); 4] = [
        ("collapse", FilterPlace { order: 600, always: false }),
        ("levels", FilterPlace { order: 500, always: true }),
        ("redact", FilterPlace { order: 100, always: true }),
        ("also", FilterPlace { order: 500, always: true }),
    ];

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(ToString::to_string).collect()
    }

    fn choice(with: &[&str], without: &[&str]) -> FilterChoice {
        FilterChoice { with: ids(with), without: ids(without) }
    }

    fn info(template: Option<&str>, env: &str, filters: FilterChoice) -> StreamInfo {
        let new = NewVm {
            labels: Labels::from([("env".to_owned(), env.to_owned())]),
            ..NewVm::ssh("web-1", "127.0.0.1", 22, "root")
        };
        let vm = Vm::new("018cc251-f3ff-7000-8000-000000000001".parse().unwrap(), new, Timestamp::default());
        StreamInfo {
            job: "018cc251-f3ff-7000-8000-000000000000".parse().unwrap(),
            template: template.map(str::to_owned),
            vm: Arc::new(vm),
            stream: OutputStream::Stdout,
            filters,
        }
    }

    #[test]
    fn lines_wait_for_filters_of_every_job_only() {
        let wait = |rest: &str| is_for_every_job(&format!("id = \"x\"\n{rest}"));
        assert!(wait("provides = [\"log-filter\"]") && wait("provides = [\"log-filter\"]\n[filter]\norder = 3"));
        assert!(!wait("provides = [\"log-filter\"]\n[filter]\napply = \"asked\""));
        assert!(!wait("provides = [\"discovery\"]") && !wait("") && !is_for_every_job("no toml"));
    }

    #[test]
    fn filters_stand_in_their_own_order_whoever_asks() {
        let chain = |filters| chain(&ALL, &[], &info(None, "prod", filters));
        assert_eq!(chain(choice(&[], &[])), Ok(ids(&["redact", "also", "levels"])));
        assert_eq!(chain(choice(&["collapse", "redact"], &[])), Ok(ids(&["redact", "also", "levels", "collapse"])));
        assert_eq!(chain(choice(&[], &["also", "nobody"])), Ok(ids(&["redact", "levels"])));
        assert_eq!(chain(choice(&["gone"], &[])), Err("gone".to_owned()), "nothing passes without what was asked for");
    }

    #[test]
    fn rules_are_for_templates_and_vms_and_the_job_has_the_last_word() {
        let rules = [
            FilterRule { template: Some("ops/*".into()), filters: choice(&["collapse"], &[]), ..FilterRule::default() },
            FilterRule {
                selector: Some("env=dev".parse().unwrap()),
                filters: choice(&[], &["levels", "collapse"]),
                ..FilterRule::default()
            },
        ];
        let chain = |template, env, filters| chain(&ALL, &rules, &info(template, env, filters)).unwrap();
        let none = || choice(&[], &[]);
        assert_eq!(chain(None, "prod", none()), ids(&["redact", "also", "levels"]));
        assert_eq!(chain(Some("ops/df"), "prod", none()), ids(&["redact", "also", "levels", "collapse"]));
        assert_eq!(chain(Some("own/df"), "prod", none()), ids(&["redact", "also", "levels"]));
        assert_eq!(chain(Some("ops/df"), "dev", none()), ids(&["redact", "also"]), "the later rule has precedence");
        assert_eq!(chain(Some("ops/df"), "dev", choice(&["levels"], &["also"])), ids(&["redact", "levels"]));
    }
}
