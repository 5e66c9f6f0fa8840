//! The dashboard's types follow from the host's routes: `corral openapi` → `web/openapi.json` → TypeScript.

use std::fs;

use crate::inputs::hash;
use crate::shell::{Result, binary, npm, output_of, program, root, run, timed};
use crate::{plugins, run as host, tools, web};

const DOCUMENT: &str = "web/openapi.json";

/// Writes the document and the types anew.
pub fn write() -> Result {
    tools::ensure(&tools::FOR_RUN)?;
    plugins::build()?;
    web::install()?;
    web::build()?;
    host::build(false)?;
    timed("types of the dashboard", || {
        let path = root().join(DOCUMENT);
        fs::write(&path, described()?).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        run(&mut npm("web", &["run", "types", "--silent"]))
    })
}

/// Refuses when what is in the tree is not what the built host describes.
pub fn check() -> Result {
    let path = root().join(DOCUMENT);
    let held = fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if held != described()? {
        return Err(format!("{DOCUMENT} is not what the host describes; type: cargo xtask types"));
    }
    let sources = [root().join("web/src")];
    let before = hash(&sources)?;
    run(&mut npm("web", &["run", "types", "--silent"]))?;
    if hash(&sources)? == before {
        return Ok(());
    }
    Err(format!(
        "the dashboard's types did not follow from {DOCUMENT}; they do now: look at the difference and commit it"
    ))
}

fn described() -> Result<String> {
    let out = output_of(&mut program(binary(false), &["openapi"]))?;
    let text = String::from_utf8(out).map_err(|_| "`corral openapi` did not write text".to_owned())?;
    Ok(format!("{}\n", text.trim_end()))
}
