//! What happens on the machine itself.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corral_tests::faults::machine::{kill_all, supervisor_of};
use corral_tests::faults::verdict::Wanted;
use corral_tests::sshd::Options;

use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_removed_makes_the_end_unknown_and_nothing_is_run_again() -> Result<()> {
    let scene = Scene::new(30).await?;
    let job = scene.running(2_000).await?;
    std::fs::remove_dir_all(scene.capsule(&job))?;
    scene.unknown(&job, "is gone", Wanted::AnyBeginning).await?;
    scene.command_gone(&job).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_supervisor_a_command_is_followed_to_its_end_which_is_then_unknown() -> Result<()> {
    let scene = Scene::new(31).await?;
    let job = scene.running(2_500).await?;
    kill_all([supervisor_of(&scene.capsule(&job))?]);
    scene.unknown(&job, "supervisor was killed", Wanted::Written).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_killed_with_its_supervisor_is_not_running_any_more() -> Result<()> {
    let scene = Scene::new(32).await?;
    let job = scene.running(60_000).await?;
    kill_all([supervisor_of(&scene.capsule(&job))?]);
    scene.kill_processes(&job);
    scene.unknown(&job, "supervisor was killed", Wanted::Beginning).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_killed_alone_has_failed_by_a_signal() -> Result<()> {
    let scene = Scene::new(33).await?;
    let job = scene.running(60_000).await?;
    kill_all(job.account.pids());
    let task = scene.ended(&job).await?;
    ensure!(task["status"] == "failed" && (task["exit_code"] == 137 || task["signal"] == "KILL"), "{task}");
    scene.judge(&job, &task, Wanted::Beginning).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reboot_makes_the_end_unknown_although_pids_look_alive() -> Result<()> {
    let options = Options {
        mounts: "[ -s \"$MACHINE/boot_id\" ] || cat /proc/sys/kernel/random/uuid >\"$MACHINE/boot_id\"\n\
                 mount --bind \"$MACHINE/boot_id\" /proc/sys/kernel/random/boot_id"
            .to_owned(),
        ..Options::default()
    };
    let scene = Scene::with(34, "", options).await?;
    let job = scene.running(60_000).await?;
    // What a person sees who comes back before all is down: another boot, and processes that could be meant.
    std::fs::write(scene.machine.sshd().path("boot_id"), "00000000-0000-4000-8000-000000000001\n")?;
    scene.machine.restart_sshd(Duration::from_millis(200), None).await?;
    let unknown = scene.unknown(&job, "rebooted", Wanted::AnyBeginning).await;
    scene.kill_processes(&job);
    unknown
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pid_that_is_somebody_elses_now_is_not_taken_for_the_command() -> Result<()> {
    let scene = Scene::new(35).await?;
    let job = scene.running(60_000).await?;
    let file = scene.capsule(&job).join("pid");
    let text = std::fs::read_to_string(&file)?;
    let supervisor = supervisor_of(&scene.capsule(&job))?;
    kill_all([supervisor]);
    scene.kill_processes(&job);
    // This test's own pid, with the start times of those who had the pids before.
    let here = std::process::id().to_string();
    let gone: Vec<String> = job.account.pids().iter().chain([&supervisor]).map(u32::to_string).collect();
    let words: Vec<&str> =
        text.split(' ').map(|word| if gone.iter().any(|pid| pid == word) { here.as_str() } else { word }).collect();
    std::fs::write(&file, words.join(" "))?;
    scene.unknown(&job, "supervisor was killed", Wanted::Beginning).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_is_the_commands_error_and_what_it_wrote_before_is_stored() -> Result<()> {
    let options =
        Options { mounts: "mount -t tmpfs -o size=256k tmpfs \"$MACHINE/home\"".to_owned(), ..Options::default() };
    let scene = Scene::with(36, "", options).await?;
    let (_, account) = scene.prepare("filler", 1)?;
    // More than fits, whatever the seed makes of it.
    let mut seed = crate::seed(36);
    let workload = loop {
        let workload = corral_tests::faults::workload::Workload { seed: seed >> 8, millis: 3_000 };
        if workload.outputs().len() > 1 << 20 {
            break workload;
        }
        seed = corral_tests::faults::random::mix(seed);
    };
    let id = scene.keeper.run(&account.script(workload)?, &scene.vm).await?;
    let job = crate::scene::Job { id, workload, account };
    let task = scene.ended(&job).await?;
    ensure!(job.account.failed(), "the disk was never full: {task}");
    let code = corral_tests::faults::writer::CANNOT_WRITE;
    ensure!(task["status"] == "failed" && task["exit_code"] == code, "{task}");
    scene.judge(&job, &task, Wanted::Beginning).await.context("a full disk")
}
