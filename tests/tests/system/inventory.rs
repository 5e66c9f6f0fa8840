//! Machines of an inventory over HTTP, through the built host: denied until it is granted, page by page, with patience and
//! with a token; and what cannot be read is told.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use corral_tests::client::Client;
use corral_tests::host::{Host, Site, built_plugins};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Row};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::shared;

const SOURCE: &str = "/api/discovery/http-inventory";
/// Machines of a page that is nearly as large as is read.
const MANY: usize = 19_000;

/// Answers each request as it is told, in turn; the last answer stays.
struct Inventory {
    address: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Inventory {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inventory {
    async fn start(answers: Vec<String>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => request.push(byte),
                        Err(_) => break,
                    }
                }
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(String::from_utf8_lossy(&request).into_owned());
                    log.len() - 1
                };
                let answer = &answers[number.min(answers.len() - 1)];
                let _gone = stream.write_all(answer.as_bytes()).await;
                let _gone = stream.shutdown().await;
            }
        });
        Ok(Self { address, asked, task })
    }

    /// The first line of each request.
    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|request| request.lines().next().unwrap_or_default().to_owned()).collect()
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn page(names: &[&str], next: Option<&str>) -> String {
    let machines: Vec<_> =
        names.iter().map(|name| json!({"name": name, "ip": "127.0.0.9/8", "tags": ["fleet"], "state": "up"})).collect();
    answer("200 OK", "", &json!({"results": machines, "next": next}).to_string())
}

/// A host that is configured to ask an inventory.
async fn host(inventory: &Inventory) -> Result<(Site, Host, Client)> {
    let site = Site::new()?;
    let config = site.path("corral.toml");
    let text = format!(
        "[[plugins.http-inventory.config.sources]]\nname = \"inv\"\nurl = \"http://{}/vms?limit=2\"\n\
         token = {{ secret = \"inv-token\" }}\nlist = \"/results\"\npaging = {{ by = \"next-link\", pointer = \"/next\" }}\n\
         fields = {{ name = \"{{/name}}\", address = \"{{/ip|host}}\", user = \"ops\", \
         running = {{ value = \"{{/state}}\", is = [\"up\"] }} }}\nlabel_sets = [{{ from = \"/tags\" }}]\nmax_machines = 20000\n",
        inventory.address
    );
    std::fs::write(&config, text)?;
    let site = site.with_args(&["--config", &config.to_string_lossy()]);
    let host = site.start()?;
    let client = site.client(&host)?;
    client.send(Method::PUT, "/api/secrets/inv-token", Some(&json!({"value": "t0ken"}))).await?.ok()?;
    Ok((site, host, client))
}

/// Grants as an operator does.
fn grant(site: &Site, host: &Host, grants: &[&str]) -> Result<()> {
    let mut command = site.corral(&[&["plugin", "grant", "http-inventory"], grants].concat())?;
    command.env("CORRAL_URL", &host.ready.url).env("CORRAL_TOKEN", site.token("admin")?).stdout(Stdio::null());
    ensure!(command.status()?.success(), "corral plugin grant {grants:?} failed");
    Ok(())
}

