//! Builds and checks the dashboard.

use std::fs;
use std::path::{Path, PathBuf};

use crate::inputs::{hash, is_done, mark_done, sorted};
use crate::shell::{Result, already, npm, root, run, run_counted, timed};
use crate::tally::Tally;
use crate::tools;

/// Installs the dashboard's packages as the lock file says.
pub fn install() -> Result {
    install_in("web")
}

/// Installs the packages of a folder, unless those that are there were installed from the same lock file.
pub fn install_in(folder: &str) -> Result {
    let what = format!("packages of {folder} (npm ci)");
    let held = root().join(folder);
    let inputs = hash(&[held.join("package.json"), held.join("package-lock.json")])?;
    // In the folder itself: who removes node_modules removes the stamp with it.
    let stamp = held.join("node_modules/.corral-installed");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == inputs) {
        already(&what);
        return Ok(());
    }
    timed(&what, || {
        run(&mut npm(folder, &["ci", "--no-progress"]))?;
        fs::write(&stamp, &inputs).map_err(|error| format!("cannot write {}: {error}", stamp.display()))
    })
}

/// Builds the dashboard into `web/build`, from where the host embeds it.
pub fn build() -> Result {
    let what = "dashboard (vite build)";
    let inputs = hash(&[root().join("web")])?;
    if is_done("web-build", &inputs) && root().join("web/build/index.html").is_file() {
        already(what);
        return Ok(());
    }
    timed(what, || {
        run(&mut npm("web", &["run", "build", "--silent"]))?;
        mark_done("web-build", &inputs)
    })
}

/// Style and import rules.
pub fn lint() -> Result {
    run(&mut npm("web", &["run", "lint", "--silent"]))
}

/// Types of TypeScript and Svelte.
pub fn check() -> Result {
    run(&mut npm("web", &["run", "check", "--silent"]))
}

/// Tests of stores and services, and of components in Chromium.
pub fn test(tally: &mut Tally) -> Result {
    let mut command = npm("web", &["run", "test", "--silent"]);
    // Vitest watches for changes unless a machine runs it.
    command.env("CI", "true").env("CORRAL_CHROMIUM", tools::chromium()?);
    run_counted(&mut command, tally)
}

/// Size of all scripts that the first page loads, gzipped, in bytes: what `index.html` names, the layout and the page
/// of `/`, and what those import statically.
pub fn first_load_bytes() -> Result<u64> {
    let build = root().join("web/build");
    let index = build.join("index.html");
    let page = fs::read_to_string(&index).map_err(|error| format!("cannot read {}: {error}", index.display()))?;
    let mut waiting: Vec<PathBuf> = scripts_in(&page, &build, &build);
    waiting.extend(nodes_of_first_page(&build)?);
    let mut seen = Vec::new();
    let mut total = 0;
    while let Some(script) = waiting.pop() {
        if seen.contains(&script) {
            continue;
        }
        let text = fs::read_to_string(&script).map_err(|error| format!("cannot read {}: {error}", script.display()))?;
        total += gzipped(&script)?;
        waiting.extend(static_imports(&text, script.parent().unwrap_or(&build)));
        seen.push(script);
    }
    if seen.is_empty() { Err(format!("{} names no script", index.display())) } else { Ok(total) }
}

/// Scripts that a page names: every quoted path to a `.js` file that exists.
fn scripts_in(page: &str, build: &Path, folder: &Path) -> Vec<PathBuf> {
    page.split(['"', '\''])
        .filter(|word| is_script(word))
        .map(|word| match word.strip_prefix('/') {
            Some(from_root) => build.join(from_root),
            None => folder.join(word),
        })
        .filter_map(|path| path.canonicalize().ok())
        .collect()
}

/// The scripts of the layout (node 0) and of the page of `/`, which SvelteKit's entry imports as soon as it has run.
fn nodes_of_first_page(build: &Path) -> Result<Vec<PathBuf>> {
    let immutable = build.join("_app/immutable");
    let mut page = "2".to_owned();
    for script in sorted(&immutable.join("entry"))? {
        let text = fs::read_to_string(&script).unwrap_or_default();
        if let Some((_, rest)) = text.split_once("\"/\":[") {
            page = rest.chars().take_while(char::is_ascii_digit).collect();
        }
    }
    let starts = ["0.".to_owned(), format!("{page}.")];
    let nodes = sorted(&immutable.join("nodes"))?;
    let named = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        is_script(&name) && starts.iter().any(|start| name.starts_with(start))
    };
    Ok(nodes.into_iter().filter(named).filter_map(|path| path.canonicalize().ok()).collect())
}

/// Targets of `import …"x.js"` and `from"x.js"`; not of `import("x.js")`, which is loaded when it is needed.
fn static_imports(text: &str, folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(".js\"") {
        let Some(open) = text[..at].rfind('"') else { continue };
        let before = text[..open].trim_end();
        if before.ends_with("from") || before.ends_with("import") {
            found.extend(folder.join(&text[open + 1..at + 3]).canonicalize());
        }
    }
    found
}

fn gzipped(file: &Path) -> Result<u64> {
    let program = "process.stdout.write(String(require('zlib').gzipSync(require('fs').readFileSync(process.argv[1]),{level:9}).length))";
    let path = file.to_string_lossy();
    let out = crate::shell::output_of(&mut crate::shell::program("node", &["-e", program, &path]))?;
    String::from_utf8_lossy(&out).trim().parse().map_err(|_| format!("node did not say how large {path} is"))
}

fn is_script(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "js")
}
