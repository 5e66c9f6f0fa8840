//! Looks at files: plugin folders and the folders that template plugins read. The system reports changes; because it
//! can lose one, and cannot watch what is not there yet, everything is also looked at now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use corral_domain::{PluginKind, PluginState};
use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::health::Permit;
use crate::inner::{Inner, wish};
use crate::load::off_thread;
use crate::package::{Fingerprint, look};
use crate::slot::{Place, Slot, Tree, lock};
use crate::templates;

/// A burst of changes is waited out for so many debounce times at most.
const BURST: u32 = 5;
/// What begins so in a folder of plugins is none.
pub const HIDDEN: char = '.';
/// Most plugins in one folder.
const PLUGINS_MAX: usize = 256;
/// Most files of a granted folder that are looked at.
const FILES_MAX: usize = 10_000;
/// Deepest folder of a granted folder that is looked at.
const DEPTH_MAX: usize = 8;

/// What was seen of one plugin folder.
struct Seen {
    place: Place,
    manifest: String,
    fingerprint: Fingerprint,
}

/// Watches until the host stops.
pub async fn run(inner: Arc<Inner>) {
    let wake = Arc::new(Notify::new());
    let mut watches = Watches::new(wake.clone());
    let timing = inner.config.timing;
    let mut rescan = tokio::time::interval(timing.rescan);
    rescan.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = inner.stop.cancelled() => return,
            () = wake.notified() => settle(&wake, timing.debounce).await,
            _ = rescan.tick() => {}
        }
        watches.renew(&inner);
        scan_plugins(&inner).await;
        for slot in inner.registry.all() {
            let looked = inner.clone();
            inner.tasks.spawn(async move { refresh_templates(&looked, &slot).await });
        }
        inner.flush().await;
    }
}

/// Waits until nothing was reported for a while, but not for ever.
async fn settle(wake: &Notify, debounce: Duration) {
    let end = tokio::time::Instant::now() + debounce * BURST;
    while tokio::time::Instant::now() < end {
        if tokio::time::timeout(debounce, wake.notified()).await.is_err() {
            return;
        }
    }
}

/// Compares the plugin folders with what is known: adds, removes, loads anew.
pub async fn scan_plugins(inner: &Arc<Inner>) {
    let _one = inner.scanning.lock().await;
    let folders = inner.config.folders.clone();
    let scanned = off_thread(move || {
        let paths = folders.iter().enumerate().flat_map(|(index, folder)| plugins_in(index, &folder.path));
        paths.collect::<Vec<Seen>>()
    });
    let Ok(seen) = scanned.await else { return };
    let there: BTreeSet<Place> = seen.iter().map(|seen| seen.place.clone()).collect();
    for slot in inner.registry.all() {
        if matches!(slot.place, Place::Folder(..)) && !there.contains(&slot.place) {
            inner.remove_slot(&slot.place);
        }
    }
    for seen in seen {
        let wish = wish(&seen.place, &seen.manifest);
        let known = inner.registry.at(&seen.place);
        // A plugin that changed its id, or whose id became free, gets a place under its own name.
        let renamed = known.as_ref().is_some_and(|slot| slot.id != wish && inner.registry.find(&wish).is_none());
        if renamed {
            inner.remove_slot(&seen.place);
        }
        let slot = match known {
            Some(slot) if !renamed => slot,
            _ => inner.add_slot(seen.place, &seen.manifest),
        };
        let before = std::mem::replace(&mut *lock(&slot.fingerprint), seen.fingerprint.clone());
        if before != seen.fingerprint {
            let loader = inner.clone();
            inner.tasks.spawn(async move { loader.load(&slot, false).await });
        }
    }
}

fn plugins_in(index: usize, folder: &Path) -> Vec<Seen> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let shown = |entry: &std::fs::DirEntry| !entry.file_name().to_string_lossy().starts_with(HIDDEN);
    let mut paths: Vec<PathBuf> =
        entries.flatten().filter(shown).map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    let seen = |path: PathBuf| {
        let (fingerprint, manifest) = look(&path)?;
        Some(Seen { place: Place::Folder(index, path), manifest, fingerprint })
    };
    paths.into_iter().take(PLUGINS_MAX).filter_map(seen).collect()
}

