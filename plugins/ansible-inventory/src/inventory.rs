//! Hosts, groups and their variables, and which of several values counts.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

/// The group of all hosts.
pub const ALL: &str = "all";

/// The group of hosts that are in no other.
pub const UNGROUPED: &str = "ungrouped";

/// The most hosts that are read.
const HOSTS_MAX: usize = 20_000;

/// The most groups that are read.
const GROUPS_MAX: usize = 10_000;

/// The most messages that are kept.
const MESSAGES_MAX: usize = 200;

/// Variables by name.
pub type Vars = BTreeMap<String, Value>;

#[derive(Debug, Clone, Default)]
struct Host {
    /// From the inventory.
    vars: Vars,
    /// From `host_vars`.
    beside: Vars,
}

#[derive(Debug, Clone, Default)]
struct Group {
    hosts: BTreeSet<String>,
    children: BTreeSet<String>,
    vars: Vars,
    /// From `group_vars`.
    beside: Vars,
    priority: i64,
}

/// Which group is where, worked out once for all hosts.
#[derive(Debug, Clone, Default)]
struct Tree {
    /// Groups that a host is in itself.
    of_host: BTreeMap<String, Vec<String>>,
    /// Groups that a group is in itself.
    parents: BTreeMap<String, Vec<String>>,
    /// How far a group is from [`ALL`], by the longest way.
    depths: BTreeMap<String, usize>,
}

/// All that was read.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    hosts: BTreeMap<String, Host>,
    groups: BTreeMap<String, Group>,
    tree: OnceCell<Tree>,
    /// What was left out and why.
    pub messages: Vec<String>,
}

impl Inventory {
    /// Says what was left out.
    pub fn message(&mut self, message: String) {
        if self.messages.len() < MESSAGES_MAX && !self.messages.contains(&message) {
            self.messages.push(message);
        }
    }

    /// Whether a group was spoken of. The two that are always there count.
    pub fn has_group(&self, name: &str) -> bool {
        self.groups.contains_key(name) || name == ALL || name == UNGROUPED
    }

    /// Makes a group, if it is not there.
    pub fn group(&mut self, name: &str) {
        self.group_mut(name);
    }

    fn group_mut(&mut self, name: &str) -> &mut Group {
        // It may come to be elsewhere.
        self.tree.take();
        self.groups.entry(name.to_owned()).or_insert_with(|| Group { priority: 1, ..Group::default() })
    }

    /// Sets a variable of a group.
    pub fn set_group_var(&mut self, group: &str, key: &str, value: Value) {
        let group = self.group_mut(group);
        if key == "ansible_group_priority" {
            let text = value.as_str().and_then(|text| text.trim().parse().ok());
            group.priority = value.as_i64().or(text).unwrap_or(group.priority);
        } else {
            group.vars.insert(key.to_owned(), value);
        }
    }

    /// Puts a group into another one.
    pub fn add_child(&mut self, parent: &str, child: &str) -> Result<(), String> {
        if parent == child || self.below(child).contains(parent) {
            return Err(format!("the groups `{parent}` and `{child}` would be inside each other"));
        }
        if self.groups.len() >= GROUPS_MAX {
            return Err(format!("there are more than {GROUPS_MAX} groups"));
        }
        self.group_mut(child);
        self.group_mut(parent).children.insert(child.to_owned());
        Ok(())
    }

    /// Puts a host into a group. Variables that it has already are replaced by those that are given.
    pub fn add_host(&mut self, name: &str, group: &str, port: Option<u16>, vars: &Vars) -> Result<(), String> {
        if self.hosts.len() >= HOSTS_MAX && !self.hosts.contains_key(name) {
            return Err(format!("there are more than {HOSTS_MAX} hosts"));
        }
        let host = self.hosts.entry(name.to_owned()).or_default();
        if let Some(port) = port {
            host.vars.insert("ansible_port".to_owned(), Value::from(port));
        }
        host.vars.extend(vars.clone());
        self.group_mut(group).hosts.insert(name.to_owned());
        Ok(())
    }

    /// Variables from a file of `group_vars`; those of groups that are not there are of no matter.
    pub fn beside_group(&mut self, group: &str, vars: Vars) {
        self.group_mut(group).beside.extend(vars);
    }

