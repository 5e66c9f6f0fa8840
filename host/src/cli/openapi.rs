//! `corral openapi`: the document that describes the API.

use anyhow::Result;

use super::exit::Exit;
use super::output;

/// Prints it.
pub fn run() -> Result<Exit> {
    output::json(&serde_json::to_value(crate::api::openapi())?)?;
    Ok(Exit::Ok)
}
