//! Aliases as machines, and the hops that lead to them.

use std::collections::BTreeSet;

use corral_plugin_sdk::{FoundVm, Label};

use crate::Config;
use crate::pattern::list_fits;
use crate::resolve::{Resolved, resolve};
use crate::tree::Tree;

/// Port of a machine that names none.
const PORT: u16 = 22;

/// The most hops in a row.
const HOPS_MAX: usize = 8;

/// All machines: the aliases, and hops that are none.
pub fn machines(tree: &Tree, config: &Config) -> Vec<FoundVm> {
    let ignored = |alias: &str| list_fits(config.ignore.iter().map(String::as_str), alias);
    let aliases: Vec<&str> = tree.aliases().into_iter().filter(|alias| !ignored(alias)).collect();
    let mut known: BTreeSet<String> = aliases.iter().map(|alias| (*alias).to_owned()).collect();
    let mut found = Vec::new();
    let mut waiting: Vec<Hop> = aliases.iter().map(|alias| Hop::alias(alias)).collect();
    while !waiting.is_empty() {
        let mut hops = Vec::new();
        for hop in &waiting {
            let machine = machine(tree, config, hop, &mut hops);
            found.push(machine);
        }
        waiting = hops.into_iter().filter(|hop| known.insert(hop.id.clone())).collect();
    }
    found
}

/// A machine to be resolved: an alias, or a hop that a `ProxyJump` names.
struct Hop {
    id: String,
    host: String,
    user: Option<String>,
    port: Option<u16>,
}

impl Hop {
    fn alias(alias: &str) -> Self {
        Self { id: alias.to_owned(), host: alias.to_owned(), user: None, port: None }
    }

    /// `[ssh://][user@]host[:port]`, host in brackets if it is an IPv6 address.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("ssh://").unwrap_or(text).trim_end_matches('/');
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, text),
        };
        let (host, port) = match rest.strip_prefix('[') {
            Some(inner) => {
                let (host, after) = inner.split_once(']')?;
                (host, after.strip_prefix(':'))
            }
            None => match rest.split_once(':') {
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                _ => (rest, None),
            },
        };
        let port = port.map(str::parse).transpose().ok()?;
        (!host.is_empty()).then(|| Self { id: text.to_owned(), host: host.to_owned(), user, port })
    }
}

fn machine(tree: &Tree, config: &Config, hop: &Hop, hops: &mut Vec<Hop>) -> FoundVm {
    let resolved = resolve(&tree.items, &hop.host, config.local_user.as_deref());
    let address = resolved.address(&hop.host);
    let user = hop.user.clone().or_else(|| resolved.user.clone());
    let port = hop.port.or(resolved.port).unwrap_or(PORT);
    let mut labels = vec![Label::new("source", "ssh-config")];
    let mut jump = Vec::new();
    match jumps(&resolved) {
        Jumps::Direct => {}
        Jumps::Through(texts) => {
            for hop in texts.iter().take(HOPS_MAX).filter_map(|text| Hop::parse(text)) {
                jump.push(hop.id.clone());
                hops.push(hop);
            }
        }
        Jumps::Unknown => labels.push(Label::new("ssh-config/proxy-command", "ignored")),
    }
    let tokens = Tokens { alias: &hop.host, address: &address, port, user: user.as_deref(), config };
    let identity_file = resolved.identity_files.first().filter(|file| *file != "none").map(|file| tokens.expand(file));
    FoundVm {
        external_id: hop.id.clone(),
        name: hop.id.clone(),
        identity_file,
        address,
        port,
        user,
        labels,
        jump,
        host_keys: Vec::new(),
        running: None,
    }
}

enum Jumps {
    Direct,
    Through(Vec<String>),
    /// A command that cannot be understood and is not run.
    Unknown,
}

fn jumps(resolved: &Resolved) -> Jumps {
    match (&resolved.proxy_jump, &resolved.proxy_command) {
        (Some(jump), _) if jump.eq_ignore_ascii_case("none") => Jumps::Direct,
        (Some(jump), _) => Jumps::Through(jump.split(',').map(str::to_owned).collect()),
        (None, Some(command)) if command.eq_ignore_ascii_case("none") => Jumps::Direct,
        (None, Some(command)) => jump_of_command(command).map_or(Jumps::Unknown, |hop| Jumps::Through(vec![hop])),
        (None, None) => Jumps::Direct,
    }
}

/// `ssh -W %h:%p HOST` is how one wrote `ProxyJump HOST` before there was that.
fn jump_of_command(command: &str) -> Option<String> {
    let mut words: Vec<&str> =
        command.split_whitespace().filter(|word| !matches!(*word, "exec" | "-q" | "-x")).collect();
    let at = words.iter().position(|word| *word == "-W")?;
    words.drain(at..(at + 2).min(words.len()));
    match words.as_slice() {
        [ssh, host] if (*ssh == "ssh" || ssh.ends_with("/ssh")) && !host.starts_with('-') => Some((*host).to_owned()),
        _ => None,
    }
}

/// What `%` stands for in the path of a key.
struct Tokens<'a> {
    alias: &'a str,
    address: &'a str,
    port: u16,
    user: Option<&'a str>,
    config: &'a Config,
}

impl Tokens<'_> {
    /// The path with its tokens filled in. `~/` stays: the host knows its home.
    fn expand(&self, path: &str) -> String {
        let mut expanded = String::new();
        let mut chars = path.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                expanded.push(c);
                continue;
            }
            match chars.next() {
                Some('d') => expanded.push('~'),
                Some('h') => expanded.push_str(self.address),
                Some('n') => expanded.push_str(self.alias),
                Some('p') => expanded.push_str(&self.port.to_string()),
                Some('r') => expanded.push_str(self.user.or(self.config.local_user.as_deref()).unwrap_or("%r")),
                Some('u') => expanded.push_str(self.config.local_user.as_deref().unwrap_or("%u")),
                Some('%') | None => expanded.push('%'),
                Some(other) => expanded.extend(['%', other]),
            }
        }
        match &self.config.home {
            Some(home) if expanded.starts_with("~/") => format!("{}{}", home.trim_end_matches('/'), &expanded[1..]),
            _ => expanded,
        }
    }
}
