//! Many launches at once, and many attachments that are cut off.

use corral_domain::Position;
use corral_engine::ports::Meet;

use super::support::{Machine, SHELLS, Seen, id, script};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_launches_at_once_start_it_once_and_all_of_them_see_all_of_it() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let (id, trace) = (id(), machine.home.path().join("trace"));
        let text = format!("echo started >>'{}'; echo out; echo err >&2; sleep 0.3; echo end; exit 6", trace.display());
        let all = futures::future::join_all((0..50).map(|_| machine.launch(&id, &text))).await;
        for seen in all {
            assert_eq!((seen.code(), seen.out().as_str(), seen.err().as_str()), (6, "out\nend\n", "err\n"), "{shell}");
        }
        assert_eq!(std::fs::read_to_string(trace).unwrap(), "started\n", "{shell}");
    }
}

/// Numbers that look random and follow from a seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_cut_off_anywhere_add_up_to_the_same_bytes() {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).unwrap();
    let seed = u64::from_le_bytes(seed);
    println!("seed {seed}");
    for shell in SHELLS {
        let mut numbers = Numbers(seed);
        let machine = Machine::new(shell);
        let id = id();
        // Slow enough that much of it is written while somebody is attached.
        let text = "i=0; while [ $i -lt 150 ]; do i=$((i+1)); seq $i 400; seq -s, $i 200 >&2; done; exit 8";
        let expected = std::process::Command::new("/bin/sh").arg("-c").arg(text).output().unwrap();
        let command = script(text);
        let (mut out, mut err, mut cut) = (Vec::new(), Vec::new(), 0);
        let code = loop {
            let enough = numbers.below(15_000) as usize;
            let from = Position { stdout: out.len() as u64, stderr: err.len() as u64 };
            let limit = |seen: &Seen| seen.stdout.len() + seen.stderr.len() > enough;
            let seen = machine.until(&id, Meet::Launch(&command), from, limit).await;
            out.extend_from_slice(&seen.stdout);
            err.extend_from_slice(&seen.stderr);
            if seen.end.is_some() && out.len() == expected.stdout.len() && err.len() == expected.stderr.len() {
                break seen.code();
            }
            cut += 1;
        };
        assert_eq!(code, 8, "{shell}, seed {seed}");
        assert!(out == expected.stdout && err == expected.stderr, "{shell}, seed {seed}: after {cut} cuts");
        assert!(cut > 5, "{shell}, seed {seed}: only {cut} cuts");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_come_through_whole() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let begun = std::time::Instant::now();
        let seen = machine.launch(&id(), "head -c 104857600 /dev/zero | tr '\\0' x; echo end >&2").await;
        println!("{shell}: {:?}", begun.elapsed());
        assert_eq!((seen.code(), seen.stdout.len(), seen.err().as_str()), (0, 104_857_600, "end\n"), "{shell}");
        assert!(seen.stdout.iter().all(|byte| *byte == b'x'), "{shell}");
    }
}
