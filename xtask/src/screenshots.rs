//! Takes the pictures in `docs/screenshots` anew: a demo, a browser, no hand.

use crate::shell::{Result, binary, npm, run, timed};
use crate::{plugins, run as host, tools, web};

/// Builds everything and takes the pictures.
pub fn take() -> Result {
    tools::ensure(&tools::FOR_SCREENSHOTS)?;
    plugins::build()?;
    web::install()?;
    web::build()?;
    host::build(false)?;
    web::install_in("tests/e2e")?;
    timed("pictures into docs/screenshots", || {
        let mut command = npm("tests/e2e", &["run", "screenshots", "--silent"]);
        run(command.env("CORRAL_BIN", binary(false)).env("CORRAL_CHROMIUM", tools::chromium()?))
    })
}
