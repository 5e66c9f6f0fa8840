//! What somebody gives for a VM.

use std::collections::BTreeMap;

use corral_domain::{NewVm, PORT_DEFAULT, VmId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::problem::{FieldProblem, Problem};
use crate::api::types::{Auth, Source, Transport, VmOptions};

/// A VM as somebody gives it. Only the name has no default.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VmBody {
    /// Unique among VMs.
    pub name: String,
    /// Name or IP address; empty for `local`.
    #[serde(default)]
    pub address: String,
    /// 22 without.
    pub port: Option<u16>,
    /// Account on the machine; empty: the one that the host runs as.
    #[serde(default)]
    pub user: String,
    /// `ssh` without.
    pub transport: Option<Transport>,
    /// Facts by which it is chosen.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// `{"kind": "agent"}` without.
    pub auth: Option<Auth>,
    /// VMs to go through, nearest first.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub jump: Vec<VmId>,
    /// Where it was found.
    pub source: Option<Source>,
    /// Host keys that are known beforehand, in OpenSSH format. Only for a new VM; later they have a route of their own.
    #[serde(default)]
    pub host_keys: Vec<String>,
    /// Accept the first host key that it shows.
    #[serde(default)]
    pub accept_new_host_key: bool,
    /// How connections to it differ from the usual.
    #[serde(default)]
    pub options: VmOptions,
}

impl TryFrom<VmBody> for NewVm {
    type Error = Problem;

    fn try_from(body: VmBody) -> Result<Self, Problem> {
        let auth = body.auth.map(corral_domain::Auth::try_from).transpose();
        let auth = auth.map_err(|error| Problem::invalid(vec![FieldProblem::from(error)]))?;
        Ok(Self {
            name: body.name,
            address: body.address,
            port: body.port.unwrap_or(PORT_DEFAULT),
            user: body.user,
            transport: body.transport.unwrap_or(Transport::Ssh).into(),
            labels: body.labels,
            auth: auth.unwrap_or_default(),
            jump: body.jump,
            source: body.source.map(corral_domain::Source::from),
            host_keys: body.host_keys,
            accept_new_host_key: body.accept_new_host_key,
            options: body.options.into(),
        })
    }
}

/// A change of some fields. What is left out stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VmPatch {
    pub name: Option<String>,
    pub address: Option<String>,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub transport: Option<Transport>,
    /// Labels to set; null removes one; others stay.
    pub labels: Option<BTreeMap<String, Option<String>>>,
    pub auth: Option<Auth>,
    #[schema(value_type = Option<Vec<String>>)]
    pub jump: Option<Vec<VmId>>,
    pub accept_new_host_key: Option<bool>,
    /// All of its options; those that are left out are as usual again.
    pub options: Option<VmOptions>,
}

impl VmPatch {
    /// Writes the change into what is there.
    pub fn apply(self, vm: &mut NewVm) -> Result<(), Problem> {
        fn set<T>(slot: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *slot = value;
            }
        }
        set(&mut vm.name, self.name);
        set(&mut vm.address, self.address);
        set(&mut vm.port, self.port);
        set(&mut vm.user, self.user);
        set(&mut vm.transport, self.transport.map(corral_domain::Transport::from));
        set(&mut vm.jump, self.jump);
        set(&mut vm.accept_new_host_key, self.accept_new_host_key);
        set(&mut vm.options, self.options.map(corral_domain::VmOptions::from));
        if let Some(auth) = self.auth {
            vm.auth = auth.try_into().map_err(|error| Problem::invalid(vec![FieldProblem::from(error)]))?;
        }
        for (key, value) in self.labels.into_iter().flatten() {
            match value {
                Some(value) => vm.labels.insert(key, value),
                None => vm.labels.remove(&key),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_sets_what_it_names_and_removes_labels_that_are_null() {
        let mut vm = NewVm::ssh("web-1", "10.0.0.1", 22, "root");
        vm.labels = [("env", "prod"), ("old", "x")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let json = r#"{"port": 2222, "labels": {"old": null, "role": "web"}}"#;
        serde_json::from_str::<VmPatch>(json).unwrap().apply(&mut vm).unwrap();
        assert_eq!((vm.port, vm.name.as_str()), (2222, "web-1"));
        assert_eq!(
            vm.labels.into_iter().collect::<Vec<_>>(),
            [("env".into(), "prod".into()), ("role".into(), "web".into())]
        );
    }
}
