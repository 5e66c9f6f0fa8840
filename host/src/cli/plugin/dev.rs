//! `corral plugin dev`: at every change, builds a project and loads it into a running host; meanwhile shows what it says.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use serde_json::Value;

use super::install::send;
use super::pack::pack;
use super::project::Project;
use crate::cli::client::Client;
use crate::cli::connect::Connect;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Paint, field, safe};

/// How often sources are looked at, and the host is asked.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// What to work on.
#[derive(Debug, clap::Args)]
#[command(after_help = "It goes on until ^C. The plugin stays in the host; `corral plugin rm ID` takes it out.")]
pub struct Dev {
    /// The project's folder.
    #[arg(default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    connect: Connect,
}

/// Builds, loads and shows until it is interrupted.
pub async fn run(args: Dev) -> Result<Exit> {
    let client = args.connect.client()?;
    // What is wrong with the folder itself is said at once.
    Project::open(&args.dir)?;
    let work = Work { dir: args.dir, client, seen: None, id: None, state: String::new(), log: Vec::new() };
    tokio::select! {
        ended = work.go_on() => ended.map(|()| Exit::Ok),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            Ok(Exit::Ok)
        }
    }
}

struct Work {
    dir: PathBuf,
    client: Client,
    /// When the sources that were built last were changed.
    seen: Option<SystemTime>,
    id: Option<String>,
    state: String,
    log: Vec<Value>,
}

impl Work {
    async fn go_on(mut self) -> Result<()> {
        loop {
            // A manifest that is half written is looked at again.
            let project = Project::open(&self.dir);
            let changed = project.as_ref().ok().and_then(Project::changed_at);
            if changed.is_some() && changed != self.seen {
                self.seen = changed;
                match project {
                    Ok(project) => self.load(&project).await,
                    Err(failure) => tell(&failure),
                }
            }
            if let Err(failure) = self.show().await {
                if failure.exit != Exit::Unreachable {
                    return Err(failure.into());
                }
                self.told("the host does not answer");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn load(&mut self, project: &Project) {
        let begun = Instant::now();
        let loaded = match pack(project).await {
            Ok(package) => {
                if self.id.is_none() {
                    // What it said before this began is not news.
                    self.log = self.said(&project.manifest.id).await.unwrap_or_default();
                }
                send(&self.client, package).await
            }
            Err(failure) => Err(failure),
        };
        match loaded {
            Ok(plugin) => {
                let took = begun.elapsed().as_millis();
                let paint = Paint::stdout();
                let (id, version) = (field(&plugin, "id"), safe(&field(&plugin, "version")));
                say!(
                    "{} {} {version}, generation {}, {took} ms",
                    paint.sgr("32", "loaded"),
                    safe(&id),
                    field(&plugin, "generation")
                );
                self.id = Some(id);
            }
            Err(failure) => tell(&failure),
        }
    }

    /// How it fares and what it said since the last look.
    async fn show(&mut self) -> Result<(), Failure> {
        let Some(id) = self.id.clone() else { return Ok(()) };
        let plugin = match self.client.get(&["api", "plugins", &id], &[]).await {
            Ok(plugin) => plugin,
            Err(failure) if failure.exit == Exit::NotFound => {
                self.told("it was taken out of the host");
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        let reason = safe(&field(&plugin, "reason"));
        let state = field(&plugin, "state");
        let text = if reason.is_empty() { state.clone() } else { format!("{state}: {reason}") };
        self.told(&text);
        let log = self.said(&id).await?;
        for line in new_lines(&self.log, &log) {
            let [level, text] = ["level", "text"].map(|key| safe(&field(line, key)));
            say!("{}  {text}", Paint::stdout().sgr("2", &format!("{level:5}")));
        }
        self.log = log;
        Ok(())
    }

    async fn said(&self, id: &str) -> Result<Vec<Value>, Failure> {
        let answer = self.client.get(&["api", "plugins", id, "logs"], &[]).await?;
        Ok(answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Says how it fares if that is news.
    fn told(&mut self, state: &str) {
        if self.state != state {
            state.clone_into(&mut self.state);
            let (word, rest) = state.split_once(':').unwrap_or((state, ""));
            say!(
                "{}{}",
                Paint::stdout().status(word),
                if rest.is_empty() { String::new() } else { format!(":{rest}") }
            );
        }
    }
}

/// What is wrong; the work goes on.
fn tell(failure: &Failure) {
    say!("{} {}", Paint::stdout().sgr("31", "failed"), failure.message);
    if let Some(hint) = &failure.hint {
        say!("       {hint}");
    }
}

/// Lines at the end of `now` that were not in `before`. A host keeps only the last ones, so the front may be gone.
fn new_lines<'a>(before: &[Value], now: &'a [Value]) -> &'a [Value] {
    let most = before.len().min(now.len());
    let same = (0..=most).rev().find(|same| before[before.len() - same..] == now[..*same]);
    &now[same.unwrap_or(0)..]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_lines_that_were_not_there_are_new_also_when_old_ones_fell_out() {
        let lines = |numbers: &[u64]| numbers.iter().map(|number| json!({ "text": number })).collect::<Vec<_>>();
        for (before, now, new) in [
            (vec![], vec![1, 2], vec![1, 2]),
            (vec![1, 2], vec![1, 2], vec![]),
            (vec![1, 2, 3], vec![2, 3, 4], vec![4]),
            (vec![1, 2], vec![7, 8], vec![7, 8]),
            (vec![1, 1], vec![1, 1, 1], vec![1]),
        ] {
            assert_eq!(new_lines(&lines(&before), &lines(&now)), lines(&new), "{before:?} {now:?}");
        }
    }
}
