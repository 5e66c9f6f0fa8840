//! What is given on standard input, and the password for sudo, is in no argument, in no environment, and nowhere in what the
//! host keeps or tells.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use corral_tests::account::SudoMachine;
use corral_tests::client::Client;
use corral_tests::fleet::Fleet;
use corral_tests::host::Site;
use reqwest::Method;
use serde_json::json;

use crate::{LONG, SOON, shared};

/// Long enough to be in no file by chance.
fn secret() -> String {
    format!("sesame-{}-{}", std::process::id(), "q7Zr2Kx9".repeat(3))
}

/// Reads the arguments and the environment of every process, again and again, and tells how often each text was found.
struct Watcher {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<u64>>,
}

impl Watcher {
    fn start(texts: Vec<String>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut found = vec![0; texts.len()];
            while !stopped.load(Ordering::Acquire) {
                for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
                    for file in ["cmdline", "environ"] {
                        // Processes end while they are looked at.
                        let bytes = std::fs::read(entry.path().join(file)).unwrap_or_default();
                        for (text, count) in texts.iter().zip(&mut found) {
                            *count += u64::from(contains(&bytes, text));
                        }
                    }
                }
            }
            found
        });
        Self { stop, thread }
    }

    fn stop(self) -> Vec<u64> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().expect("the watcher looked to the end")
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Files below a folder that have a text in them.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).is_ok_and(|bytes| contains(&bytes, text)) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_is_seen_by_the_command_and_by_nobody_else() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?;
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    let secret = secret();
    let control = format!("control-{}", std::process::id());

    let watcher = Watcher::start(vec![secret.clone(), control.clone()]);
    let mut jobs = Vec::new();
    for mode in ["direct", "durable"] {
        // What is in the script is seen by everybody: it shows that the watcher looks.
        let script = format!("n=$(cat | wc -c); sleep 1; echo {control} $n");
        let job = json!({"command": {"script": script}, "targets": {"vms": vms}, "mode": mode, "stdin": secret});
        jobs.push(client.start_job(&job).await?);
    }
    for job in &jobs {
        let done = client.finished(job, LONG).await?;
        ensure!(done["status"] == "succeeded", "{done}");
        ensure!(!done.to_string().contains(&secret), "the job tells it: {done}");
        let expected = format!("{control} {}", secret.len());
        ensure!(client.texts(job, &vms[0]).await? == [expected], "the command read it all");
    }
    let found = watcher.stop();
    ensure!(found[1] > 0, "the watcher sees what there is to be seen");
    ensure!(found[0] == 0, "it stood in arguments or an environment {} times", found[0]);
    ensure!(!client.get("/api/events?since=0").await?.ok()?.to_string().contains(&secret), "the events tell it");

    host.stop()?;
    ensure!(!files_with(&site.path(""), &vms[0]).is_empty(), "the search finds what there is to be found");
    let kept = files_with(&site.path(""), &secret);
    ensure!(kept.is_empty(), "kept in {kept:?}");
    Ok(())
}

/// A text as it is, and as a program shows bytes that it takes for no text.
fn forms(text: &str) -> [String; 3] {
    let list: Vec<_> = text.bytes().map(|byte| byte.to_string()).collect();
    let hex = text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    [text.to_owned(), list.join(", "), hex]
}

/// Everything that the API tells of a machine and its jobs.
async fn answers(client: &Client, vm: &str, jobs: &[String]) -> Result<Vec<(String, String)>> {
    let mut paths: Vec<_> = ["/api/jobs", "/api/vms", "/api/secrets", "/api/settings", "/api/plugins"]
        .map(str::to_owned)
        .into_iter()
        .chain(["/api/events?since=0".to_owned(), format!("/api/vms/{vm}/jobs")])
        .collect();
    for job in jobs {
        paths.push(format!("/api/jobs/{job}"));
        paths.push(format!("/api/jobs/{job}/groups?stream=both"));
        paths.push(format!("/api/jobs/{job}/tasks/{vm}/log"));
    }
    let mut told = Vec::new();
    for path in paths {
        let answer = client.get(&path).await?.ok()?.to_string();
        told.push((path, answer));
    }
    Ok(told)
}

/// A template that hands a secret on as it should.
const LOGIN: &str = "id: login
title: Log in
parameters:
  - {name: user}
  - {name: token, secret: true}
