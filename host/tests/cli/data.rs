//! Commands that work on the data folder, beside a running host or without one.

use serde_json::Value;

use crate::support::{Site, path};

#[test]
fn a_token_made_beside_a_running_host_works_until_it_is_removed() {
    let site = Site::new();
    let _host = site.serve(&[]);
    let token = site.token("viewer");
    assert_eq!(site.ask(&token, &["vm", "ls"]).code, 0);
    let data = site.data();
    let listed = site.run(&["token", "ls", "--json", "--data", path(&data)]);
    let rows: Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!(rows[0]["name"], "viewer");
    assert!(!listed.out.contains(&token), "a token is shown once");
    assert_eq!(site.run(&["token", "rm", "viewer", "--data", path(&data)]).code, 0);
    let refused = site.ask(&token, &["vm", "ls"]);
    assert_eq!(refused.code, 5, "{}", refused.err);
    assert!(refused.err.contains("corral token create"), "{}", refused.err);
}

#[test]
fn a_token_that_is_not_there_cannot_be_removed_and_the_near_name_is_told() {
    let site = Site::new();
    site.token("operator");
    let refused = site.run(&["token", "rm", "operatr", "--data", path(&site.data())]);
    assert_eq!(refused.code, 6, "{}", refused.err);
    assert!(refused.err.contains("did you mean `operator`"), "{}", refused.err);
}

#[test]
fn a_login_link_leads_to_the_running_host_and_without_one_says_what_to_do() {
    let site = Site::new();
    let host = site.serve(&[]);
    assert!(host.setup_url.starts_with(&host.url));
    let data = site.data();
    let link = site.run(&["login-link", "--data", path(&data)]);
    assert_eq!(link.code, 0, "{}", link.err);
    assert!(link.out.starts_with(&format!("{}/login?token=", host.url)), "{}", link.out);
    assert_eq!(host.stop(), Some(0));
    let refused = site.run(&["login-link", "--data", path(&data)]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("corral serve"), "{}", refused.err);
}

#[test]
fn a_folder_without_a_database_is_named() {
    let site = Site::new();
    let refused = site.run(&["token", "ls", "--data", path(&site.data())]);
    assert_eq!(refused.code, 10, "{}", refused.err);
    assert!(!site.data().exists(), "looking makes nothing");
}

#[test]
fn migrating_is_for_a_folder_that_no_host_works_on() {
    let site = Site::new();
    let data = site.data();
    assert_eq!(site.run(&["migrate", "--data", path(&data)]).code, 0);
    let _host = site.serve(&[]);
    let refused = site.run(&["migrate", "--data", path(&data)]);
    assert_eq!(refused.code, 11, "{}", refused.err);
}

#[test]
fn the_doctor_names_what_is_wrong_with_its_remedy() {
    let site = Site::new();
    let data = site.data();
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("state.db"), vec![0x42; 8192]).unwrap();
    let looked = site.run(&["doctor", "--json", "--data", path(&data)]);
    assert_eq!(looked.code, 1, "{}", looked.err);
    let checks: Value = serde_json::from_str(&looked.out).unwrap();
    let find = |name: &str| checks.as_array().unwrap().iter().find(|check| check["check"] == name).unwrap();
    assert_eq!(find("database")["status"], "fail");
    assert_ne!(find("database")["remedy"], "");
    assert_eq!(find("free disk")["check"], "free disk");
}

#[test]
fn the_document_of_the_api_is_printed_without_a_host() {
    let printed = Site::new().run(&["openapi"]);
    assert_eq!(printed.code, 0, "{}", printed.err);
    let document: Value = serde_json::from_str(&printed.out).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/api/jobs"]["post"].is_object());
}
