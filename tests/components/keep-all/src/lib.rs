//! A log filter that looks at every line and keeps it. What it costs is what every filter costs at least: packing lines, crossing
//! the boundary, taking the batch apart again.

use corral_plugin_sdk::prelude::*;

/// The filter over one stream: how much it saw.
#[derive(Default)]
pub struct KeepAll {
    lines: u64,
    bytes: u64,
}

impl LogFilter for KeepAll {
    fn open(_stream: &StreamInfo) -> Result<Self> {
        Ok(Self::default())
    }

    fn process(&mut self, batch: &Batch<'_>, _edits: &mut Edits) -> Result<()> {
        for line in batch {
            self.lines += 1;
            self.bytes += line.text.len() as u64;
        }
        Ok(())
    }

    fn save(&self) -> Vec<u8> {
        [self.lines, self.bytes].iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn load(_stream: &StreamInfo, state: &[u8]) -> Result<Self> {
        let number = |at: usize| state.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let numbers = number(0).zip(number(8)).filter(|_| state.len() == 16);
        let (lines, bytes) = numbers.ok_or_else(|| Error::InvalidInput("the saved state is not two numbers".into()))?;
        Ok(Self { lines, bytes })
    }
}

corral_plugin_sdk::export_log_filter!(KeepAll);

#[cfg(test)]
mod tests {
    use corral_plugin_sdk::testing;

    use super::*;

    #[test]
    fn every_line_stays_and_was_seen() {
        let mut filter = KeepAll::open(&testing::stream()).unwrap();
        assert_eq!(testing::run(&mut filter, &["a", "", "böse"]).unwrap().texts(), ["a", "", "böse"]);
        let moved = KeepAll::load(&testing::stream(), &filter.save()).unwrap();
        assert_eq!((moved.lines, moved.bytes), (3, 6));
        assert!(KeepAll::load(&testing::stream(), &[0; 17]).is_err());
    }
}
