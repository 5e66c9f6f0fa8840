//! The order of both outputs.

use corral_domain::Position;
use corral_engine::ports::Meet;

use super::support::{Machine, SHELLS, eventually, id, script};

/// Writes to one output, then to the other, with time between.
const TURNS: &str = "for i in 1 2 3; do echo out $i; sleep 2.5; echo err $i >&2; sleep 2.5; done";

fn turns(pieces: &[(char, String)]) -> String {
    let mut joined: Vec<(char, String)> = Vec::new();
    for (letter, text) in pieces {
        match joined.last_mut() {
            Some((last, all)) if last == letter => all.push_str(text),
            _ => joined.push((*letter, text.clone())),
        }
    }
    let texts: Vec<_> = joined.iter().map(|(letter, text)| format!("{letter}:{}", text.replace('\n', ","))).collect();
    texts.concat()
}

const EXPECTED: &str = "o:out 1,e:err 1,o:out 2,e:err 2,o:out 3,e:err 3,";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_in_turns_is_replayed_in_turns_whoever_was_attached() {
    let work = SHELLS.map(|shell| async move {
        let machine = Machine::new(shell);
        let (followed, left) = (id(), id());
        let command = script(TURNS);
        let leave = async {
            machine.until(&left, Meet::Launch(&command), Position::default(), |seen| seen.started).await;
            eventually("it has ended", || {
                let record = std::fs::read_to_string(machine.folder(&left).join("exit")).unwrap_or_default();
                record.trim_end().ends_with('.')
            })
            .await;
        };
        let (live, ()) = tokio::join!(machine.launch(&followed, TURNS), leave);
        assert_eq!(turns(&live.pieces), EXPECTED, "{shell}: live");
        for id in [&followed, &left] {
            let replayed = machine.attach(id).await;
            assert_eq!(turns(&replayed.pieces), EXPECTED, "{shell}: again, {}", id == &left);
        }
    });
    futures::future::join_all(work).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens_is_noticed_and_a_quiet_command_goes_on_with_its_supervisor_alone() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let id = id();
        machine.leave(&id, "sleep 300").await;
        let folder = machine.folder(&id);
        // The script that was attached stood in the capsule's folder.
        let attached = || {
            std::fs::read_dir("/proc")
                .unwrap()
                .flatten()
                .filter(|process| {
                    let cwd = std::fs::read_link(process.path().join("cwd")).unwrap_or_default();
                    let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                    cwd == folder && !line.windows(6).any(|word| word == b"scribe")
                })
                .count()
        };
        eventually("the script has gone", || attached() == 0).await;
        assert!(super::support::is_alive(machine.command(&id)), "{shell}");
    }
}