argv: [sh, -c, 'echo $1 $(wc -c)', login, '{{user}}']
stdin: '{{token}}'
";

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_parameter_of_a_template_is_seen_by_the_command_and_by_nobody_else() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?.with_env("RUST_LOG", "trace");
    let templates = site.dir("templates")?;
    std::fs::write(templates.join("login.yaml"), LOGIN)?;
    let site = site.with_args(&["--templates", &templates.to_string_lossy()]);
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    let secret = secret();

    let args = json!({"user": "ruth", "token": secret});
    let mut job =
        json!({"template": {"id": "templates/login", "args": args}, "targets": {"vms": vms}, "dry_run": true});
    client.plugins_settled(SOON).await?;
    let preview = client.post("/api/jobs", &job).await?.ok()?;
    ensure!(preview.to_string().contains("ruth") && !preview.to_string().contains(&secret), "the preview: {preview}");
    job["dry_run"] = json!(false);
    let id = client.start_job(&job).await?;
    let done = client.finished(&id, LONG).await?;
    ensure!(done["template"] == json!({"id": "templates/login", "args": {"user": "ruth"}}), "{done}");
    ensure!(client.texts(&id, &vms[0]).await? == [format!("ruth {}", secret.len())], "the command read it all");
    for (path, answer) in answers(&client, &vms[0], &[id]).await? {
        ensure!(!answer.contains(&secret), "{path} tells it: {answer}");
    }

    host.stop()?;
    let log = std::fs::read_to_string(site.path("host.log"))?;
    ensure!(log.contains("TRACE"), "the host tells all that it can tell");
    for form in forms(&secret) {
        let kept = files_with(&site.path(""), &form);
        ensure!(kept.is_empty(), "kept in {kept:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_for_sudo_is_seen_by_sudo_and_by_nobody_else() -> Result<()> {
    let _machine = shared().await;
    let secret = secret();
    let Some(machine) = SudoMachine::start(125, &secret)? else { return Ok(()) };
    let site = Site::new()?.with_env("RUST_LOG", "trace");
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let control = format!("control-{}", std::process::id());

    let watcher = Watcher::start(vec![secret.clone(), control.clone()]);
    client.send(Method::PUT, "/api/secrets/sudo", Some(&json!({"value": secret}))).await?.ok()?;
    let vm = client.add_vm(&machine.vm()).await?;
    let mut jobs = Vec::new();
    // The last one is cancelled, for which the password is needed a second time.
    for (mode, end) in [("direct", "sleep 1"), ("durable", "sleep 1"), ("durable", "sleep 300")] {
        let mut job = json!({"command": {"script": format!("echo {control} $(id -un); {end}")},
            "targets": {"vms": [vm]}, "mode": mode, "run_as": machine.run_as("sudo"), "dry_run": true});
        let preview = client.post("/api/jobs", &job).await?.ok()?;
        ensure!(!preview.to_string().contains(&secret), "the preview tells it: {preview}");
        job["dry_run"] = json!(false);
        let job = client.start_job(&job).await?;
        client.job_when(&job, LONG, |job| job["tasks"][0]["lines"] == 1).await?;
        let lies = files_with(&machine.sshd.path(""), &secret);
        ensure!(lies.is_empty(), "{mode}: while the command runs it lies on the machine in {lies:?}");
        jobs.push(job);
    }
    client.post(&format!("/api/jobs/{}/cancel", jobs[2]), &json!({})).await?.ok()?;
    for (job, status) in jobs.iter().zip(["succeeded", "succeeded", "cancelled"]) {
        let done = client.finished(job, LONG).await?;
        ensure!(done["status"] == status, "{done}");
        // A shell that is cancelled may say so in a second line.
        let said = client.texts(job, &vm).await?;
        ensure!(said.first() == Some(&format!("{control} {}", machine.app.name)), "it said {said:?}: {done}");
    }
    let found = watcher.stop();
    ensure!(found[1] > 0, "the watcher sees what there is to be seen");
    ensure!(found[0] == 0, "it stood in arguments or an environment {} times", found[0]);
    let told = answers(&client, &vm, &jobs).await?;
    ensure!(told.iter().any(|(_, answer)| answer.contains(&control)), "the answers tell what there is to be told");
    for (path, answer) in told {
        ensure!(!answer.contains(&secret), "{path} tells it: {answer}");
    }

    host.stop()?;
    let log = std::fs::read_to_string(site.path("host.log"))?;
    ensure!(log.contains("DEBUG") && log.contains("TRACE"), "the host tells all that it can tell");
    for form in forms(&secret) {
        ensure!(!log.contains(&form), "the host's log has `{form}`");
    }
    // All that the host keeps: audit rows and events in the database, the logs, its own log.
    ensure!(!files_with(&site.path(""), &vm).is_empty(), "the search finds what there is to be found");
    let kept = files_with(&site.path(""), &secret);
    ensure!(kept.is_empty(), "kept in {kept:?}");
    let left = files_with(&machine.sshd.path(""), &secret);
    ensure!(left.is_empty(), "left on the machine in {left:?}");
    Ok(())
}
