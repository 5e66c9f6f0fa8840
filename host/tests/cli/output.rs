//! Commands on what jobs wrote: search, export, and the care of the files.

use serde_json::Value;

use crate::clients::Fleet;

#[test]
fn a_search_prints_lines_under_the_name_of_their_machine_and_ends_as_grep_does() {
    let fleet = Fleet::new();
    let script = "echo alpha; echo beta; echo GAMMA >&2; seq 1 50";
    assert_eq!(fleet.ask(&["run", "--vm", "here-1", "--quiet", "--script", script]).code, 0);
    let found = fleet.ask(&["search", "beta"]);
    assert_eq!(found.code, 0, "{}", found.err);
    assert!(found.out.starts_with("here-1  job "), "{}", found.out);
    assert!(found.out.ends_with("2: beta\n"), "{}", found.out);
    assert_eq!(found.err, "", "no progress into a pipe");
    let found = fleet.ask(&["search", "-i", "-E", "^gamma$", "--stream", "stderr", "--vm", "here-1", "--job", "last"]);
    assert_eq!(found.code, 0, "{}", found.err);
    assert!(found.out.contains("GAMMA"), "{}", found.out);
    let found = fleet.ask(&["search", "-E", "^2[45]$", "-C", "1", "--since", "1h"]);
    let numbers: Vec<_> = found.out.lines().skip(1).map(|line| line.split_whitespace().last().unwrap()).collect();
    assert_eq!(numbers, ["23", "24", "25", "26"], "a line is shown once: {}", found.out);
    let found = fleet.ask(&["search", "alpha", "--json"]);
    let messages: Vec<Value> = found.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&messages[0]["type"], &messages[0]["line"]["text"]), (&"hit".into(), &"alpha".into()));
    assert_eq!(messages.last().unwrap()["type"], "end");

    assert_eq!(fleet.ask(&["search", "nowhere"]).code, 1);
    let refused = fleet.ask(&["search", "-E", "a("]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("unclosed group at character 2"), "{}", refused.err);
    assert_eq!(fleet.ask(&["search", "a", "--since", "soon"]).code, 2);
    assert_eq!(fleet.ask(&["search", "a", "--vm", "heer-1"]).code, 6);
    assert_eq!(fleet.ask(&["search"]).code, 2, "nothing to search for");
}

/// Memory of a process in KiB, as the system counts it.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_job_is_exported_as_an_archive_that_tar_reads() {
    let fleet = Fleet::new();
    let script = "echo \"I am $0\"; printf 'no \\033[1mend'";
    assert_eq!(fleet.ask(&["run", "-l", "all", "--quiet", "--script", script]).code, 0);
    let archive = fleet.site.path("job.tar.gz");
    let name = archive.to_str().unwrap();
    let exported = fleet.ask(&["job", "export", "last", "--compress", "gzip", "--ansi", "strip", "-o", name]);
    assert_eq!(exported.code, 0, "{}", exported.err);
    let folder = fleet.site.path("out");
    std::fs::create_dir(&folder).unwrap();
    let mut tar = std::process::Command::new("tar");
    let unpacked = tar.args(["-xzf", name, "--strip-components=1", "-C", folder.to_str().unwrap()]).output().unwrap();
    assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
    assert_eq!(unpacked.stderr, b"", "tar has nothing to complain of");
    for name in ["here-1.log", "here-2.log"] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(text.starts_with("I am ") && text.ends_with("\nno end"), "{name}: {text:?}");
    }
    let described: Value = serde_json::from_slice(&std::fs::read(folder.join("job.json")).unwrap()).unwrap();
    assert_eq!((&described["status"], &described["tasks"][1]["lines"]), (&"succeeded".into(), &2.into()));

    let refused = fleet.ask(&["job", "export", "last", "-o", name]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("--force"), "{}", refused.err);
    assert_eq!(fleet.ask(&["job", "export", "last", "--force", "-o", name]).code, 0);
    let one = fleet.ask(&["job", "export", "last", "--vm", "here-1", "-o", "-"]);
    assert!(one.code == 0 && one.raw.ends_with(b"\nno \x1b[1mend"), "{:?}", one.out);
    assert_eq!(fleet.ask(&["job", "export", "last", "--vm", "heer-1"]).code, 6);
    assert_eq!(fleet.ask(&["job", "export", "last", "--vm", "here-2", "--format", "ndjson"]).code, 0);
    let names = std::fs::read_dir(fleet.site.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    assert!(names.iter().any(|name| name.ends_with("-here-2.ndjson")), "{names:?}");
    assert!(!names.iter().any(|name| name.contains(".part")), "{names:?}");
}

