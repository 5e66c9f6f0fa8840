//! Secrets: set, list, remove. Their values go in and are never given out.

use corral_domain::{FieldError, Refusal, secret_name_problem};
use corral_storage::Audit;

use crate::ports::{SecretInfo, SecretText};
use crate::{Actor, Engine, Role, UseCaseError};

/// Longest value in bytes: a password, a passphrase, a token; no file.
const VALUE_BYTES_MAX: usize = 16 * 1024;

impl Engine {
    /// Names and times of all secrets, and the VMs that need each, by name. Needs [`Role::Admin`].
    pub async fn secrets(&self, actor: &Actor) -> Result<Vec<(SecretInfo, Vec<String>)>, UseCaseError> {
        actor.require(Role::Admin)?;
        let infos = self.inner.deps.secrets.list().await?;
        Ok(infos.into_iter().map(|info| (self.users_of(&info.name), info)).map(|(vms, info)| (info, vms)).collect())
    }

    /// Sets a secret, or another value for one. Needs [`Role::Admin`].
    pub async fn set_secret(&self, actor: &Actor, name: &str, value: SecretText) -> Result<(), UseCaseError> {
        actor.require(Role::Admin)?;
        let mut problems = Vec::new();
        problems.extend(secret_name_problem(name).map(|problem| FieldError::new("name", problem)));
        if value.expose().is_empty() || value.expose().len() > VALUE_BYTES_MAX {
            problems.push(FieldError::new("value", format!("has 1 to {VALUE_BYTES_MAX} bytes")));
        }
        if value.expose().contains('\0') {
            problems.push(FieldError::new("value", "has no NUL"));
        }
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems).into());
        }
        self.inner.deps.secrets.set(name, value, self.secret_audit(actor, "secret.set", name)).await?;
        self.forget_users_of(name).await;
        Ok(())
    }

    /// Removes a secret. Refuses while VMs need it, unless `force`. Needs [`Role::Admin`].
    pub async fn remove_secret(&self, actor: &Actor, name: &str, force: bool) -> Result<(), UseCaseError> {
        actor.require(Role::Admin)?;
        let users = self.users_of(name);
        if !force && !users.is_empty() {
            let known = self.inner.deps.secrets.list().await?.iter().any(|info| info.name == name);
            if known {
                return Err(Refusal::Conflict(format!(
                    "the secret `{name}` is needed by {}; change them first, or remove it by force",
                    shown(&users)
                ))
                .into());
            }
        }
        let audit = self.secret_audit(actor, "secret.remove", name);
        if !self.inner.deps.secrets.remove(name, audit).await? {
            return Err(UseCaseError::not_found("secret", name));
        }
        self.forget_users_of(name).await;
        Ok(())
    }

    fn secret_audit(&self, actor: &Actor, action: &str, name: &str) -> Audit {
        Audit {
            at: self.inner.deps.clock.now(),
            actor: actor.name.clone(),
            action: action.to_owned(),
            object: name.to_owned(),
            detail: String::new(),
        }
    }

    fn users_of(&self, name: &str) -> Vec<String> {
        let state = self.state();
        let mut users: Vec<_> =
            state.vms.values().filter(|vm| vm.uses_secret(name)).map(|vm| vm.name.clone()).collect();
        users.sort_unstable();
        users
    }

    /// Connections that were made with the old value, and refusals that it caused, are history.
    async fn forget_users_of(&self, name: &str) {
        let state = self.state();
        for vm in state.vms.values().filter(|vm| vm.uses_secret(name)) {
            self.inner.deps.runner.forget(vm.id).await;
        }
    }
}

/// Names of VMs, the first few of them.
fn shown(names: &[String]) -> String {
    const NAMED_MAX: usize = 8;
    let named = names.iter().take(NAMED_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
