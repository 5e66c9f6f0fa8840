//! Commands from their launch to their end.

use corral_domain::{CommandLine, Position, RenderedCommand};
use corral_engine::ports::{CapsuleError, CapsuleState, Capsules as _, Exit, Meet};

use super::support::{Machine, SHELLS, eventually, id, script};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_and_both_outputs_and_its_code_come_through() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let id = id();
        let seen = machine
            .launch(&id, "printf 'a\\0b\\377'; printf 'no newline' >&2; echo \"$#|$CORRAL_TASK|$PWD\"; exit 7")
            .await;
        assert_eq!(seen.code(), 7, "{shell}");
        assert!(seen.started);
        let home = crate::config::home();
        let expected = [&b"a\0b\xff0|"[..], format!("{id}|{}\n", home.display()).as_bytes()].concat();
        assert_eq!(seen.stdout, expected, "{shell}: {}", seen.out());
        assert_eq!(seen.err(), "no newline", "{shell}");
        let mut later = machine.attach(&id).await;
        assert_eq!((later.code(), &later.stdout, &later.stderr), (7, &seen.stdout, &seen.stderr), "{shell}");
        let part = Position { stdout: 3, stderr: 5 };
        later = machine.meet(&id, Meet::Attach, part).await;
        assert_eq!((&later.stdout[..], &later.stderr[..]), (&seen.stdout[3..], &seen.stderr[5..]), "{shell}");
    }
}

/// SIGPIPE, which programs in Rust ignore and do not hand on.
const PIPE: u64 = 1 << 12;

#[tokio::test(flavor = "multi_thread")]
async fn signals_and_streams_are_as_in_a_command_of_its_own() {
    let ignored_in = |status: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap() & 0x7fff_ffff
    };
    // What is ignored here, by nohup say, is ignored in every command of this machine.
    let here = ignored_in(&std::fs::read_to_string("/proc/self/status").unwrap()) & !PIPE;
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let seen = machine.launch(&id(), "grep -E 'SigIgn' /proc/self/status; cat; ls -l /proc/self/fd").await;
        let ignored = ignored_in(&seen.out());
        // busybox's setsid cannot go to the background by itself, and what & starts ignores INT and QUIT.
        assert_eq!(ignored, here | if shell == "busybox" { 0b110 } else { 0 }, "{shell}");
        let of_the_capsule = seen.out().lines().filter(|line| line.contains("/corral/jobs/")).count();
        assert_eq!(of_the_capsule, 2, "{shell}: {}", seen.out());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_told() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let (here, id) = (&machine.runner, id());
        assert_eq!(here.stat(&machine.target, &id).await, Ok(CapsuleState::None), "{shell}");
        assert_eq!(machine.attach(&id).await.error(), &CapsuleError::Missing, "{shell}");
        let go = machine.home.path().join("go");
        machine.leave(&id, &format!("while [ ! -e '{}' ]; do sleep 0.1; done; exit 3", go.display())).await;
        assert_eq!(here.stat(&machine.target, &id).await, Ok(CapsuleState::Running), "{shell}");
        std::fs::write(go, "").unwrap();
        assert_eq!(machine.attach(&id).await.code(), 3, "{shell}");
        let exited = CapsuleState::Exited(Exit { code: Some(3), signal: None });
        assert_eq!(here.stat(&machine.target, &id).await, Ok(exited), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_released_is_removed_over_its_channel_or_with_the_next_launch() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let (first, second, third) = (id(), id(), id());
        assert_eq!(machine.launch(&first, "true").await.code(), 0);
        machine.runner.release(&machine.target, &first).await;
        eventually("the folder is gone", || !machine.folder(&first).exists()).await;
        machine.leave(&second, "true").await;
        machine.runner.release(&machine.target, &second).await;
        assert_eq!(machine.launch(&third, "true").await.code(), 0);
        eventually("the folder is gone", || !machine.folder(&second).exists()).await;
        assert!(machine.folder(&third).exists(), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_megabyte_of_command_and_of_input_arrive_exactly() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let filler = "# padding, so that the command is long\n".repeat(30_000);
        let input: Vec<u8> = (0..1_300_001_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut command = RenderedCommand::plain(CommandLine::Script(format!("{filler}cat; exit 9")));
        command.stdin = Some(input.clone());
        let id = id();
        let seen = machine.meet(&id, Meet::Launch(&command), Position::default()).await;
        assert_eq!(seen.code(), 9, "{shell}: {}", seen.err());
        assert!(seen.stdout == input, "{shell}: {} bytes", seen.stdout.len());
        assert!(!machine.folder(&id).join("in").exists(), "{shell}");
        command = script("cat");
        command.stdin = Some((0..=255).collect());
        let seen = machine.meet(&super::support::id(), Meet::Launch(&command), Position::default()).await;
        assert_eq!(seen.stdout, (0..=255).collect::<Vec<u8>>(), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_clears_up_what_ended_or_never_began_a_week_ago_and_nothing_that_runs() {
    for shell in SHELLS {
        let mut machine = Machine::new(shell);
        let (ended, never, runs, young) = (id(), id(), id(), id());
        machine.launch(&ended, "true").await;
        std::fs::create_dir(machine.folder(&never)).unwrap();
        machine.leave(&runs, "exec sleep 300").await;
        machine.launch(&young, "true").await;
        for id in [&ended, &never, &runs] {
            let aged = std::process::Command::new("touch").args(["-d", "9 days ago"]).arg(machine.folder(id)).status();
            assert!(aged.unwrap().success());
        }
        machine.forget();
        assert_eq!(machine.launch(&id(), "true").await.code(), 0, "{shell}");
        let left = [&ended, &never, &runs, &young].map(|id| machine.folder(id).exists());
        assert_eq!(left, [false, false, true, true], "{shell}");
    }
}
