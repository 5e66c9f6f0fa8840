//! The answer to `POST /api/jobs` with `dry_run`.

use std::collections::BTreeMap;

use corral_domain::VmId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::types::{Command, Mode};

/// What a job would do. Nothing was started and nothing kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    /// Always true.
    pub dry_run: bool,
    /// As the job's would be. Sent along as `expect_hash`, it makes sure that the job does what was previewed.
    pub command_hash: String,
    /// How it would run.
    pub mode: Mode,
    /// How many VMs there are.
    pub total: usize,
    /// Which VMs go together, in the order in which they begin.
    pub waves: Vec<PreviewWave>,
    /// What each VM would run; of very many only the first.
    pub items: Vec<PreviewItem>,
}

/// VMs that go together.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewWave {
    /// For people: `canary`, `batch 2`, `rest`, `all`.
    pub name: String,
    /// The VMs, in the order in which they begin.
    #[schema(value_type = Vec<String>)]
    pub vms: Vec<VmId>,
}

/// What one VM would run.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewItem {
    /// The VM.
    #[schema(value_type = String, format = Uuid)]
    pub vm_id: VmId,
    /// Its name.
    pub vm_name: String,
    /// What is executed.
    pub command: Command,
    /// Variables set for it.
    pub env: BTreeMap<String, String>,
    /// Folder in which it starts.
    #[schema(required)]
    pub workdir: Option<String>,
    /// All of it as shell text, with sudo before it if it runs as another account.
    pub shell: String,
}

impl From<corral_engine::Preview> for Preview {
    fn from(preview: corral_engine::Preview) -> Self {
        Self {
            dry_run: true,
            command_hash: preview.command_hash,
            mode: preview.mode.into(),
            total: preview.total,
            waves: preview.waves.into_iter().map(|(name, vms)| PreviewWave { name, vms }).collect(),
            items: preview.items.into_iter().map(PreviewItem::from).collect(),
        }
    }
}

impl From<corral_engine::PreviewItem> for PreviewItem {
    fn from(item: corral_engine::PreviewItem) -> Self {
        Self {
            vm_id: item.vm.id,
            vm_name: item.vm.name.clone(),
            command: (&item.rendered.command).into(),
            env: item.rendered.env.into_iter().collect(),
            workdir: item.rendered.workdir,
            shell: item.shell,
        }
    }
}
