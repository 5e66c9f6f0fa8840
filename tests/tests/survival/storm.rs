//! Faults of all survivable kinds over many jobs at once.

use std::time::Duration;

use anyhow::{Result, ensure};
use corral_tests::faults::storm::{Storm, rage};

const KILLS: u64 = 200;
/// Not to be reached: the kills end it.
const LIMIT: Duration = Duration::from_mins(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn through_two_hundred_kills_every_byte_is_stored_once_and_no_command_starts_twice() -> Result<()> {
    let storm = Storm { seed: crate::seed(0), kills: KILLS, limit: LIMIT, lanes: 8, number: 1 };
    let summary = rage(storm, |_| {}).await?;
    ensure!(summary.discrepancies.is_empty(), "{summary}");
    ensure!(summary.kills >= KILLS, "only {} kills within {LIMIT:?}\n{summary}", summary.kills);
    ensure!(summary.not_started * 5 < summary.jobs, "too many jobs were never started to call this a test\n{summary}");
    Ok(())
}
