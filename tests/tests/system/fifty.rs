//! Fifty machines write at once.

use anyhow::{Result, ensure};
use corral_tests::fleet::Fleet;
use corral_tests::host::Site;

use crate::{LONG, shared};

const MACHINES: usize = 50;
const LINES: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_sshd_addresses_with_ten_thousand_lines_each_are_stored_in_order_and_none_twice() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(MACHINES).await?;
    let site = Site::new()?;
    let host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;

    let job = client.run(&format!("seq -f 'line %.0f of this machine' {LINES}"), &vms).await?;
    let done = client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded", "{done}");
    ensure!(done["counts"]["succeeded"] == MACHINES, "{done}");

    let mut stored = 0;
    for vm in &vms {
        let texts = client.texts(&job, vm).await?;
        for (at, text) in texts.iter().enumerate() {
            let expected = format!("line {} of this machine", at + 1);
            ensure!(*text == expected, "machine {vm}, line {at}: expected `{expected}`, found `{text}`");
        }
        ensure!(texts.len() == LINES, "machine {vm} has {} lines", texts.len());
        stored += texts.len();
    }
    ensure!(stored == MACHINES * LINES);
    for task in done["tasks"].as_array().into_iter().flatten() {
        ensure!(task["lines"] == LINES, "the task's own count is wrong: {task}");
    }
    Ok(())
}