/// Asks a template plugin again if a file that it can read changed, or if it could not answer the last time.
async fn refresh_templates(inner: &Inner, slot: &Arc<Slot>) {
    let Some(generation) = slot.current() else { return };
    if !generation.provides(PluginKind::CommandTemplate) {
        return;
    }
    let folders: Vec<PathBuf> = generation.context.preopens.iter().map(|preopen| preopen.host.clone()).collect();
    let Ok(files) = off_thread(move || folders.iter().map(|folder| tree(folder)).collect::<Vec<_>>()).await else {
        return;
    };
    let _one = slot.loading.lock().await;
    let failed = slot.info().state == PluginState::Failing;
    let changed = lock(&slot.seen_files).replace(files.clone()) != Some(files);
    if !(changed || failed) || slot.permit() != Permit::Now || inner.stop.is_cancelled() {
        return;
    }
    let outcome = templates::list(&generation).await;
    slot.record(&generation, &outcome);
    match outcome {
        Ok((listing, instance)) if slot.serves(&generation) => {
            slot.warm_up(Some(instance));
            let old = slot.listing.swap(Arc::new(listing));
            if old.offer != slot.listing.load().offer {
                slot.tell_templates();
            }
        }
        Err(error) if !error.is_fault() => slot.tell(|info| info.reason = error.to_string()),
        _ => {}
    }
}

/// Path, size, time and inode of every file below a folder, bounded.
fn tree(folder: &Path) -> Tree {
    let mut files = BTreeMap::new();
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(meta) = std::fs::metadata(entry.path()) else { continue };
            if meta.is_dir() && depth < DEPTH_MAX {
                open.push((entry.path(), depth + 1));
            }
            files.insert(entry.path(), (meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ino()));
            if files.len() >= FILES_MAX {
                return files;
            }
        }
    }
    files
}

/// Folders that the system reports changes of.
struct Watches {
    watcher: Option<RecommendedWatcher>,
    /// Path to its inode when it was watched: a folder that was made anew must be watched anew.
    watched: BTreeMap<PathBuf, (u64, u64)>,
}

impl Watches {
    fn new(wake: Arc<Notify>) -> Self {
        let report = move |event: notify::Result<notify::Event>| {
            // Our own reading is reported too; taking it for a change would never end.
            let reading = |kind: &EventKind| matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write));
            if !event.is_ok_and(|event| reading(&event.kind)) {
                wake.notify_one();
            }
        };
        let watcher = notify::recommended_watcher(report)
            .inspect_err(|error| tracing::warn!(%error, "changes of files are not reported here; they are looked for"))
            .ok();
        Self { watcher, watched: BTreeMap::new() }
    }

    /// Watches what is to be watched and is there; for what is not, the folder in which it would appear.
    fn renew(&mut self, inner: &Inner) {
        let mut wanted: Vec<(PathBuf, RecursiveMode)> = Vec::new();
        let plugin_folders = inner.config.folders.iter().map(|folder| folder.path.clone());
        for path in plugin_folders.chain(template_folders(inner)) {
            if path.is_dir() {
                wanted.push((path, RecursiveMode::Recursive));
            } else if let Some(parent) = path.parent().filter(|parent| parent.is_dir()) {
                wanted.push((parent.to_owned(), RecursiveMode::NonRecursive));
            }
        }
        let Some(watcher) = &mut self.watcher else { return };
        self.watched.retain(|path, _| {
            let kept = wanted.iter().any(|(wanted, _)| wanted == path);
            if !kept {
                let _ = watcher.unwatch(path);
            }
            kept
        });
        for (path, mode) in wanted {
            let Ok(meta) = std::fs::metadata(&path) else { continue };
            let inode = (meta.dev(), meta.ino());
            if self.watched.get(&path) == Some(&inode) {
                continue;
            }
            let _ = watcher.unwatch(&path);
            match watcher.watch(&path, mode) {
                Ok(()) => drop(self.watched.insert(path, inode)),
                Err(error) => tracing::warn!(folder = %path.display(), %error, "changes here are seen late"),
            }
        }
    }
}

fn template_folders(inner: &Inner) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for slot in inner.registry.all() {
        if let Some(generation) = slot.current().filter(|generation| generation.provides(PluginKind::CommandTemplate)) {
            folders.extend(generation.context.preopens.iter().map(|preopen| preopen.host.clone()));
        }
    }
    folders
}
