//! What the plugin host tells becomes events.

use corral_domain::Command;
use tokio::sync::mpsc;

use crate::Engine;
use crate::ports::PluginNotice;

/// Passes notices on until the host stops.
pub(crate) async fn run(engine: Engine, mut notices: mpsc::Receiver<PluginNotice>) {
    let stopping = engine.inner.stopping.clone();
    loop {
        let notice = tokio::select! {
            notice = notices.recv() => notice,
            () = stopping.cancelled() => return,
        };
        let Some(notice) = notice else { return };
        engine.inner.manager.post(command(notice)).await;
    }
}

fn command(notice: PluginNotice) -> Command {
    match notice {
        PluginNotice::Changed(plugin) => Command::ReportPlugin { plugin: *plugin },
        PluginNotice::Removed(id) => Command::RemovePlugin { id },
        PluginNotice::Templates { plugin, offer } => Command::OfferTemplates { plugin, offer },
    }
}