#[test]
fn a_download_by_a_slow_client_is_whole_and_costs_the_host_no_memory() {
    use std::io::{Read as _, Write as _};

    const LINES: usize = 90_000;
    const LINE: usize = 1_000;
    /// What may come together: windows, compression, allocator; a fifth of what is sent.
    const GROWTH_KIB: u64 = 18_000;
    let fleet = Fleet::new();
    // Compiling plugins takes memory too, and is no part of this.
    while fleet.ask(&["plugin", "ls", "--json"]).out.contains("\"compiling\"") {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let text = "x".repeat(LINE);
    let script = format!("yes {text} | head -n {LINES}");
    let started = fleet.ask(&["run", "--vm", "here-1", "--group", "--quiet", "--script", &script]);
    assert_eq!(started.code, 0, "{}", started.err);
    let job = fleet.ask(&["job", "ls", "--json", "-n", "1"]);
    let job: Value = serde_json::from_str(&job.out).unwrap();
    let (id, vm) = (job[0]["id"].as_str().unwrap(), job[0]["targets"][0].as_str().unwrap());
    // Once, so that what the host keeps for later requests is there.
    assert_eq!(fleet.ask(&["job", "export", "last", "--vm", "here-1", "-o", "-"]).raw.len(), LINES * (LINE + 1));

    let address = fleet.host.url.strip_prefix("http://").unwrap();
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let token = &fleet.token;
    let ask = format!(
        "GET /api/jobs/{id}/tasks/{vm}/log/export HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    socket.write_all(ask.as_bytes()).unwrap();
    let (mut received, mut piece, mut head) = (0, [0_u8; 16 * 1024], Vec::new());
    let before = resident_kib(fleet.host.pid());
    loop {
        let n = socket.read(&mut piece).unwrap();
        if n == 0 {
            break;
        }
        let mut body = &piece[..n];
        if received == 0 && !head.ends_with(b"\r\n\r\n") {
            let end = body.windows(4).position(|four| four == b"\r\n\r\n").map_or(n, |at| at + 4);
            head.extend_from_slice(&body[..end]);
            body = &body[end..];
        }
        for byte in body {
            let expected = if received % (LINE + 1) == LINE { b'\n' } else { b'x' };
            assert_eq!(*byte, expected, "at byte {received}");
            received += 1;
        }
        let now = resident_kib(fleet.host.pid());
        assert!(now < before + GROWTH_KIB, "the host grew from {before} to {now} KiB after {received} bytes");
    }
    assert!(head.starts_with(b"HTTP/1.0 200"), "{}", String::from_utf8_lossy(&head));
    assert_eq!(received, LINES * (LINE + 1));
}

#[test]
fn damage_on_the_disk_is_found_repaired_and_told_to_readers() {
    let fleet = Fleet::new();
    // Noise, so that what is stored fills pages of its own.
    let script = "head -c 60000 /dev/urandom | base64 -w 100; echo last";
    assert_eq!(fleet.ask(&["run", "--vm", "here-1", "--quiet", "--script", script]).code, 0);
    let Fleet { site, token, host } = fleet;
    let data = site.data();
    let doctor = |more: &[&str]| site.run(&[&["doctor", "--logs", "--data", data.to_str().unwrap()], more].concat());
    let whole = doctor(&["--json"]);
    assert_eq!(whole.code, 0, "beside a running host: {}", whole.err);
    let report: Value = serde_json::from_str(&whole.out).unwrap();
    assert_eq!((&report[0]["logs"], &report[0]["findings"]), (&1.into(), &0.into()));
    assert_eq!(doctor(&["--repair"]).code, 11, "a host works on the files");
    assert_eq!(host.stop(), Some(0));

    let file = report[0]["file"].as_str().unwrap();
    let mut bytes = std::fs::read(file).unwrap();
    // Every chunk, also what is left of those that were joined: a byte near its beginning lies in the same page.
    let chunks = bytes.windows(4).enumerate().filter(|(_, four)| four == b"CL\x01\x01").map(|(at, _)| at);
    let chunks: Vec<usize> = chunks.collect();
    assert!(!chunks.is_empty(), "a chunk is in the file");
    for chunk in chunks {
        bytes[chunk + 100] ^= 1;
    }
    std::fs::write(file, &bytes).unwrap();
    let found = doctor(&[]);
    assert_eq!(found.code, 1, "{}{}", found.out, found.err);
    assert!(
        found.out.contains("cannot be read: the checksum differs") && found.out.contains("--repair"),
        "{}",
        found.out
    );
    let repaired = doctor(&["--repair"]);
    assert_eq!(repaired.code, 0, "{}{}", repaired.out, repaired.err);
    assert!(repaired.out.contains(".before-repair"), "{}", repaired.out);
    let after = doctor(&["--json"]);
    let report: Value = serde_json::from_str(&after.out).unwrap();
    assert_eq!((after.code, &report[0]["findings"]), (0, &0.into()));
    assert!(report[0]["marked_lines"].as_u64().unwrap() > 0, "{report}");

    let _host = site.serve(&[]);
    let export = site.ask(&token, &["job", "export", "last", "--vm", "here-1", "-o", "-"]);
    assert!(export.out.contains("are damaged on disk]"), "{}", export.out);
    let nothing = site.ask(&token, &["search", "no such text"]);
    assert_eq!(nothing.code, 12, "nothing was found, and not everything was searched");
    assert!(nothing.err.contains("damaged"), "{}", nothing.err);
}
