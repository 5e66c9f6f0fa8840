//! The plugins that come with Corral have examples, too.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use corral_tests::host::built_plugins;

use crate::author::Author;

#[tokio::test(flavor = "multi_thread")]
async fn examples_of_the_bundled_plugins_are_as_they_say() -> Result<()> {
    let author = Author::new()?;
    // They are compiled already.
    let (from, to) = (author.path("data/cache/plugins"), author.path("home/.cache/corral/plugins"));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&to)?;
    for entry in fs::read_dir(&from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let mut tried = 0;
    for entry in fs::read_dir(built_plugins()?)? {
        let built = entry?.path();
        let id = built.file_name().and_then(|name| name.to_str()).context("a plugin's folder has a name")?.to_owned();
        let examples = sources.join(&id).join("examples");
        let is_json = |path: &Path| path.extension().is_some_and(|extension| extension == "json");
        let files: Vec<_> = fs::read_dir(&examples).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        let files: Vec<_> = files.into_iter().filter(|path| is_json(path)).collect();
        if files.is_empty() {
            continue;
        }
        let folder = author.site.dir(&id)?;
        copy_all(fs::read_dir(&built)?.flatten().map(|entry| entry.path()), &folder)?;
        copy_all(files.into_iter(), &author.site.dir(&format!("{id}/examples"))?)?;
        let told = author.does(&["test", &id])?;
        ensure!(told.contains(" passed, 0 failed"), "{id}: {told}");
        tried += 1;
    }
    ensure!(tried == 9, "{tried} plugins have examples");
    Ok(())
}

fn copy_all(files: impl Iterator<Item = std::path::PathBuf>, folder: &Path) -> Result<()> {
    for file in files {
        fs::copy(&file, folder.join(file.file_name().context("a file has a name")?))?;
    }
    Ok(())
}
