//! Jobs whose connection, sshd, host, supervisor or machine is taken from them: what is stored is what they wrote, none is
//! started twice, and what cannot be known is told as such.
//!
//! Everything random follows from one seed, which is printed first; `CORRAL_SEED` gives a failing one back.

use std::io::Write as _;

mod cancel;
mod host;
mod link;
mod lost;
mod scene;
mod server;
mod storm;

/// The seed of this run. `part` tells the tests apart.
pub fn seed(part: u64) -> u64 {
    static SEED: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let seed = *SEED.get_or_init(|| {
        let seed = corral_tests::faults::random::seed_of_this_run();
        // Past the capturing of output: it must be there also if the whole program is killed.
        let _ = writeln!(std::io::stderr(), "seed {seed}; give it back with CORRAL_SEED={seed}");
        seed
    });
    seed.wrapping_add(part)
}