fn detail(problem: &Value) -> &str {
    problem["detail"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_is_asked_once_it_is_granted_page_by_page_and_with_patience() -> Result<()> {
    let _machine = shared().await;
    let inventory = Inventory::start(vec![
        page(&["web-1", "web-2"], Some("/vms?page=2")),
        answer("429 Too Many Requests", "Retry-After: 1\r\n", "slow down"),
        page(&["web-3"], Some("/vms?page=3")),
        answer("503 Service Unavailable", "", ""),
        page(&["web-4"], None),
    ]);
    let inventory = inventory.await?;
    let (site, host, client) = host(&inventory).await?;

    let refused = client.get(SOURCE).await?;
    ensure!(!refused.status.is_success(), "it was asked without a grant: {}", refused.body);
    let text = detail(&refused.body);
    ensure!(text.contains("corral plugin grant http-inventory secrets:inv-token"), "{text}");
    grant(&site, &host, &["secrets:inv-token"])?;
    let refused = client.get(SOURCE).await?;
    let wanted = format!("corral plugin grant http-inventory http:{}", inventory.address);
    ensure!(detail(&refused.body).contains(&wanted), "{}", refused.body);
    ensure!(inventory.asked().is_empty(), "{:?}", inventory.asked());

    grant(&site, &host, &[&format!("http:{}", inventory.address)])?;
    let found = client.post(&format!("{SOURCE}/import"), &json!({"all": true})).await?.ok()?;
    ensure!(found["added"].as_array().map(Vec::len) == Some(4), "{found}");
    let pages = ["/vms?limit=2", "/vms?page=2", "/vms?page=2", "/vms?page=3", "/vms?page=3"];
    ensure!(inventory.asked() == pages.map(|page| format!("GET {page} HTTP/1.1")), "{:?}", inventory.asked());
    ensure!(inventory.asked.lock().unwrap().iter().all(|request| request.contains("authorization: Bearer t0ken\r\n")));

    let machines = client.get("/api/vms").await?.ok()?;
    let machine = machines["items"].as_array().and_then(|items| items.iter().find(|item| item["name"] == "web-3"));
    let machine = machine.context("web-3 is in the inventory")?;
    ensure!(machine["address"] == "127.0.0.9" && machine["user"] == "ops", "{machine}");
    ensure!(machine["labels"]["fleet"] == "yes" && machine["labels"]["inventory"] == "inv", "{machine}");
    // One for the whole discovery, and one for the refused attempt before.
    ensure!(secret_reads(&site).await? == [["plugin:http-inventory", "inv-token"]; 2]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_largest_size_is_taken_in_one_call() -> Result<()> {
    let _machine = shared().await;
    let machine = |number: usize| {
        let tags: Vec<_> = (0..8).map(|tag| format!("tag-{tag}/of-{}", number % (tag + 2))).collect();
        let more = "x".repeat(240);
        json!({"name": format!("web-{number}"), "ip": format!("10.1.{}.{}/16", number >> 8, number & 255), "tags": tags, "more": more})
    };
    let machines: Vec<_> = (0..MANY).map(machine).collect();
    let body = json!({"results": machines}).to_string();
    ensure!(((7 << 20)..(8 << 20)).contains(&body.len()), "the page has {} bytes", body.len());
    let inventory = Inventory::start(vec![answer("200 OK", "", &body)]).await?;
    let (site, host, client) = host(&inventory).await?;
    grant(&site, &host, &["secrets:inv-token", &format!("http:{}", inventory.address)])?;
    let found = client.post(SOURCE, &json!({})).await?.ok()?;
    ensure!(found["items"].as_array().map(Vec::len) == Some(MANY), "{}", found["items"].as_array().map_or(0, Vec::len));
    let stats = client.get("/api/plugins/http-inventory/stats").await?.ok()?;
    println!("{} bytes, {MANY} machines: {stats}", body.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_that_it_comes_with_pass() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let folder = site.dir("http-inventory/examples")?;
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/http-inventory/examples");
    std::fs::copy(sources.join("inventories.json"), folder.join("inventories.json"))?;
    for name in ["plugin.toml", "plugin.wasm", "config.schema.json"] {
        std::fs::copy(built_plugins()?.join("http-inventory").join(name), folder.with_file_name(name))?;
    }
    let out = site.corral(&["plugin", "test"])?.current_dir(site.path("http-inventory")).output()?;
    let said = String::from_utf8_lossy(&out.stdout);
    ensure!(out.status.success() && said.contains("4 passed"), "{said}{}", String::from_utf8_lossy(&out.stderr));
    Ok(())
}

/// Who read which secret. The API gives no audit rows, so they are read where they are kept.
async fn secret_reads(site: &Site) -> Result<Vec<[String; 2]>> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(site.data().join("state.db"));
    let mut connection = options.disable_statement_logging().connect().await?;
    let query = "SELECT actor, object FROM audit WHERE action = 'secret.read' ORDER BY id";
    let found = sqlx::query(query).fetch_all(&mut connection).await?;
    sqlx::Connection::close(connection).await?;
    found.iter().map(|row| Ok([row.try_get(0)?, row.try_get(1)?])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_told_and_the_plugin_goes_on() -> Result<()> {
    let _machine = shared().await;
    let whole = page(&["web-1", "web-2"], None);
    let half = whole[..whole.len() - 30].to_owned();
    let inventory = Inventory::start(vec![
        answer("200 OK", "", "{\"results\": [{\"name\": \"web-1\"} {\"name\": \"web-2\"}]}"),
        half,
        answer("200 OK", "", "<html>Log in</html>"),
        answer("401 Unauthorized", "", ""),
        answer("429 Too Many Requests", "Retry-After: 86400\r\n", ""),
        answer("200 OK", "", "{\"items\": []}"),
        page(&["web-1"], Some("http://evil.example/vms")),
        answer("302 Found", "Location: http://127.0.0.1:1/vms\r\n", ""),
        whole,
    ]);
    let inventory = inventory.await?;
    let (site, host, client) = host(&inventory).await?;
    grant(&site, &host, &["secrets:inv-token", &format!("http:{}", inventory.address)])?;
    for why in [
        "is no JSON: expected `,` or `]` at line 1 column 32",
        "the answer broke off after",
        "is no JSON but a web page",
        "answered 401; is the secret `inv-token` the right token",
        "wants to be asked again in 86400 s",
        "there is no list where `list` points; the page has `/items`",
        "only pages of `127.0.0.1` are asked",
        "corral plugin grant http-inventory http:127.0.0.1:1",
    ] {
        let problem = client.get(SOURCE).await?;
        ensure!(!problem.status.is_success(), "expected `{why}`, got {}", problem.body);
        ensure!(detail(&problem.body).contains(why), "expected `{why}`, got {}", problem.body);
    }
    let found = client.get(SOURCE).await?.ok()?;
    ensure!(found["items"].as_array().map(Vec::len) == Some(2), "{found}");
    let plugin = client.get("/api/plugins/http-inventory").await?.ok()?;
    ensure!(plugin["state"] == "active", "{plugin}");
    Ok(())
}
