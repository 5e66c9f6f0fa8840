//! What a guest asks of the host, by words: `!vms all`, `!submit TEMPLATE ARGS VM`. The answer as text.

use super::corral::host::{http, jobs, logs, secrets, vms};

/// The answer to a word that asks something; nothing for other words.
pub fn answer(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split(' ').collect();
    Some(match words[..] {
        ["!vm", id] => format!("{:?}", vms::get(id).map(|vm| (vm.name, vm.status))),
        ["!vms", selector] => format!("{:?}", vms::query(selector, None).map(|(found, next)| (names(found), next))),
        ["!vms-all", selector] => all(selector),
        ["!job", id] => format!("{:?}", jobs::get(id).map(|job| (job.template, job.status, job.targets.len()))),
        ["!jobs", limit] => {
            let found = jobs::recent(limit.parse().unwrap_or(0));
            format!("{:?}", found.map(|jobs| jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()))
        }
        ["!submit", template, args, ref targets @ ..] => {
            let targets: Vec<String> = targets.iter().map(|&id| id.to_owned()).collect();
            format!("{:?}", jobs::submit(template, args, &targets))
        }
        ["!cancel", id] => format!("{:?}", jobs::cancel(id)),
        ["!log", job, vm, first, count] => {
            let read = logs::read(job, vm, first.parse().unwrap_or(0), count.parse().unwrap_or(0));
            format!(
                "{:?}",
                read.map(|lines| lines.into_iter().map(|line| (line.number, line.text)).collect::<Vec<_>>())
            )
        }
        ["!fetch-twice", url] => format!("{} {}", fetch(url, &[]), fetch(url, &[])),
        ["!fetch", url, ref headers @ ..] => fetch(url, headers),
        ["!secret-of", name] => format!("{:?}", secrets::get(name)),
        _ => return None,
    })
}

/// Status and body of what is at a URL.
fn fetch(url: &str, headers: &[&str]) -> String {
    let headers = headers.iter().filter_map(|header| header.split_once('='));
    let request = http::Request {
        method: "GET".into(),
        url: url.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: None,
        timeout_ms: None,
    };
    let answer = http::fetch(&request);
    format!("{:?}", answer.map(|answer| (answer.status, String::from_utf8_lossy(&answer.body).into_owned())))
}

fn names(found: Vec<super::Vm>) -> Vec<String> {
    found.into_iter().map(|vm| vm.name).collect()
}

/// Follows all pages: how many there were, and how many VMs.
fn all(selector: &str) -> String {
    let (mut pages, mut count, mut cursor) = (0, 0, None);
    loop {
        match vms::query(selector, cursor.as_deref()) {
            Ok((found, next)) => {
                pages += 1;
                count += found.len();
                cursor = next;
            }
            Err(error) => return format!("{error:?}"),
        }
        if cursor.is_none() {
            return format!("{count} on {pages} pages");
        }
    }
}
