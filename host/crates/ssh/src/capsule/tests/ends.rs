//! Ends that cannot be known, and cancelled ones.

use corral_engine::ports::{CapsuleError, CapsuleState, Capsules as _};

use super::support::{Machine, SHELLS, eventually, id, is_alive, kill};

fn lost(error: &CapsuleError) -> &str {
    match error {
        CapsuleError::Lost(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_supervisor_does_not_take_the_output_along() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let (id, go) = (id(), machine.home.path().join("go"));
        machine.leave(&id, &format!("while [ ! -e '{}' ]; do sleep 0.1; done; echo late; exit 3", go.display())).await;
        kill(machine.supervisor(&id));
        assert_eq!(machine.runner.stat(&machine.target, &id).await, Ok(CapsuleState::Running), "{shell}");
        std::fs::write(go, "").unwrap();
        let seen = machine.attach(&id).await;
        assert!(lost(seen.error()).contains("supervisor was killed"), "{shell}: {:?}", seen.end);
        assert_eq!(seen.out(), "late\n", "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_supervisor_and_command_killed_the_end_is_not_known() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let id = id();
        machine.leave(&id, "echo begun; exec sleep 300").await;
        eventually("it has written", || std::fs::read(machine.folder(&id).join("out")).unwrap() == b"begun\n").await;
        kill(machine.supervisor(&id));
        kill(machine.command(&id));
        let seen = machine.attach(&id).await;
        assert!(lost(seen.error()).contains("supervisor was killed"), "{shell}: {:?}", seen.end);
        assert_eq!(seen.out(), "begun\n", "{shell}");
        let state = machine.runner.stat(&machine.target, &id).await.unwrap();
        assert!(matches!(state, CapsuleState::Lost(_)), "{shell}: {state:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pids_that_others_have_now_and_another_boot_are_recognised() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let (recycled, rebooted) = (id(), id());
        for id in [&recycled, &rebooted] {
            machine.leave(id, "exec sleep 300").await;
        }
        let begin = [2, 5].map(|word| machine.record(&recycled)[word].clone());
        machine.forge(&recycled, 2, &format!("{}1", begin[0]));
        machine.forge(&recycled, 5, &format!("{}1", begin[1]));
        let seen = machine.attach(&recycled).await;
        assert!(lost(seen.error()).contains("supervisor was killed"), "{shell}: {:?}", seen.end);
        machine.forge(&rebooted, 3, "00000000-0000-0000-0000-000000000000");
        let seen = machine.attach(&rebooted).await;
        assert!(lost(seen.error()).contains("was rebooted"), "{shell}: {:?}", seen.end);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_folder_is_missing_also_while_it_is_followed() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let id = id();
        machine.leave(&id, "echo begun; exec sleep 300").await;
        let command = machine.command(&id);
        let (seen, ()) = tokio::join!(machine.attach(&id), async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            std::fs::remove_dir_all(machine.folder(&id)).unwrap();
        });
        // Output that was sent and is not there any more is no reason to call it another's.
        assert_eq!((seen.error(), seen.out().as_str()), (&CapsuleError::Missing, "begun\n"), "{shell}");
        assert!(is_alive(command));
        // Its mark is still on it, though no folder tells of it.
        std::fs::create_dir(machine.folder(&id)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_that_was_cut_off_starts_nothing_later() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let id = id();
        std::fs::create_dir_all(machine.folder(&id)).unwrap();
        let seen = machine.launch(&id, "echo ran").await;
        assert!(
            matches!(seen.error(), CapsuleError::Refused(why) if why.contains("cut off")),
            "{shell}: {:?}",
            seen.end
        );
        assert_eq!(seen.out(), "");
    }
}
