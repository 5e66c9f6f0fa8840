//! Everything a person types: `cargo xtask run`, `test`, `plugins`, `web`, `soak`, `bench`, `screenshots`.
//!
//! Depends on the standard library only, so that the first command on a fresh machine says something within seconds.
//! Every step prints what it does and how long it took; what is already done is recognised by the content of its
//! inputs and skipped. A missing tool stops the run with the one line that installs it: nothing is left out silently.
//! Must not know anything of the host's crates: it starts cargo, npm and the built binary, as a person would.

use std::process::ExitCode;

mod bench;
mod inputs;
mod plugins;
mod run;
mod screenshots;
mod shell;
mod soak;
mod sqlx;
mod steps;
mod suite;
mod tally;
mod tools;
mod types;
mod web;

const HELP: &str = "\
cargo xtask COMMAND

  run [--release] [-- ARGS]   build plugins, dashboard and host, start a demo fleet of SSH servers on this machine,
                              print the link; ARGS go to `corral demo`
  test [--full] [STEP…]       everything CI does; with steps, only those and what they need
                              --full also builds a plugin with cargo-component (installs it when missing)
  plugins                     build the bundled plugins for WebAssembly into target/plugins
  web                         install the dashboard's packages and build it into web/build
  types                       write web/openapi.json and the dashboard's types anew from the host's routes
  soak [--kills N] [--minutes M] [--seed S] [--lanes L]
                              kill connections, sshd and hosts under running jobs and compare every byte: 5,000 kills, an
                              hour at most; a seed gives the same again
  bench start                 release build, then the figures of docs/benchmarks.md
  bench fanout [OPTIONS]      release build, then `true` on many machines beside clush, pssh, Ansible, pyinfra, parallel-ssh and
                              asyncssh where they are installed (on the path or in CORRAL_BENCH_VENV), into the same page
                              --n 50,200,1000  --rounds 3  --only corral,clush  --print: write nothing
  bench logs [OPTIONS]        release build, then logs at their limits, into the same page: one machine's output beside ssh, clush
                              and Ansible, a fleet for ten minutes, opening and searching ten million lines beside rg, and
                              how soon a line is drawn in Chromium
                              --only cat,fleet,seek,search,browser  --mb 300  --rounds 3  --lines 10000000
                              --machines 200  --minutes 10  --print: write nothing
  bench plugins [OPTIONS]     release build, then what plugins cost, into the same page: a line in each filter beside the same code
                              native, compiling, loading, instances, a file written until it serves
                              --only cost,versions  --rounds 21  --print: write nothing
  bench web [OPTIONS]         what a picture of the dashboard costs with 1,000 machines, 10,000 jobs, a log of ten million lines and
                              100,000 lines/s, in Chromium, into the same page
                              only=choosing,machines,run,jobs,log,hose,scrolled  --print: write nothing
  screenshots                 take docs/screenshots anew from a running demo, in Chromium
  sqlx-prepare                describe the host's SQL queries anew, after one was changed
  help                        this text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["run", rest @ ..] => run::run(rest),
        ["test", rest @ ..] => suite::test(rest),
        ["plugins"] => tools::ensure(&tools::FOR_PLUGINS).and_then(|()| plugins::build()),
        ["web"] => tools::ensure(&tools::FOR_WEB).and_then(|()| web::install()).and_then(|()| web::build()),
        ["types"] => types::write(),
        ["soak", options @ ..] => soak::soak(options),
        ["bench", "start"] => bench::start(),
        ["bench", "fanout", rest @ ..] => bench::fanout(rest),
        ["bench", "logs", rest @ ..] => bench::logs(rest),
        ["bench", "plugins", rest @ ..] => bench::plugins(rest),
        ["bench", "web", rest @ ..] => bench::web(rest),
        ["screenshots"] => screenshots::take(),
        ["sqlx-prepare"] => sqlx::prepare(),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => Err(format!("no such command: {}\n\n{HELP}", other.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\nxtask: {message}");
            ExitCode::FAILURE
        }
    }
}
