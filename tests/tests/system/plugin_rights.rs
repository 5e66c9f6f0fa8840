//! What a plugin may on a real host: nothing at first, then what it is granted and no more; who granted it stands in the
//! audit log.

use anyhow::{Context, Result, ensure};
use corral_tests::client::Client;
use corral_tests::guests;
use corral_tests::host::{Host, Site};
use reqwest::Method;
use serde_json::{Value, json};

use crate::audit::rows;
use crate::{LONG, SOON, shared};

const ID: &str = "asker";
const WANTS: [&str; 5] = ["vms", "jobs", "jobs.submit", "logs", "secrets"];
const SECRET: &str = "opensesame-29";

struct Scene {
    site: Site,
    host: Host,
    client: Client,
    dev: String,
    prod: String,
}

impl Scene {
    async fn new() -> Result<Self> {
        let site = Site::new()?;
        let plugins = site.dir("plugins")?;
        let wants =
            WANTS.map(|right| format!("[[wants]]\ncapability = \"{right}\"\nreason = \"to ask\"\noptional = true\n"));
        guests::place(&plugins, ID, &wants.concat())?;
        let site = site.with_args(&["--plugins", &plugins.to_string_lossy()]);
        let host = site.start()?;
        let client = site.client(&host)?;
        client.plugins_settled(LONG).await?;
        let machine = |name: &str, env: &str| json!({"name": name, "transport": "local", "labels": {"env": env}});
        let dev = client.add_vm(&machine("here", "dev")).await?;
        let prod = client.add_vm(&machine("there", "prod")).await?;
        for (title, dangerous) in [("hello", false), ("wipe", true)] {
            let template = json!({"title": title, "script": "echo hello", "dangerous": dangerous});
            client.post("/api/commands", &template).await?.ok()?;
        }
        client.send(Method::PUT, "/api/secrets/token", Some(&json!({"value": SECRET}))).await?.ok()?;
        Ok(Self { site, host, client, dev, prod })
    }

    /// Has the guest ask something, and returns what it was answered.
    async fn ask(&self, question: &str) -> Result<String> {
        let job = json!({"command": {"argv": ["printf", "%s\n", question]}, "targets": {"vms": [self.dev]},
            "mode": "direct", "filters": {"with": [ID]}});
        let job = self.client.start_job(&job).await?;
        self.client.finished(&job, LONG).await?;
        Ok(self.client.texts(&job, &self.dev).await?.concat())
    }

    async fn expect(&self, question: &str, expected: &str) -> Result<String> {
        let answer = self.ask(question).await?;
        ensure!(answer.contains(expected), "`{question}` was answered `{answer}`, not `{expected}`");
        Ok(answer)
    }

