//! Starts that must not happen, each with its own exit code and advice; and how a host ends.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Site, path};

#[test]
fn a_second_host_on_one_folder_is_refused_by_the_pid_of_the_first() {
    let site = Site::new();
    let first = site.serve(&[]);
    let second = site.run(&["serve", "--data", path(&site.data()), "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, 11, "{}", second.err);
    assert!(second.err.contains(&first.pid().to_string()), "{}", second.err);
    assert!(second.err.contains("--data"), "{}", second.err);
}

#[test]
fn a_port_that_is_taken_is_refused_with_advice() {
    let site = Site::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = site.run(&["serve", "--data", path(&site.data()), "--listen", &address]);
    assert_eq!(refused.code, 14, "{}", refused.err);
    assert!(refused.err.contains(&address) && refused.err.contains("--listen"), "{}", refused.err);
}

#[test]
fn a_data_folder_that_cannot_be_made_is_refused_with_advice() {
    let site = Site::new();
    std::fs::write(site.path("file"), "").unwrap();
    let refused = site.run(&["serve", "--data", path(&site.path("file/data")), "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.code, 10, "{}", refused.err);
    assert!(refused.err.contains("file/data") && refused.err.contains("--data"), "{}", refused.err);
}

#[test]
fn a_database_that_is_none_is_refused_and_left_alone() {
    let site = Site::new();
    std::fs::create_dir(site.data()).unwrap();
    let rubbish = vec![0x42; 8192];
    std::fs::write(site.data().join("state.db"), &rubbish).unwrap();
    let refused = site.run(&["serve", "--data", path(&site.data()), "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.code, 12, "{}", refused.err);
    assert!(refused.err.contains("state.db"), "{}", refused.err);
    assert_eq!(std::fs::read(site.data().join("state.db")).unwrap(), rubbish);
}

#[test]
fn a_configuration_with_an_unknown_key_is_refused_by_name() {
    let site = Site::new();
    std::fs::write(site.path("corral.toml"), "[server]\nlissten = \"127.0.0.1:0\"\n").unwrap();
    let refused = site.run(&["serve", "--data", path(&site.data()), "--config", "corral.toml"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("lissten") && refused.err.contains("did you mean `listen`"), "{}", refused.err);
    assert!(!site.data().exists(), "nothing was made before the configuration was understood");
}

#[test]
fn an_unknown_variable_of_the_environment_is_refused_too() {
    let site = Site::new();
    let mut command = site.corral(&["serve", "--data", path(&site.data())]);
    let refused = crate::support::ended(command.env("CORRAL_SERVER_PORT", "1").output().unwrap());
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("`port`") && refused.err.contains("[server]"), "{}", refused.err);
}

#[test]
fn an_unclaimed_host_does_not_listen_beyond_this_machine() {
    let site = Site::new();
    let args = ["serve", "--data", path(&site.data()), "--listen", "0.0.0.0:0"].map(str::to_owned);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let refused = site.run(&args);
    assert_eq!(refused.code, 15, "{}", refused.err);
    assert!(refused.err.contains("127.0.0.1"), "says what to do first: {}", refused.err);
    site.token("admin");
    let claimed = site.run(&args);
    assert_eq!(claimed.code, 15, "{}", claimed.err);
    assert!(claimed.err.contains("--public-url"), "{}", claimed.err);
}

#[test]
fn a_host_that_is_asked_to_stop_ends_well_and_takes_back_what_it_announced() {
    let site = Site::new();
    let host = site.serve(&[]);
    let (ready, run) = (host.ready_file().to_owned(), site.data().join("run.json"));
    for file in [&ready, &run] {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    assert_eq!(std::fs::metadata(site.data()).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(host.stop(), Some(0));
    assert!(!ready.exists() && !run.exists());
}

#[test]
fn a_first_start_gives_sample_templates_and_those_removed_stay_away() {
    let site = Site::new();
    assert_eq!(site.serve(&[]).stop(), Some(0));
    let samples = || std::fs::read_dir(site.data().join("templates")).unwrap().map(|file| file.unwrap().path());
    assert!(samples().count() > 0);
    samples().for_each(|file| std::fs::remove_file(file).unwrap());
    assert_eq!(site.serve(&[]).stop(), Some(0));
    assert_eq!(samples().count(), 0);
}
