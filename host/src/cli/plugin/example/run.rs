//! Runs an example on the real plugin host.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use corral_domain::{Grant, LineHead, Lines, Timestamp};
use corral_plugin_host::{Bench, LogEntry, Manifest, Setting, Workshop};

use super::compare::{Difference, compare};
use super::services::{MadeUp, started};
use super::web::{Web, grant_for};
use super::{Answer, Example, Expect, Filter, given};

/// How an example went.
#[derive(Debug)]
pub struct Outcome {
    /// What it shows.
    pub about: String,
    /// All that is not as it should be.
    pub differences: Vec<Difference>,
    /// What the plugin said, if it came so far.
    pub log: Vec<LogEntry>,
}

/// What a call came to.
struct Came {
    what: &'static str,
    expected: Option<Answer>,
    answer: Answer,
    problems: Option<Vec<String>>,
}

/// Runs one example of the plugin in a folder.
pub async fn run(workshop: &Workshop, folder: &Path, manifest: &Manifest, example: &Example) -> Outcome {
    let mut outcome = Outcome { about: example.about.clone(), differences: Vec::new(), log: Vec::new() };
    let bench = match load(workshop, folder, manifest, example).await {
        Ok(bench) => bench,
        Err(problem) => {
            outcome.differences.extend(about_end(&example.expect, Err(problem)));
            return outcome;
        }
    };
    let (bench, services, _files) = bench;
    let came = call(&bench, example).await;
    // A filter that lets lines by while it is down would hide that it fell.
    let came = match bench.fault() {
        Some(fault) => Err(fault),
        None => came,
    };
    outcome.log = bench.log();
    outcome.differences.extend(about_end(&example.expect, came));
    outcome.differences.extend(about_rest(&example.expect, &bench, &outcome.log));
    if let Some(expected) = &example.expect.started {
        let expected = expected.iter().map(|one| started(&one.template, &one.args, &one.vms)).collect();
        outcome.differences.extend(compare("started", &Answer(expected), &Answer(services.started())));
    }
    outcome
}

async fn load(
    workshop: &Workshop,
    folder: &Path,
    manifest: &Manifest,
    example: &Example,
) -> Result<(Bench, Arc<MadeUp>, tempfile::TempDir), String> {
    let place = tempfile::tempdir().map_err(|error| format!("no folder for the example's files: {error}"))?;
    let services = Arc::new(MadeUp::of(example)?);
    let setting = Setting {
        config: example.config.clone(),
        grant: example.grant.clone().or_else(|| Some(grants(example, manifest))),
        kv: example.kv.iter().map(|(key, value)| (key.clone(), value.clone().into_bytes())).collect(),
        folders: given::folders(&example.files, manifest, place.path())?,
        services: Some(services.clone()),
        web: Some(Arc::new(Web::of(&example.http))),
    };
    let bench = workshop.load(folder, setting).await.map_err(|error| error.to_string())?;
    Ok((bench, services, place))
}

/// All that is wanted, and what the example names where the operator would have to.
fn grants(example: &Example, manifest: &Manifest) -> BTreeSet<Grant> {
    let wanted = manifest.wants.iter().flat_map(|want| want.capability.to_grant());
    let secrets = example.secrets.keys().map(|name| format!("secrets:{name}"));
    let hosts = example.http.iter().filter_map(|answer| grant_for(&answer.url));
    wanted.chain(secrets).chain(hosts).filter_map(|grant| grant.parse().ok()).collect()
}

async fn call(bench: &Bench, example: &Example) -> Result<Came, String> {
    let expect = &example.expect;
    if let Some(filter) = &example.filter {
        let answer = Answer::of_lines(&through(bench, filter).await?);
        let expected = expect.lines.as_deref().map(Answer::of_expected_lines);
        return Ok(Came { what: "lines", expected, answer, problems: None });
    }
    if let Some(render) = &example.render {
        let machines: Vec<_> = render.vms.iter().enumerate().map(|(index, vm)| given::machine(index, vm)).collect();
        let args = if render.args.is_null() { serde_json::json!({}) } else { render.args.clone() };
        let commands = bench.render(&render.template, &args, &machines).await.map_err(|error| error.to_string())?;
        let expected = expect.commands.as_deref().map(Answer::of_expected_commands);
        return Ok(Came { what: "commands", expected, answer: Answer::of_commands(&commands), problems: None });
    }
    if example.discover.is_some() {
        let found = bench.discover().await.map_err(|error| error.to_string())?;
        let expected = expect.vms.as_deref().map(Answer::of_expected_machines);
        return Ok(Came { what: "vms", expected, answer: Answer::of_machines(&found), problems: None });
    }
    let offer = bench.templates();
    let answer = Answer::of_templates(&offer, bench);
    Ok(Came {
        what: "templates",
        expected: expect.templates.clone().map(Answer),
        answer,
        problems: Some(offer.problems),
    })
}

/// Lines through a filter, with those that it adds at the end.
async fn through(bench: &Bench, filter: &Filter) -> Result<Lines, String> {
    let info = given::stream(filter);
    let head = LineHead { at: Timestamp::from_millis(0), stream: info.stream, partial: false };
    let mut lines = Lines::default();
    for line in &filter.lines {
        lines.push(head, line.as_bytes());
    }
    let mut chain = bench.filter(info).await.map_err(|error| error.to_string())?;
    let mut out = chain.process(lines).await.map_err(|error| error.to_string())?;
    out.append(&mut chain.finish().await.map_err(|error| error.to_string())?);
    Ok(out)
}

/// Whether it ended as it should.
fn about_end(expect: &Expect, came: Result<Came, String>) -> Vec<Difference> {
    let came = match (came, &expect.error) {
        (Err(error), Some(part)) if error.contains(part.as_str()) => return Vec::new(),
        (Err(error), Some(part)) => {
            return vec![Difference::Said(format!("the error should have `{part}` in it; it is: {error}"))];
        }
        (Err(error), None) => return vec![Difference::Said(format!("it failed: {error}"))],
        (Ok(_), Some(part)) => {
            return vec![Difference::Said(format!("it should have failed with `{part}`, and went well"))];
        }
        (Ok(came), None) => came,
    };
    let mut differences = Vec::new();
    differences.extend(came.expected.and_then(|expected| compare(came.what, &expected, &came.answer)));
    if let (Some(expected), Some(problems)) = (&expect.problems, came.problems) {
        differences.extend(compare("problems", &Answer(expected.clone()), &Answer(problems)));
    }
    differences
}

/// What it said and kept.
fn about_rest(expect: &Expect, bench: &Bench, log: &[LogEntry]) -> Vec<Difference> {
    let unsaid = expect.log.iter().filter(|part| !log.iter().any(|entry| entry.text.contains(part.as_str())));
    let mut differences: Vec<_> =
        unsaid.map(|part| Difference::Said(format!("no line of the plugin's log has `{part}` in it"))).collect();
    for (key, expected) in &expect.kv {
        let kept = bench.kept(key).map(|value| String::from_utf8_lossy(&value).into_owned());
        if kept.as_ref() != Some(expected) {
            let kept = kept.map_or_else(|| "nothing".to_owned(), |kept| format!("`{kept}`"));
            differences.push(Difference::Said(format!("under the key `{key}` is {kept}; it should be `{expected}`")));
        }
    }
    differences
}
