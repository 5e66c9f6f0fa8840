//! Machines that have no place for a capsule, and what is kept from others' eyes.

use corral_domain::Position;
use corral_engine::ports::{CapsuleError, Meet};

use super::support::{Machine, SHELLS, eventually, id, script};

fn refused(error: &CapsuleError) -> &str {
    match error {
        CapsuleError::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// A shell whose home is a file system of its own of this size, in a mount namespace of its own.
fn on_small_disk(shell: &str, size: &str) -> Machine {
    let mount = format!("mount -t tmpfs -o size={size},mode=700 tmpfs \"$HOME/.local\" && exec \"$@\"");
    let mut by = vec!["/usr/bin/unshare"];
    // Root may mount; anyone else may in a user namespace of their own.
    if !is_root() {
        by.extend(["--user", "--map-root-user"]);
    }
    by.extend(["--mount", "/bin/sh", "-c", &mount, "sh"]);
    let machine = Machine::by(shell, &by);
    std::fs::create_dir(machine.home.path().join(".local")).unwrap();
    // mount is no applet that is linked where the others are.
    machine
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_cannot_be_written_refuses_and_starts_nothing() {
    for shell in SHELLS {
        let nobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        let machine = Machine::by(shell, if is_root() { &nobody } else { &[] });
        let trace = std::path::Path::new("/tmp").join(format!("corral-trace-{}", id()));
        let mode =
            |bits| std::fs::set_permissions(machine.home.path(), std::os::unix::fs::PermissionsExt::from_mode(bits));
        mode(0o555).unwrap();
        let seen = machine.launch(&id(), &format!("echo ran >'{}'", trace.display())).await;
        mode(0o700).unwrap();
        let why = refused(seen.error());
        assert!(why.contains("its home cannot be written") && why.contains("direct"), "{shell}: {why}");
        assert!(!trace.exists() && !seen.started, "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_home_is_refused_and_another_place_for_state_is_heeded() {
    for shell in SHELLS {
        let machine = Machine::new(shell).with("HOME", "");
        let seen = machine.launch(&id(), "true").await;
        assert!(refused(seen.error()).contains("no HOME"), "{shell}: {:?}", seen.end);
        let state = machine.home.path().join("else where");
        let (machine, id) = (machine.with("XDG_STATE_HOME", state.to_str().unwrap()), id());
        assert_eq!(machine.launch(&id, "exit 2").await.code(), 2, "{shell}");
        assert!(state.join("corral/jobs").join(&id).is_dir(), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_before_anything_starts() {
    for shell in SHELLS {
        // Room for the folders and their first page, not for what else belongs into them.
        let machine = on_small_disk(shell, "4k");
        let seen = machine.launch(&id(), "echo ran").await;
        let why = refused(seen.error());
        assert!(why.contains("its home cannot be written"), "{shell}: {why}");
        assert!(!seen.started && seen.out().is_empty(), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_in_the_end_still_gives_the_exit_code_and_says_so() {
    for shell in SHELLS {
        let machine = on_small_disk(shell, "256k");
        let seen = machine.launch(&id(), "dd if=/dev/zero bs=4096 count=100 2>/dev/null; exit 5").await;
        let Some(Err(CapsuleError::Incomplete { exit, why })) = &seen.end else { panic!("{shell}: {:?}", seen.end) };
        assert_eq!(exit.code, Some(5), "{shell}");
        assert!(why.contains("disk") && why.contains(&seen.stdout.len().to_string()), "{shell}: {why}");
        assert!(!seen.stdout.is_empty() && seen.stdout.len() < 256 << 10, "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_to_standard_input_is_in_no_argument_no_environment_and_no_file() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let secret = format!("s3cr3t-{}", id());
        let mut command = script("read -r word; echo got; sleep 300");
        command.stdin = Some(format!("{secret}\n").into_bytes());
        let (id, folder) = (id(), machine.jobs());
        let listed = || {
            let processes = std::fs::read_dir("/proc").unwrap().flatten();
            let files = processes.flat_map(|process| ["cmdline", "environ"].map(|name| process.path().join(name)));
            files.filter(|path| contains(path, &secret)).collect::<Vec<_>>()
        };
        let done = std::sync::atomic::AtomicBool::new(false);
        let launch = async {
            let seen =
                machine.until(&id, Meet::Launch(&command), Position::default(), |seen| seen.out() == "got\n").await;
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            seen
        };
        // All the while from the launch on.
        let watch = async {
            let mut looks = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(listed(), Vec::<std::path::PathBuf>::new(), "{shell}");
                looks += 1;
                tokio::task::yield_now().await;
            }
            looks
        };
        let (seen, looks) = tokio::join!(launch, watch);
        assert!(seen.started && looks > 0, "{shell}: {looks}");
        assert_eq!(listed(), Vec::<std::path::PathBuf>::new(), "{shell}");
        let files: Vec<_> = walk(&folder).into_iter().filter(|path| contains(path, &secret)).collect();
        assert_eq!(files, Vec::<std::path::PathBuf>::new(), "{shell}");
        let modes =
            [machine.folder(&id), machine.folder(&id).join("cmd"), machine.folder(&id).join("out")].map(|path| {
                std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
            });
        assert_eq!(modes, [0o700, 0o600, 0o600], "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_supervisor_does_not_carry_the_mark_by_which_processes_are_ended() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let id = id();
        machine.leave(&id, "exec sleep 300").await;
        let mark = format!("CORRAL_TASK={id}");
        let supervisor = format!("/proc/{}/environ", machine.supervisor(&id));
        assert!(!contains(std::path::Path::new(&supervisor), &mark), "{shell}");
        let command = format!("/proc/{}/environ", machine.command(&id));
        eventually("the command has its mark", || contains(std::path::Path::new(&command), &mark)).await;
    }
}

fn contains(path: &std::path::Path, text: &str) -> bool {
    std::fs::read(path).unwrap_or_default().windows(text.len()).any(|window| window == text.as_bytes())
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files.extend(walk(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}
