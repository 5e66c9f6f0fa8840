//! Hosts as machines, and the hops that lead to them.

use std::collections::BTreeSet;

use corral_plugin_sdk::{FoundVm, Label};
use serde_json::Value;

use crate::Config;
use crate::inventory::{Inventory, Vars};
use crate::jump::{Jumps, of_arguments};

/// Port of a machine that names none.
const PORT: u16 = 22;

/// The most hops in a row.
const HOPS_MAX: usize = 8;

/// The most labels of a machine; the host keeps 64.
const LABELS_MAX: usize = 60;

/// The longest key of a label, in bytes, and the longest value.
const KEY_MAX: usize = 63;
const VALUE_MAX: usize = 255;

/// Ways to connect that go over SSH.
const OVER_SSH: [&str; 5] = ["ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh"];

/// All machines: hosts that are reached over SSH, and hops that are none of them.
pub fn machines(inventory: &mut Inventory, config: &Config) -> Vec<FoundVm> {
    let hosts = inventory.hosts();
    let mut known: BTreeSet<String> = hosts.iter().cloned().collect();
    let mut found = Vec::new();
    for name in &hosts {
        let groups = inventory.groups_of(name);
        if groups.iter().any(|group| config.ignore_groups.contains(group)) {
            continue;
        }
        let vars = inventory.vars_of(name);
        let mut facts = Facts { host: name, vars: &vars, inventory };
        if let Some(machine) = facts.machine(&groups, config) {
            for hop in machine.jump.iter().filter(|hop| known.insert((*hop).clone())) {
                found.extend(parse_hop(hop));
            }
            found.push(machine);
        }
    }
    found
}

/// Variables of one host that say how it is reached.
struct Facts<'a> {
    host: &'a str,
    vars: &'a Vars,
    inventory: &'a mut Inventory,
}

impl Facts<'_> {
    fn machine(&mut self, groups: &BTreeSet<String>, config: &Config) -> Option<FoundVm> {
        let connection = self.text(&["ansible_connection"]).unwrap_or_else(|| "ssh".to_owned());
        if !OVER_SSH.contains(&connection.as_str()) {
            self.inventory.message(format!("{}: it is reached by `{connection}`, not over SSH; left out", self.host));
            return None;
        }
        // Where the address has to be computed, the name would be another machine.
        let address_vars = ["ansible_host", "ansible_ssh_host"];
        let address = self.text(&address_vars);
        if address.is_none() && address_vars.iter().any(|name| self.vars.contains_key(*name)) {
            self.inventory
                .message(format!("{}: its address is not known without a template or a vault; left out", self.host));
            return None;
        }
        let mut labels = vec![Label::new("source", "ansible-inventory")];
        labels.extend(groups.iter().map(|group| Label::new(key(&format!("group/{group}")), "yes")));
        for name in &config.labels {
            if let Some(value) = self.text(&[name]) {
                labels.push(Label::new(key(name), cut(&value)));
            }
        }
        let arguments = self.text(&["ansible_ssh_common_args"]).or_else(|| self.text(&["ansible_ssh_extra_args"]));
        let mut jump = Vec::new();
        match arguments.map_or(Jumps::Direct, |arguments| of_arguments(&arguments)) {
            Jumps::Direct => {}
            Jumps::Through(hops) => {
                jump = hops.into_iter().take(HOPS_MAX).filter(|hop| parse_hop(hop).is_some()).collect();
            }
            Jumps::Unknown => labels.push(Label::new("ansible-inventory/proxy-command", "ignored")),
        }
        if labels.len() > LABELS_MAX {
            self.inventory.message(format!("{}: only {LABELS_MAX} of its labels are kept", self.host));
            labels.truncate(LABELS_MAX);
        }
        Some(FoundVm {
            external_id: self.host.to_owned(),
            name: self.host.to_owned(),
            address: address.unwrap_or_else(|| self.host.to_owned()),
            port: self.port(),
            user: self.text(&["ansible_user", "ansible_ssh_user"]),
            labels,
            jump,
            identity_file: self.text(&["ansible_ssh_private_key_file", "ansible_private_key_file"]),
            host_keys: Vec::new(),
            running: None,
        })
    }

    fn port(&mut self) -> u16 {
        let Some(text) = self.text(&["ansible_port", "ansible_ssh_port"]) else { return PORT };
        text.parse().unwrap_or_else(|_| {
            self.inventory.message(format!(
                "{}: its port is `{}`, which is none; {PORT} is taken",
                self.host,
                cut(&text)
            ));
            PORT
        })
    }

    /// The first of some variables as text. What is encrypted or would have to be computed is left out.
    fn text(&mut self, names: &[&str]) -> Option<String> {
        let (name, value) = names.iter().find_map(|name| Some((name, self.vars.get(*name)?)))?;
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        let why = if text.trim_start().starts_with("$ANSIBLE_VAULT;") {
            "is encrypted, and nothing is decrypted"
        } else if text.contains("{{") || text.contains("{%") {
            "is a template, and nothing is run"
        } else {
            return Some(text).filter(|text| !text.is_empty());
        };
        self.inventory.message(format!("{}: `{name}` {why}; left out", self.host));
        None
    }
}

/// A label's key of what may hold anything.
fn key(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    text.chars().map(|c| if fits(c) { c } else { '_' }).take(KEY_MAX).collect()
}

/// A label's value: one line, not too long.
fn cut(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(VALUE_MAX)];
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `[ssh://][user@]host[:port]` as a machine of its own.
fn parse_hop(text: &str) -> Option<FoundVm> {
    let plain = text.strip_prefix("ssh://").unwrap_or(text).trim_end_matches('/');
    let (user, rest) = plain.rsplit_once('@').map_or((None, plain), |(user, rest)| (Some(user.to_owned()), rest));
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
    let port = port.map_or(Some(PORT), |port| port.parse().ok())?;
    let good = !host.is_empty() && !text.contains("{{") && !host.contains(char::is_whitespace);
    good.then(|| FoundVm {
        external_id: text.to_owned(),
        name: plain.to_owned(),
        address: host.to_owned(),
        port,
        user,
        labels: vec![Label::new("source", "ansible-inventory")],
        ..FoundVm::default()
    })
}
