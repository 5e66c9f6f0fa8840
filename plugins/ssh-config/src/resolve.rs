//! What the configuration says about one name: the first value of each keyword wins.

use crate::matching::{Facts, applies};
use crate::pattern::list_fits;
use crate::tree::Item;

/// The values for one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    /// `HostName`, as written.
    pub host_name: Option<String>,
    /// `User`.
    pub user: Option<String>,
    /// `Port`.
    pub port: Option<u16>,
    /// All `IdentityFile`, as written.
    pub identity_files: Vec<String>,
    /// `ProxyJump`, as written; `none` too.
    pub proxy_jump: Option<String>,
    /// `ProxyCommand`, as written; only one of this and `ProxyJump` is set.
    pub proxy_command: Option<String>,
}

impl Resolved {
    /// The name to connect to.
    pub fn address(&self, alias: &str) -> String {
        self.host_name.as_ref().map_or_else(|| alias.to_owned(), |name| expand(name, alias))
    }
}

/// Gathers the values for a name.
pub fn resolve(items: &[Item], alias: &str, local_user: Option<&str>) -> Resolved {
    let mut resolver = Resolver { alias, local_user, resolved: Resolved::default() };
    resolver.walk(items, true);
    resolver.resolved
}

struct Resolver<'a> {
    alias: &'a str,
    local_user: Option<&'a str>,
    resolved: Resolved,
}

impl Resolver<'_> {
    /// `reachable`: whether the block that includes these items applies. If not, none of their blocks does either.
    fn walk(&mut self, items: &[Item], reachable: bool) {
        let mut active = reachable;
        for item in items {
            match item {
                Item::Host(patterns) => {
                    active = reachable && list_fits(patterns.iter().map(String::as_str), self.alias);
                }
                Item::Match(criteria) => active = reachable && self.matches(criteria),
                Item::Include(included) => self.walk(included, active),
                Item::Set(keyword, words) if active => self.set(keyword, words),
                Item::Set(..) => {}
            }
        }
    }

    fn matches(&self, criteria: &[String]) -> bool {
        let host = self.resolved.address(self.alias);
        let user = self.resolved.user.as_deref();
        applies(criteria, &Facts { original: self.alias, host: &host, user, local_user: self.local_user })
    }

    fn set(&mut self, keyword: &str, words: &[String]) {
        let Some(first) = words.first().filter(|word| !word.is_empty()) else { return };
        let resolved = &mut self.resolved;
        match keyword {
            "hostname" => keep(&mut resolved.host_name, first),
            "user" => keep(&mut resolved.user, first),
            "port" => {
                if let (None, Ok(port)) = (resolved.port, first.parse()) {
                    resolved.port = Some(port);
                }
            }
            "identityfile" if !resolved.identity_files.contains(first) => resolved.identity_files.push(first.clone()),
            "proxyjump" if resolved.proxy_command.is_none() => keep(&mut resolved.proxy_jump, first),
            "proxycommand" if resolved.proxy_jump.is_none() => {
                keep(&mut resolved.proxy_command, &words.join(" "));
            }
            _ => {}
        }
    }
}

fn keep(slot: &mut Option<String>, value: &str) {
    if slot.is_none() {
        *slot = Some(value.to_owned());
    }
}

/// `%h` and `%%` of a `HostName`.
fn expand(text: &str, alias: &str) -> String {
    let mut expanded = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => match chars.next() {
                Some('h' | 'n') => expanded.push_str(alias),
                Some('%') | None => expanded.push('%'),
                Some(other) => expanded.extend(['%', other]),
            },
            _ => expanded.push(c),
        }
    }
    expanded
}