    async fn grant(&self, grants: &[&str]) -> Result<Value> {
        self.client.post(&format!("/api/plugins/{ID}/grants"), &json!({"grants": grants})).await?.ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_asks_in_vain_until_it_is_granted_and_then_by_the_rules_for_people() -> Result<()> {
    let _machine = shared().await;
    let scene = Scene::new().await?;
    let submit = |template: &str, vm: &str| format!("!submit saved/{template} {{}} {vm}");
    for (question, grant) in [
        ("!vms all".to_owned(), "vms"),
        ("!jobs 5".to_owned(), "jobs"),
        (submit("hello", &scene.dev), "jobs.submit"),
        ("!secret-of token".to_owned(), "secrets:token"),
    ] {
        scene.expect(&question, &format!("corral plugin grant {ID} {grant}")).await?;
    }

    let plugin = scene.grant(&["vms:env=dev", "jobs", "jobs.submit:env=dev", "logs:env=dev", "secrets:token"]).await?;
    ensure!(plugin["wants"].as_array().context("wants")?.iter().all(|want| want["granted"] == true), "{plugin}");
    scene.expect("!vms all", "Ok(([\"here\"], None))").await?;
    scene.expect(&submit("hello", &scene.prod), "jobs.submit:name=there").await?;
    scene.expect(&submit("wipe", &scene.dev), "a person has to look at it").await?;
    scene.expect(&submit("gone", &scene.dev), "Error::NotFound").await?;

    let answer = scene.expect(&submit("hello", &scene.dev), "Ok(\"").await?;
    let job = answer.split('"').nth(1).context("a job")?.to_owned();
    let done = scene.client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded" && done["created_by"] == format!("plugin:{ID}"), "{done}");
    scene.expect(&format!("!job {job}"), "JobStatus::Succeeded, 1").await?;
    scene.expect(&format!("!log {job} {} 0 5", scene.dev), "Ok([(0, \"hello\")])").await?;

    let own = scene
        .client
        .start_job(&json!({"command": {"argv": ["sleep", "600"]}, "targets": {"vms": [scene.dev]}}))
        .await?;
    scene.expect(&format!("!cancel {own}"), "started by somebody else").await?;
    scene.client.post(&format!("/api/jobs/{own}/cancel"), &json!({})).await?.ok()?;
    scene.client.finished(&own, LONG).await?;

    // The filter behind the guest hides nothing here: the secret is no secret by its form.
    scene.expect("!secret-of token", SECRET).await?;
    let secrets = rows(&scene.site, "secret.read").await?;
    ensure!(secrets == [[format!("plugin:{ID}"), "secret.read".into(), "token".into(), String::new()]], "{secrets:?}");
    let log = scene.client.get(&format!("/api/plugins/{ID}/logs")).await?.ok()?.to_string();
    ensure!(log.contains(&format!("started job {job}")) && !log.contains(SECRET), "{log}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_are_decided_by_admins_last_over_a_restart_and_leave_their_rows() -> Result<()> {
    let _machine = shared().await;
    let mut scene = Scene::new().await?;
    let grants = format!("/api/plugins/{ID}/grants");
    let operator = Client::new(&scene.host.ready.url, &scene.site.token("operator")?)?;
    operator.post(&grants, &json!({"grants": ["vms"]})).await?.problem(403)?;
    scene.client.post("/api/plugins/nobody/grants", &json!({"grants": ["vms"]})).await?.problem(404)?;
    for (wrong, why) in
        [("files", "is no grant"), ("kv", "does not want `kv`; it wants vms"), ("vms:", "leave `:` out")]
    {
        let problem = scene.client.post(&grants, &json!({"grants": ["vms", wrong]})).await?.problem(422)?;
        ensure!(problem.to_string().contains(why), "{wrong}: {problem}");
    }
    let direct = json!({"value": {"enabled": true, "grants": ["vms"]}});
    let put =
        scene.client.send(Method::PUT, &format!("/api/settings/plugin%2F{ID}"), Some(&direct)).await?.problem(422)?;
    ensure!(put.to_string().contains("corral plugin grant"), "{put}");
    scene.expect("!vms all", "Error::Denied").await?;

    let mut socket = scene.client.socket().await?;
    socket.subscribe_state(SOON).await?;
    scene.grant(&["vms", "secrets:token"]).await?;
    let superseded = socket.event_when(SOON, |event| event["type"] == "plugin-superseded").await?;
    ensure!(superseded["plugin"]["generation"] == 1, "{superseded}");
    scene.client.send(Method::DELETE, &format!("{grants}?grant=secrets:token"), None).await?.ok()?;
    let twice =
        scene.client.send(Method::DELETE, &format!("{grants}?grant=secrets:token"), None).await?.problem(422)?;
    ensure!(twice.to_string().contains("was not granted"), "{twice}");

    scene.host.stop()?;
    scene.host = scene.site.start()?;
    scene.client = scene.site.client(&scene.host)?;
    scene.client.plugins_settled(LONG).await?;
    scene.expect("!vms all", "Ok(([\"here\", \"there\"], None))").await?;
    scene.expect("!secret-of token", "Error::Denied").await?;

    let off = scene.client.post(&format!("/api/plugins/{ID}/disable"), &json!({})).await?.ok()?;
    ensure!(off["state"] == "disabled", "{off}");
    let job = json!({"command": {"argv": ["true"]}, "targets": {"vms": [scene.dev]}, "filters": {"with": [ID]}});
    let refused = scene.client.post("/api/jobs", &job).await?.problem(422)?;
    ensure!(refused.to_string().contains("`asker` is switched off"), "{refused}");
    let on = scene.client.post(&format!("/api/plugins/{ID}/enable"), &json!({})).await?.ok()?;
    ensure!(on["state"] == "active", "{on}");
    let history = scene.client.get(&format!("/api/plugins/{ID}/history")).await?.ok()?;
    let states: Vec<_> =
        history["items"].as_array().context("items")?.iter().map(|step| step["state"].clone()).collect();
    ensure!(states.ends_with(&[json!("active"), json!("disabled"), json!("active")]), "{history}");

    let decided = rows(&scene.site, "plugin.").await?;
    let decided: Vec<_> = decided.iter().map(|[_, action, object, detail]| [&**action, &**object, &**detail]).collect();
    let expected = [
        ["plugin.grant", ID, "vms, secrets:token"],
        ["plugin.revoke", ID, "secrets:token"],
        ["plugin.disable", ID, ""],
        ["plugin.enable", ID, ""],
    ];
    ensure!(decided == expected, "{decided:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_was_granted_goes_with_it() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let loose = site.dir("loose")?;
    let want = "[[wants]]\ncapability = \"vms\"\nreason = \"to ask\"\n";
    guests::place(&loose, ID, want)?;
    let host = site.start()?;
    let (client, token) = (site.client(&host)?, site.token("admin")?);
    let corral = |args: &[&str]| -> Result<String> {
        let mut command = site.corral(args)?;
        let out = command.env("CORRAL_URL", &host.ready.url).env("CORRAL_TOKEN", &token).output()?;
        Ok(String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
    };
    let folder = loose.join(ID);
    let install = ["plugin", "install", &folder.to_string_lossy()];
    let told = corral(&install)?;
    ensure!(told.contains(&format!("corral plugin grant {ID} vms")), "{told}");
    let told = corral(&["plugin", "grant", ID, "vms"])?;
    ensure!(told.contains("state         active"), "{told}");
    corral(&["plugin", "rm", ID])?;
    let told = corral(&install)?;
    ensure!(told.contains("blocked"), "{told}");
    let plugin = client.get(&format!("/api/plugins/{ID}")).await?.ok()?;
    ensure!(plugin["state"] == "blocked" && plugin["grants"] == json!([]), "{plugin}");
    let rows = rows(&site, "plugin.").await?;
    let actions: Vec<_> = rows.iter().map(|[_, action, ..]| action.as_str()).collect();
    let expected = ["plugin.install", "plugin.grant", "plugin.revoke", "plugin.remove", "plugin.install"];
    ensure!(actions == expected, "{rows:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_configuration_grants_leaves_a_row_when_it_changes_and_not_at_every_start() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let (plugins, file) = (site.dir("plugins")?, site.path("corral.toml"));
    guests::place(&plugins, ID, "[[wants]]\ncapability = \"vms\"\nreason = \"to ask\"\noptional = true\n")?;
    let site = site.with_args(&["--plugins", &plugins.to_string_lossy(), "--config", &file.to_string_lossy()]);
    let grant = |grants: &str| std::fs::write(&file, format!("[plugins.{ID}]\ngrant = [{grants}]\n"));
    for grants in ["\"vms:env=dev\"", "\"vms:env=dev\"", "\"vms:env=prod\"", ""] {
        grant(grants)?;
        let mut host = site.start()?;
        let client = site.client(&host)?;
        client.plugins_settled(LONG).await?;
        let plugin = client.get(&format!("/api/plugins/{ID}")).await?.ok()?;
        let shown = plugin["grants"].as_array().context("grants")?;
        ensure!(shown.len() == usize::from(!grants.is_empty()), "{plugin}");
        ensure!(shown.iter().all(|given| given["configured"] == true), "{plugin}");
        let forged = json!({"value": []});
        client
            .send(Method::PUT, &format!("/api/settings/plugin-configured%2F{ID}"), Some(&forged))
            .await?
            .problem(422)?;
        host.stop()?;
    }
    let rows = rows(&site, "plugin.").await?;
    let decided: Vec<_> = rows.iter().map(|[who, what, which, how]| [&**who, &**what, &**which, &**how]).collect();
    let by = |what, how| ["configuration", what, ID, how];
    let expected = [
        by("plugin.grant", "vms:env=dev"),
        by("plugin.revoke", "vms:env=dev"),
        by("plugin.grant", "vms:env=prod"),
        by("plugin.revoke", "vms:env=prod"),
    ];
    ensure!(decided == expected, "{rows:?}");
    Ok(())
}