    /// Variables from a file of `host_vars`.
    pub fn beside_host(&mut self, host: &str, vars: Vars) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.beside.extend(vars);
        }
    }

    /// Names of all hosts, in order.
    pub fn hosts(&self) -> Vec<String> {
        self.hosts.keys().cloned().collect()
    }

    /// Names of all groups, with the two that are always there.
    pub fn groups(&self) -> BTreeSet<String> {
        self.groups.keys().cloned().chain([ALL.to_owned(), UNGROUPED.to_owned()]).collect()
    }

    /// Hosts that are in a group itself, not in one inside it; for [`UNGROUPED`] those that are in no other.
    pub fn direct_hosts(&self, group: &str) -> BTreeSet<String> {
        if group == UNGROUPED {
            let free = |name: &&String| self.groups_of(name).is_empty();
            return self.hosts.keys().filter(free).cloned().collect();
        }
        if group == ALL {
            BTreeSet::new()
        } else {
            self.groups.get(group).map(|group| group.hosts.clone()).unwrap_or_default()
        }
    }

    /// Groups inside a group itself.
    pub fn children(&self, group: &str) -> BTreeSet<String> {
        self.groups.get(group).map(|group| group.children.clone()).unwrap_or_default()
    }

    /// Groups that a host is in, also through others, without [`ALL`] and [`UNGROUPED`].
    pub fn groups_of(&self, host: &str) -> BTreeSet<String> {
        let tree = self.tree();
        let mut waiting: Vec<&String> = tree.of_host.get(host).into_iter().flatten().collect();
        let mut found = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            if name != ALL && name != UNGROUPED && found.insert(name.clone()) {
                waiting.extend(tree.parents.get(name).into_iter().flatten());
            }
        }
        found
    }

    fn tree(&self) -> &Tree {
        self.tree.get_or_init(|| {
            let mut tree = Tree::default();
            for (name, group) in &self.groups {
                for host in &group.hosts {
                    tree.of_host.entry(host.clone()).or_default().push(name.clone());
                }
                for child in group.children.iter().filter(|_| name != ALL) {
                    tree.parents.entry(child.clone()).or_default().push(name.clone());
                }
            }
            tree.depths = self.depths(&tree.parents);
            tree
        })
    }

    /// Depths from the outside in: a group is looked at when all that it is in have been.
    fn depths(&self, parents: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, usize> {
        let mut missing: BTreeMap<&String, usize> =
            self.groups.keys().map(|name| (name, parents.get(name).map_or(0, Vec::len))).collect();
        let mut waiting: VecDeque<&String> =
            missing.iter().filter(|(_, missing)| **missing == 0).map(|(name, _)| *name).collect();
        let mut depths: BTreeMap<String, usize> = self.groups.keys().map(|name| (name.clone(), 1)).collect();
        while let Some(name) = waiting.pop_front() {
            let depth = depths.get(name).copied().unwrap_or(1);
            for child in self.groups[name].children.iter().filter(|_| name != ALL) {
                if let Some(below) = depths.get_mut(child) {
                    *below = (*below).max(depth + 1);
                }
                if let Some((child, missing)) =
                    self.groups.get_key_value(child).and_then(|(child, _)| Some((child, missing.get_mut(child)?)))
                {
                    *missing -= 1;
                    if *missing == 0 {
                        waiting.push_back(child);
                    }
                }
            }
        }
        depths
    }

    /// All variables of a host: those of groups further out first, of groups side by side by priority and name, then
    /// its own. What stands beside the inventory counts more than what stands in it.
    pub fn vars_of(&self, host: &str) -> Vars {
        let mut vars = Vars::new();
        let depths = &self.tree().depths;
        let mut groups: Vec<(usize, i64, String)> = self
            .groups_of(host)
            .into_iter()
            .map(|name| {
                (
                    depths.get(&name).copied().unwrap_or(1),
                    self.groups.get(&name).map_or(1, |group| group.priority),
                    name,
                )
            })
            .collect();
        if groups.is_empty() {
            groups.push((1, 1, UNGROUPED.to_owned()));
        }
        groups.sort();
        let all = self.groups.get(ALL);
        let named: Vec<&Group> = groups.iter().filter_map(|(_, _, name)| self.groups.get(name)).collect();
        let sources = all.map(|group| &group.vars).into_iter().chain(named.iter().map(|group| &group.vars));
        let beside = all.map(|group| &group.beside).into_iter().chain(named.iter().map(|group| &group.beside));
        let own = self.hosts.get(host).map(|host| [&host.vars, &host.beside]).into_iter().flatten();
        for source in sources.chain(beside).chain(own) {
            vars.extend(source.clone());
        }
        vars
    }

    /// A group and all inside it.
    fn below(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::from([name.to_owned()]);
        let mut waiting = vec![name.to_owned()];
        while let Some(name) = waiting.pop() {
            for child in self.children(&name) {
                if found.insert(child.clone()) {
                    waiting.push(child);
                }
            }
        }
        found
    }
}
