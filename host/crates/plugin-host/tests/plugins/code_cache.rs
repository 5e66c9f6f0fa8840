//! Compiled code on disk. Loading it is trusting it, so what others could have written is not loaded, whatever it is.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use corral_domain::PluginState;

use crate::bench::{Bench, Running, guest, lines, manifest, texts, variant};

/// A host on a cache folder of its own, with the plugin `f`; stopped once the code was stored.
async fn stored() -> (Running, PathBuf) {
    let mut bench = Bench::new();
    bench.config.cache_dir = bench.dir.path().join("own-cache");
    let cache = bench.config.cache_dir.clone();
    bench.put("f", &manifest("f", "log-filter", "[config]\ndefault = { tag = \"f\" }"), &guest(false));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    running.host.stop().await;
    let file = only_file(&cache);
    (running, file)
}

fn only_file(cache: &Path) -> PathBuf {
    let files: Vec<_> = std::fs::read_dir(cache).unwrap().flatten().map(|entry| entry.path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    file.clone()
}

/// Starts again on the same folders; the plugin serves, however its code came.
async fn serves_again(stopped: Running) -> Running {
    let config = stopped.bench.config.clone();
    let mut again = Bench { dir: stopped.bench.dir, config }.start().await;
    again.until_state("f", PluginState::Active).await;
    assert_eq!(texts(&again.chain().await.process(lines(["x"])).await.unwrap()), ["f 1 x"]);
    again
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Flips one bit.
fn spoil(file: &Path, at: impl Fn(usize) -> usize) -> Vec<u8> {
    let mut bytes = std::fs::read(file).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 1;
    std::fs::write(file, &bytes).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn code_is_kept_in_a_folder_of_our_own_and_loaded_from_there() {
    let (stopped, file) = stored().await;
    assert_eq!((mode(file.parent().unwrap()), mode(&file) & 0o077), (0o700, 0));
    let written = std::fs::metadata(&file).unwrap().modified().unwrap();
    let _again = serves_again(stopped).await;
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), written, "it was not compiled again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_was_written_is_compiled_anew() {
    let (mut stopped, file) = stored().await;
    for spoil_at in [|_: usize| 0, |len: usize| len / 2, |len: usize| len - 40, |len: usize| len - 1] {
        let spoiled = spoil(&file, spoil_at);
        stopped = serves_again(stopped).await;
        stopped.host.stop().await;
        assert_ne!(std::fs::read(&file).unwrap(), spoiled);
    }
    for cut in [0, 10, 60, 100_000] {
        std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(cut).unwrap();
        stopped = serves_again(stopped).await;
        stopped.host.stop().await;
        assert_ne!(std::fs::metadata(&file).unwrap().len(), cut);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_account_could_have_written_is_not_loaded() {
    let (stopped, file) = stored().await;
    // What the account may do, others may as well: it is as if they had written it.
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
    let stopped = serves_again(stopped).await;
    stopped.host.stop().await;
    assert_eq!(mode(&file) & 0o022, 0, "a new file is in its place");

    // A link to sound code that lies elsewhere.
    let elsewhere = stopped.bench.dir.path().join("elsewhere");
    std::fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    let stopped = serves_again(stopped).await;
    stopped.host.stop().await;
    assert!(std::fs::symlink_metadata(&file).unwrap().is_file(), "the link was not followed");

    // Only root can give files away.
    if std::os::unix::fs::chown(&file, Some(65_534), None).is_ok() {
        use std::os::unix::fs::MetadataExt;
        let stopped = serves_again(stopped).await;
        assert_ne!(std::fs::metadata(&file).unwrap().uid(), 65_534);
        stopped.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_of_another_component_under_this_ones_name_is_not_loaded() {
    let (stopped, file) = stored().await;
    // Sound code, written by us, of a component that answers differently: only its name is wrong.
    let other = wat::parse_str("(component)").unwrap();
    stopped.bench.put("f", &manifest("f", "log-filter", ""), &variant(other, "another"));
    let config = stopped.bench.config.clone();
    let mut again = Bench { dir: stopped.bench.dir, config }.start().await;
    again.until_state("f", PluginState::Broken).await;
    again.host.stop().await;
    let cache = file.parent().unwrap().to_owned();
    let others = std::fs::read_dir(&cache).unwrap().flatten().map(|entry| entry.path()).find(|path| *path != file);
    std::fs::rename(others.unwrap(), &file).unwrap();
    again.bench.put("f", &manifest("f", "log-filter", "[config]\ndefault = { tag = \"f\" }"), &guest(false));
    serves_again(again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_others_can_enter_is_not_used_and_plugins_serve_without_it() {
    let (stopped, file) = stored().await;
    let cache = file.parent().unwrap().to_owned();
    let spoiled = spoil(&file, |len| len / 2);
    std::fs::set_permissions(&cache, PermissionsExt::from_mode(0o755)).unwrap();
    let stopped = serves_again(stopped).await;
    stopped.host.stop().await;
    assert_eq!(std::fs::read(&file).unwrap(), spoiled, "neither read nor written");
    // A link in the folder's place is not followed, wherever it leads.
    let moved = stopped.bench.dir.path().join("moved");
    std::fs::set_permissions(&cache, PermissionsExt::from_mode(0o700)).unwrap();
    std::fs::rename(&cache, &moved).unwrap();
    symlink(&moved, &cache).unwrap();
    let _again = serves_again(stopped).await;
    assert_eq!(std::fs::read(only_file(&moved)).unwrap(), spoiled, "neither read nor written");
}
