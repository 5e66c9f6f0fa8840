//! A long log and a short one, to be opened and searched.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::scene::Scene;
use crate::text::Text;

/// Lines of the short one.
pub const SHORT_LINES: u64 = 10;
/// How long writing the long one may take, beyond what any job may.
const LIMIT: Duration = Duration::from_mins(5);

/// A host that has both.
pub struct Archive {
    pub scene: Scene,
    /// The long text as a file.
    pub file: PathBuf,
    pub bytes: u64,
    pub long: Log,
    pub short: Log,
    /// Most memory that the host held while it took the long one in.
    pub memory: u64,
}

/// A stored log.
pub struct Log {
    pub job: String,
    pub text: Text,
}

impl Archive {
    /// Lets a machine write both, and compares what is stored.
    pub async fn fill(seed: u64, lines: u64) -> Result<Self> {
        let scene = Scene::start(1).await?;
        let (long, short) = (Text { seed, lines }, Text { seed, lines: SHORT_LINES });
        let file = scene.scratch().join("long.log");
        println!("  writing {lines} lines");
        let bytes = long.write(&file)?;
        let few = scene.scratch().join("short.log");
        short.write(&few)?;
        let meter = scene.meter()?;
        let short = Log { job: stored(&scene, &few).await?, text: short };
        let long = Log { job: stored(&scene, &file).await?, text: long };
        let sample = meter.read()?;
        println!("  stored after {:.1} s", sample.wall);
        let mut expected = File::open(&file)?;
        let mut piece = Vec::new();
        scene
            .export(&long.job, &scene.vms[0], |stored| {
                piece.resize(stored.len(), 0);
                expected.read_exact(&mut piece)?;
                ensure!(piece == stored, "what is stored is not what was written");
                Ok(())
            })
            .await?;
        ensure!(expected.read(&mut [0])? == 0, "not all is stored");
        Ok(Self { scene, file, bytes, long, short, memory: sample.memory })
    }
}

async fn stored(scene: &Scene, file: &std::path::Path) -> Result<String> {
    let file = file.to_str().context("the path is not UTF-8")?;
    let job = scene.begin(&json!({"argv": ["cat", file]}), 1, "direct").await?;
    scene.ended(&job, LIMIT).await?;
    Ok(job)
}
