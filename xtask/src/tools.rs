//! What must be installed on the machine. On Debian and as root it is installed; elsewhere the line to type is printed.

use std::path::{Path, PathBuf};

use crate::shell::{Result, output_of, program, run, timed};

/// A program that some step needs.
#[derive(Debug)]
pub struct Tool {
    /// Any of these will do.
    names: &'static [&'static str],
    /// Debian package that has it; none: it is not installed by us.
    package: Option<&'static str>,
    /// What to do where `package` does not help.
    remedy: &'static str,
}

const CC: Tool =
    Tool { names: &["cc", "gcc", "clang"], package: Some("gcc libc6-dev"), remedy: "install a C compiler" };
const NODE: Tool = Tool { names: &["node"], package: None, remedy: "install Node 20.19 or later: https://nodejs.org" };
const NPM: Tool = Tool { names: &["npm"], package: None, remedy: "install npm, which comes with Node" };
const SSHD: Tool = Tool { names: &["sshd"], package: Some("openssh-server"), remedy: "install OpenSSH's server" };
const SSH_KEYGEN: Tool =
    Tool { names: &["ssh-keygen"], package: Some("openssh-client"), remedy: "install OpenSSH's client programs" };
const CHROMIUM: Tool = Tool {
    names: &["chromium", "chromium-browser", "google-chrome"],
    package: Some("chromium"),
    remedy: "install Chromium",
};
const BUSYBOX: Tool = Tool { names: &["busybox"], package: Some("busybox"), remedy: "install busybox" };
const SUDO: Tool = Tool { names: &["sudo"], package: Some("sudo"), remedy: "install sudo" };
const PYTHON: Tool = Tool {
    names: &["python3"],
    package: Some("python3 python3-venv"),
    remedy: "install Python 3.10 or later, with its module venv",
};
const DASH: Tool = Tool { names: &["dash"], package: Some("dash"), remedy: "install dash" };

/// For the plugins: only the WebAssembly target.
pub const FOR_PLUGINS: [&Tool; 1] = [&CC];
/// For the dashboard.
pub const FOR_WEB: [&Tool; 2] = [&NODE, &NPM];
/// For `run`.
pub const FOR_RUN: [&Tool; 3] = [&CC, &NODE, &NPM];
/// For `test`.
pub const FOR_TEST: [&Tool; 10] = [&CC, &NODE, &NPM, &SSHD, &SSH_KEYGEN, &CHROMIUM, &BUSYBOX, &DASH, &SUDO, &PYTHON];
/// For pictures.
pub const FOR_SCREENSHOTS: [&Tool; 4] = [&CC, &NODE, &NPM, &CHROMIUM];

/// Where services live that are not on everybody's path.
const MORE_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];
const WASM_TARGETS: [&str; 1] = ["wasm32-wasip2"];
const NODE_AT_LEAST: (u32, u32) = (20, 19);

/// Sees to it that the tools and Rust's WebAssembly target are there.
pub fn ensure(tools: &[&'static Tool]) -> Result {
    install_missing(tools)?;
    if tools.iter().any(|tool| tool.names == NODE.names) {
        check_node()?;
    }
    ensure_wasm_targets()
}

/// Path of Chromium.
pub fn chromium() -> Result<PathBuf> {
    find(&CHROMIUM).ok_or_else(|| CHROMIUM.remedy.to_owned())
}

fn install_missing(tools: &[&'static Tool]) -> Result {
    let missing = || tools.iter().copied().filter(|tool| find(tool).is_none()).collect::<Vec<_>>();
    let lacking = missing();
    if lacking.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = lacking.iter().filter_map(|tool| tool.package).flat_map(str::split_whitespace).collect();
    if !packages.is_empty() && may_install() {
        timed(&format!("installing {}", packages.join(" ")), || install(&packages))?;
    }
    let lacking = missing();
    if lacking.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = lacking.iter().map(|tool| tool.names[0]).collect();
    Err(format!("not installed: {}\n{}", names.join(", "), advice(&lacking)))
}

fn advice(lacking: &[&Tool]) -> String {
    let packages: Vec<_> = lacking.iter().filter_map(|tool| tool.package).collect();
    let mut lines: Vec<String> =
        lacking.iter().filter(|tool| tool.package.is_none()).map(|tool| tool.remedy.to_owned()).collect();
    if !packages.is_empty() && on_debian() {
        lines.push(format!("type: sudo apt-get install --no-install-recommends {}", packages.join(" ")));
    } else if !packages.is_empty() {
        lines.extend(lacking.iter().filter(|tool| tool.package.is_some()).map(|tool| tool.remedy.to_owned()));
    }
    lines.join("\n")
}

fn install(packages: &[&str]) -> Result {
    let apt = |args: &[&str]| {
        let mut command = program("apt-get", args);
        command.env("DEBIAN_FRONTEND", "noninteractive").stdout(std::process::Stdio::null());
        command
    };
    let mut args = vec!["install", "-y", "-qq", "--no-install-recommends"];
    args.extend(packages);
    // The package lists of a fresh machine are empty or old; ask for new ones only when they did not do.
    if run(&mut apt(&args)).is_err() {
        run(&mut apt(&["update", "-qq"]))?;
        run(&mut apt(&args))?;
    }
    Ok(())
}

fn on_debian() -> bool {
    Path::new("/etc/debian_version").exists() && on_path("apt-get").is_some()
}

fn may_install() -> bool {
    let root = output_of(&mut program("id", &["-u"])).is_ok_and(|id| id.starts_with(b"0\n"));
    root && on_debian()
}

fn find(tool: &Tool) -> Option<PathBuf> {
    tool.names.iter().find_map(|name| on_path(name))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(MORE_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn check_node() -> Result {
    let out = output_of(&mut program("node", &["--version"]))?;
    let version = String::from_utf8_lossy(&out).trim().trim_start_matches('v').to_owned();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found >= NODE_AT_LEAST {
        return Ok(());
    }
    let (major, minor) = NODE_AT_LEAST;
    Err(format!("Node is {version}; the dashboard needs {major}.{minor} or later: https://nodejs.org"))
}

fn ensure_wasm_targets() -> Result {
    let out = output_of(&mut program("rustc", &["--print", "sysroot"]))?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&out).trim()).join("lib/rustlib");
    for target in WASM_TARGETS {
        if libraries.join(target).is_dir() {
            continue;
        }
        if on_path("rustup").is_none() {
            return Err(format!(
                "Rust's target {target} is not installed and there is no rustup to add it: https://rustup.rs"
            ));
        }
        timed(&format!("rustup target add {target}"), || run(&mut program("rustup", &["target", "add", target])))?;
    }
    Ok(())
}
