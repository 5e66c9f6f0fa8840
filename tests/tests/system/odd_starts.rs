//! Starts that must not happen.

use anyhow::{Result, ensure};
use corral_tests::host::Site;
use sqlx::{ConnectOptions, Executor};

use crate::{SOON, shared};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_host_on_the_same_data_is_refused_and_the_first_goes_on() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let mut host = site.start()?;
    let args = site.serve_args();
    let second = site.corral(&args.iter().map(String::as_str).collect::<Vec<_>>())?.output()?;
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    ensure!(!second.status.success(), "two hosts on one database");
    ensure!(said.contains(&host.ready.pid.to_string()) && said.contains("--data"), "says who and what to do: {said}");
    ensure!(host.is_alive()? && site.client(&host)?.get("/api/jobs").await?.status.is_success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    site.start()?.stop()?;
    let database = site.data().join("state.db");
    let mut connection =
        sqlx::sqlite::SqliteConnectOptions::new().filename(&database).disable_statement_logging().connect().await?;
    connection
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (99990101000000, 'from the future', 1, x'00', 0)",
        )
        .await?;
    sqlx::Connection::close(connection).await?;
    let before = std::fs::read(&database)?;

    let Err(refused) = site.start() else { anyhow::bail!("it started on a database that it does not know") };
    let said = format!("{refused:#}");
    ensure!(said.contains("newer"), "says what is the matter: {said}");
    ensure!(std::fs::read(&database)? == before, "the database was touched");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_folder_full_of_rubbish_hinders_nothing() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let plugins = site.dir("plugins")?;
    let manifest = |id: &str, api: &str| {
        format!("id = \"{id}\"\nname = \"{id}\"\nversion = \"0.1.0\"\napi = \"{api}\"\nprovides = [\"log-filter\"]\n")
    };
    let broken: [(&str, String, &[u8]); 4] = [
        ("not-wasm", manifest("not-wasm", "0.1"), b"#!/bin/sh\necho hello\n"),
        ("core-module", manifest("core-module", "0.1"), b"\0asm\x01\0\0\0"),
        ("far-future", manifest("far-future", "9.7"), b"\0asm\x0d\0\x01\0"),
        ("bad-manifest", "id = [this is not TOML".to_owned(), b"\0asm\x0d\0\x01\0"),
    ];
    for (id, manifest, wasm) in &broken {
        let folder = plugins.join(id);
        std::fs::create_dir(&folder)?;
        std::fs::write(folder.join("plugin.toml"), manifest)?;
        std::fs::write(folder.join("plugin.wasm"), wasm)?;
    }
    let site = site.with_args(&["--plugins", &plugins.to_string_lossy()]);
    let host = site.start()?;
    let client = site.client(&host)?;
    let listed = client.plugins_settled(SOON).await?;
    for (id, ..) in &broken {
        let plugin = listed.iter().find(|plugin| plugin["id"] == *id);
        let Some(plugin) = plugin else { anyhow::bail!("{id} is not listed: {listed:?}") };
        ensure!(plugin["state"] == "broken", "{plugin}");
        ensure!(plugin["reason"].as_str().is_some_and(|reason| reason.len() > 10), "says why: {plugin}");
    }
    let active = listed.iter().filter(|plugin| plugin["state"] == "active").count();
    ensure!(active >= 3, "the bundled ones serve: {listed:?}");
    Ok(())
}
