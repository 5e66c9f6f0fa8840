//! The log filter `collapse`: folds lines that repeat themselves, and progress bars.
//!
//! Invariants: only repetitions are lost, and how many there were is said; a line that is not one of a run and was not
//! written over stays as it is, in its bytes; lines keep their order and are never held back, so that what runs is seen
//! as it runs. What is kept of a stream is one line, up to [`run::KEY_MAX`] bytes, and two numbers.
//!
//! A filter cannot add a line between others. So the count of a run is said by one of its own lines where that is
//! possible, else by an annotation of the line that ends the run, and at the end of the stream by a line of its own.
//!
//! `run` follows lines that are the same, `terminal` says what was left of one that was written over.

mod run;
mod terminal;

use std::borrow::Cow;

use corral_plugin_sdk::prelude::*;

pub use run::{KEY_MAX, REPORT_FIRST};
pub use terminal::shown;

use run::Run;

/// The most lines of a run that may be left as they are.
const KEEP_MAX: u64 = 100;

/// Version of [`State`]. A change that an older version could not read needs another number.
const STATE_VERSION: u32 = 1;

/// What an operator may change; `config.schema.json` says the same to the dashboard.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether repeated lines are folded.
    pub repeated: bool,
    /// Whether lines that differ only in numbers are the same.
    pub numbers: bool,
    /// Lines of a run that are left as they are.
    pub keep: u64,
    /// Whether lines that were written over are folded.
    pub progress: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { repeated: true, numbers: false, keep: 1, progress: true }
    }
}

/// The filter over one stream.
pub struct Collapse {
    config: Config,
    run: Option<Run>,
}

/// What moves to the next version of the plugin.
#[derive(Serialize, Deserialize)]
struct State {
    version: u32,
    run: Option<Run>,
}

impl LogFilter for Collapse {
    fn open(_stream: &StreamInfo) -> Result<Self> {
        let config: Config = config()?;
        if !(1..=KEEP_MAX).contains(&config.keep) {
            return Err(Error::InvalidInput(format!("`keep` is {}; it is 1 to {KEEP_MAX}", config.keep)));
        }
        Ok(Self { config, run: None })
    }

    fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<()> {
        // The last line of the open run that is in this batch and not shown: its place can say how many there were.
        let mut place = None;
        for line in batch {
            let text = self.unwound(&line, edits);
            if self.config.repeated {
                self.follow(line.index, &text, &mut place, edits);
            }
        }
        // The run may go on in the next batch.
        if let (Some(run), Some(place)) = (&mut self.run, place) {
            if run.is_worth_a_line() {
                place.say(run, edits);
            } else {
                edits.drop(place.index);
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<String>> {
        let waiting = self.run.take().map_or(0, |mut run| run.take_waiting());
        Ok(if waiting > 0 { vec![format!("[the line before: {}]", run::times(waiting))] } else { Vec::new() })
    }

    fn save(&self) -> Vec<u8> {
        serde_json::to_vec(&State { version: STATE_VERSION, run: self.run.clone() }).unwrap_or_default()
    }

    fn load(stream: &StreamInfo, state: &[u8]) -> Result<Self> {
        let state: State = serde_json::from_slice(state)
            .map_err(|error| Error::InvalidInput(format!("the saved state cannot be read: {error}")))?;
        if state.version != STATE_VERSION {
            return Err(Error::InvalidInput(format!("the saved state has the unknown version {}", state.version)));
        }
        Ok(Self { run: state.run, ..Self::open(stream)? })
    }
}

/// A line of the batch that is dropped unless its place is needed.
struct Place {
    index: u32,
    text: String,
}

impl Place {
    /// Lets the line say how many there were. One that stands only for itself stays as it was.
    fn say(self, run: &mut Run, edits: &mut Edits) {
        match run.take_waiting() {
            0 | 1 => {}
            waiting => {
                edits.replace(self.index, format!("{} [{}]", self.text, run::times(waiting)));
                edits.annotate(self.index, "repeated", waiting.to_string());
            }
        }
    }
}

impl Collapse {
    /// The line as a terminal would show it.
    fn unwound<'a>(&self, line: &Line<'a>, edits: &mut Edits) -> Cow<'a, str> {
        let over = if self.config.progress { shown(line.text) } else { None };
        match over {
            Some((text, states)) => {
                edits.replace(line.index, text.clone());
                edits.annotate(line.index, "overwritten", states.to_string());
                Cow::Owned(text)
            }
            None => Cow::Borrowed(line.text),
        }
    }

    /// Goes on with the run that is open, or ends it and begins another.
    fn follow(&mut self, index: u32, text: &str, place: &mut Option<Place>, edits: &mut Edits) {
        if let Some(run) = &mut self.run
            && run.goes_on(text, self.config.numbers)
        {
            if run.is_kept(self.config.keep) {
                return;
            }
            if let Some(before) = place.replace(Place { index, text: text.to_owned() }) {
                edits.drop(before.index);
            }
            return;
        }
        if let Some(mut run) = self.run.take() {
            match place.take() {
                Some(place) => place.say(&mut run, edits),
                None => match run.take_waiting() {
                    0 => {}
                    waiting => edits.annotate(index, "repeated-before", waiting.to_string()),
                },
            }
        }
        self.run = Run::begin(text, self.config.numbers);
    }
}

corral_plugin_sdk::export_log_filter!(Collapse);
