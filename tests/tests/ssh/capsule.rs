//! Capsules over real SSH.

use corral_domain::Position;
use corral_engine::ports::{CapsuleError, CapsuleState, Capsules, Exit, Meet, Target};
use corral_ssh::SshRunner;
use corral_tests::sshd::{Options, Sshd};
use tokio::sync::mpsc;

use crate::cancel::impatient;
use crate::support::{LIMIT, Seen, config, script, to, vm_of};

/// A capsule's id out of a number.
pub(crate) fn id(number: u64) -> String {
    format!("{:032x}-{number:032x}", std::process::id())
}

pub(crate) async fn meet(
    runner: &dyn Capsules,
    target: &Target,
    id: &str,
    meet: Meet<'_>,
    from: Position,
) -> (Result<Exit, CapsuleError>, Seen) {
    let (events, mut received) = mpsc::channel(8);
    let collect = async {
        let mut seen = Seen::default();
        while let Some(event) = received.recv().await {
            seen.take(event);
        }
        seen
    };
    let both = async { tokio::join!(runner.follow(target, id, meet, from, events), collect) };
    tokio::time::timeout(LIMIT, both).await.expect("it ends in time")
}

/// Launches and goes away once `enough` is true of what was seen.
pub(crate) async fn leave(
    runner: &dyn Capsules,
    target: &Target,
    id: &str,
    text: &str,
    enough: impl Fn(&Seen) -> bool,
) {
    let (events, mut received) = mpsc::channel(8);
    let command = script(text);
    let mut following = runner.follow(target, id, Meet::Launch(&command), Position::default(), events);
    let mut seen = Seen::default();
    let work = async {
        loop {
            tokio::select! {
                event = received.recv() => seen.take(event.expect("it runs")),
                end = &mut following => panic!("it ended: {end:?}"),
            }
            if enough(&seen) {
                break;
            }
        }
    };
    tokio::time::timeout(LIMIT, work).await.expect("it is seen in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capsule_is_launched_followed_left_met_again_and_released() {
    let sshd = Sshd::start(Options { net: 70, ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    let (first, second) = (id(1), id(2));
    assert_eq!(runner.stat(&target, &first).await, Ok(CapsuleState::None));
    let command = script("printf 'a\\0b'; echo problem >&2; exit 4");
    let (exit, seen) = meet(&runner, &target, &first, Meet::Launch(&command), Position::default()).await;
    assert_eq!(exit, Ok(Exit { code: Some(4), signal: None }), "{}", seen.err());
    assert_eq!((&seen.stdout[..], &seen.stderr[..]), (&b"a\0b"[..], &b"problem\n"[..]));
    let folder = sshd.path("home/.local/state/corral/jobs").join(&first);
    assert!(folder.is_dir());
    runner.release(&target, &first).await;
    while folder.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let text = "echo begun; while [ ! -e ~/go ]; do sleep 0.1; done; echo done; exit 5";
    leave(&runner, &target, &second, text, |seen| seen.out() == "begun\n").await;
    assert_eq!(runner.stat(&target, &second).await, Ok(CapsuleState::Running));
    sshd.drop_connections();
    std::fs::write(sshd.path("home/go"), "").unwrap();
    let from = Position { stdout: 3, stderr: 0 };
    // What was pooled is dead, and may be found to be so only when it is used.
    let (exit, seen) = loop {
        match meet(&runner, &target, &second, Meet::Attach, from).await {
            (Err(CapsuleError::Broken(_)), _) => {}
            other => break other,
        }
    };
    assert_eq!(exit, Ok(Exit { code: Some(5), signal: None }), "{}", seen.err());
    assert_eq!(seen.out(), "un\ndone\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capsule_is_cancelled_whether_it_runs_or_was_never_started() {
    let sshd = Sshd::start(Options { net: 71, ..Options::default() });
    let (runner, target) = (SshRunner::new(impatient()), to(vm_of(&sshd)));
    let (first, second) = (id(3), id(4));
    leave(&runner, &target, &first, crate::cancel::STUBBORN, |seen| seen.out().lines().count() == 4).await;
    let receipt = runner.cancel(&target, &first, None).await.unwrap();
    assert!(receipt.is_clean() && receipt.signalled >= 4 && receipt.killed >= 1, "{receipt:?}");
    let (exit, seen) = meet(&runner, &target, &first, Meet::Attach, Position::default()).await;
    assert_eq!(exit, Ok(Exit { code: Some(143), signal: None }));
    let alive: Vec<_> = seen.out().lines().filter(|pid| crate::cancel::is_alive(pid)).map(str::to_owned).collect();
    assert_eq!(alive, Vec::<String>::new());
    let again = runner.cancel(&target, &first, None).await.unwrap();
    assert!(again.is_clean() && again.signalled == 0, "{again:?}");
    let receipt = runner.cancel(&target, &second, None).await.unwrap();
    assert!(receipt.is_clean() && receipt.signalled == 0, "{receipt:?}");
    let command = script("echo ran >~/ran");
    let (exit, _) = meet(&runner, &target, &second, Meet::Launch(&command), Position::default()).await;
    assert!(matches!(&exit, Err(CapsuleError::Refused(why)) if why.contains("cancelled before")), "{exit:?}");
    assert!(!sshd.path("home/ran").exists());
    assert_eq!(runner.stat(&target, &second).await, Ok(CapsuleState::None));
}

/// How often the connection is cut while one command runs.
const CUTS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_anywhere_lose_nothing_and_repeat_nothing() {
    let mut sshd = Sshd::start(Options { net: 72, ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    // Twelve parts, each of which begins when the connection was cut once in the part before it.
    let upto = |end: usize, wait: &str| {
        format!(
            "i=0; while [ $i -lt {end} ]; do i=$((i+1)); seq $i 400; seq -s, $i 200 >&2; \
             [ $((i % 25)) -ne 0 ] || {wait}; done; exit 8"
        )
    };
    let output = |end| std::process::Command::new("/bin/sh").arg("-c").arg(upto(end, ":")).output().unwrap();
    let sizes: Vec<_> = (1..=CUTS).map(|part| output(part * 25)).map(|o| o.stdout.len() + o.stderr.len()).collect();
    let expected = output(CUTS * 25);
    let waiting = "until [ -e ~/cut-$((i / 25)) ]; do sleep 0.01; done";
    let (id, command) = (id(5), script(&upto(CUTS * 25, waiting)));
    let mut seed = [0; 1];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom").unwrap(), &mut seed).unwrap();
    println!("seed {seed:?}");
    let (mut all, mut cut) = (Seen::default(), 0_usize);
    let exit = loop {
        let from = Position { stdout: all.stdout.len() as u64, stderr: all.stderr.len() as u64 };
        let (events, mut received) = mpsc::channel(2);
        let take = async {
            let mut here = 0;
            while let Some(event) = received.recv().await {
                all.take(event);
                here += 1;
                let drawn = here == 3 + (usize::from(seed[0]) + cut * 7) % 11;
                if cut < CUTS && (drawn || all.stdout.len() + all.stderr.len() == sizes[cut]) {
                    if cut % 4 == 3 {
                        sshd.stop();
                        sshd.launch();
                    } else {
                        sshd.drop_connections();
                    }
                    cut += 1;
                    std::fs::write(sshd.path(&format!("home/cut-{cut}")), "").unwrap();
                }
            }
        };
        let both = async { tokio::join!(runner.follow(&target, &id, Meet::Launch(&command), from, events), take).0 };
        match tokio::time::timeout(LIMIT, both).await.expect("it ends in time") {
            Err(CapsuleError::Broken(_) | CapsuleError::Unreachable(_)) => {}
            other => break other,
        }
    };
    assert_eq!(exit, Ok(Exit { code: Some(8), signal: None }), "seed {seed:?}");
    assert!(all.stdout == expected.stdout && all.stderr == expected.stderr, "seed {seed:?} after {cut} cuts");
    assert_eq!(cut, CUTS, "seed {seed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_runs_nothing_and_a_shell_that_talks_are_told_apart() {
    let talks = "SetEnv GREETING=x\nForceCommand echo 'This account is closed.'; exit 1\n";
    let sshd = Sshd::start(Options { net: 73, config: talks.to_owned(), ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    let (exit, seen) = meet(&runner, &target, &id(6), Meet::Launch(&script("true")), Position::default()).await;
    let Err(CapsuleError::Broken(why)) = exit else { panic!("{exit:?}") };
    assert!(why.contains("This account is closed.") && !seen.started, "{why}");
    drop(sshd);
    let greets = "ForceCommand echo Welcome; echo news >&2; eval \"$SSH_ORIGINAL_COMMAND\"\n";
    let sshd = Sshd::start(Options { net: 73, config: greets.to_owned(), ..Options::default() });
    let target = to(vm_of(&sshd));
    let runner = SshRunner::new(config());
    let (exit, seen) = meet(&runner, &target, &id(7), Meet::Launch(&script("echo hi")), Position::default()).await;
    assert_eq!((exit, seen.out()), (Ok(Exit { code: Some(0), signal: None }), "hi\n".to_owned()));
}
