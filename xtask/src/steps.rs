//! The steps of `cargo xtask test`, in the order in which they run.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::shell::{Result, binary, cargo, root, run, run_counted};
use crate::tally::Tally;
use crate::{plugins, tools, types, web};

/// One step.
pub struct Step {
    /// What it is called on the command line and in the summary.
    pub name: &'static str,
    /// Steps that must have gone well before.
    pub needs: &'static [&'static str],
    /// Only with `--full`.
    pub full: bool,
    /// Does it; tests that a runner counts go into the tally.
    pub work: fn(&mut Tally) -> Result,
}

/// What the dashboard may load before it shows anything: script, gzipped.
pub const FIRST_LOAD_BYTES: u64 = 250 * 1024;

/// All steps. Plugins and dashboard come before the host, which embeds them.
pub const STEPS: &[Step] = &[
    step("tools", &[], |_| tools::ensure(&tools::FOR_TEST)),
    step("format", &["tools"], |_| run(&mut cargo(&["fmt", "--all", "--check"]))),
    step("plugins", &["tools"], |_| plugins::build()),
    step("web-install", &["tools"], |_| web::install()),
    step("web-build", &["web-install"], |_| web::build()),
    step("web-size", &["web-build"], |_| first_load()),
    step("web-lint", &["web-build"], |_| web::lint()),
    step("web-check", &["web-build"], |_| web::check()),
    step("web-test", &["web-build"], web::test),
    step("clippy", &["plugins", "web-build"], |_| clippy()),
    step("build", &["plugins", "web-build"], |_| build()),
    step("types", &["build"], |_| types::check()),
    step("rust-test", &["build"], rust_test),
    step("doc-test", &["build"], doc_test),
    step("e2e-install", &["tools"], |_| web::install_in("tests/e2e")),
    step("system-test", &["build", "e2e-install"], system_test),
    step("authors-test", &["build"], authors_test),
    Step { name: "component", needs: &["build"], full: true, work: |_| component() },
];

const fn step(name: &'static str, needs: &'static [&'static str], work: fn(&mut Tally) -> Result) -> Step {
    Step { name, needs, full: false, work }
}

fn first_load() -> Result {
    let bytes = web::first_load_bytes()?;
    println!("first load: {} KiB of script, gzipped (limit {} KiB)", bytes / 1024, FIRST_LOAD_BYTES / 1024);
    if bytes <= FIRST_LOAD_BYTES {
        return Ok(());
    }
    Err("the first page loads too much script: load what it does not show at once with import()".to_owned())
}

fn clippy() -> Result {
    run(&mut cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Programs and tests in one go: the same features for all, so that nothing is built twice.
fn build() -> Result {
    run(&mut cargo(&["build", "--locked", "--workspace", "--all-targets"]))?;
    if binary(false).is_file() { Ok(()) } else { Err(format!("{} was not built", binary(false).display())) }
}

/// Tests of every crate but the whole-system ones.
fn rust_test(tally: &mut Tally) -> Result {
    run_counted(
        &mut cargo(&[
            "test",
            "--locked",
            "--no-fail-fast",
            "--workspace",
            "--all-targets",
            "--exclude",
            "corral-tests",
        ]),
        tally,
    )
}

/// Examples in the documentation.
fn doc_test(tally: &mut Tally) -> Result {
    run_counted(&mut cargo(&["test", "--locked", "--no-fail-fast", "--workspace", "--doc"]), tally)
}

/// The real binary with real sshd, real plugins and a real browser. Named by package the features would be others than
/// in `build`, and all would be built anew; so the workspace again, and of it only these.
fn system_test(tally: &mut Tally) -> Result {
    let mut args = vec!["test", "--locked", "--no-fail-fast", "--workspace"];
    for target in ["system", "ssh", "survival", "hostile"] {
        args.extend(["--test", target]);
    }
    let mut command = cargo(&args);
    command.env("CORRAL_BIN", binary(false)).env("CORRAL_CHROMIUM", tools::chromium()?);
    run_counted(&mut command, tally)
}

/// Plugins of all three languages from an empty folder to a running host. Their toolchains are fetched from the registries of
/// npm and Python, once.
fn authors_test(tally: &mut Tally) -> Result {
    let mut command = cargo(&["test", "--locked", "--no-fail-fast", "--workspace", "--test", "authors"]);
    command.env("CORRAL_BIN", binary(false));
    run_counted(&mut command, tally)
}

/// The other way of building a plugin: by cargo-component, of one that comes with Corral and of one that an author begins.
fn component() -> Result {
    if run(cargo(&["component", "--version"]).stderr(std::process::Stdio::null())).is_err() {
        println!("cargo-component is installed first; this takes minutes");
        run(&mut cargo(&["install", "cargo-component", "--locked"]))?;
    }
    let target = root().join("target/component");
    let mut command = cargo(&["component", "build", "-p", "corral-plugin-redact", "--target", "wasm32-wasip2"]);
    run(command.env("CARGO_TARGET_DIR", &target))?;
    is_component(&target.join("wasm32-wasip2/debug/corral_plugin_redact.wasm"))?;
    let project = target.join("begun");
    let _absent_at_first = fs::remove_dir_all(&project);
    let mut new = Command::new(binary(false));
    run(new.args(["plugin", "new", "begun", "--kind", "log-filter", "--dir"]).arg(&project))?;
    let mut command = cargo(&["component", "build", "--target", "wasm32-wasip2"]);
    run(command.current_dir(&project).env("CARGO_TARGET_DIR", &target))?;
    is_component(&target.join("wasm32-wasip2/debug/corral_plugin_begun.wasm"))
}

fn is_component(built: &Path) -> Result {
    let head = fs::read(built).map_err(|error| format!("cannot read {}: {error}", built.display()))?;
    // Layer 1 in bytes 6 and 7 is what makes it a component and not a core module.
    if head.get(..8) == Some(b"\0asm\x0d\0\x01\0") {
        Ok(())
    } else {
        Err(format!("{} is not a component", built.display()))
    }
}
