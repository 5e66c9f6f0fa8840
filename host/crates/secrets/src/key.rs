//! The master key: where it is kept, how it is made, and by which mark sealed values tell whether it is the right one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use corral_domain::RandomBytes;
use zeroize::Zeroizing;

/// Bytes of a master key, and of the keys that it seals.
pub(crate) const KEY_BYTES: usize = 32;
/// Name of the systemd credential.
const CREDENTIAL: &str = "corral-key";
/// Bytes of the mark, half as many as its hex digits. Enough to tell keys apart, and it says nothing of the key.
const MARK_BYTES: usize = 8;
/// The largest file that is read as a key.
const FILE_BYTES_MAX: u64 = 4096;
/// The bits of a mode by which group and others may read or write.
const OTHERS: u32 = 0o077;

/// Where the master key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlace {
    file: PathBuf,
    /// Given from outside; nothing is ever written there.
    given: bool,
}

/// The master key.
pub(crate) struct MasterKey {
    pub(crate) bytes: Zeroizing<[u8; KEY_BYTES]>,
    /// Which key it is.
    pub(crate) mark: String,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("there is no key at {}", .0.display())]
    Missing(PathBuf),
    #[error("the key at {} {}", .path.display(), .why)]
    Unusable { path: PathBuf, why: String },
}

impl KeyPlace {
    /// A file that is made at first use.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { file: path.into(), given: false }
    }

    /// The credential `corral-key` where systemd gives one, otherwise the file `secret.key` of the data folder.
    pub fn usual(data_folder: &Path, credentials_folder: Option<&Path>) -> Self {
        match credentials_folder.map(|folder| folder.join(CREDENTIAL)).filter(|path| path.exists()) {
            Some(file) => Self { file, given: true },
            None => Self::file(data_folder.join("secret.key")),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Reads the key. Blocks on the disk.
    pub(crate) fn read(&self) -> Result<MasterKey, KeyError> {
        let unusable = |why: String| KeyError::Unusable { path: self.file.clone(), why };
        let missing_or = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => KeyError::Missing(self.file.clone()),
            _ => unusable(format!("cannot be read: {error}")),
        };
        let meta = fs::metadata(&self.file).map_err(missing_or)?;
        let mode = meta.permissions().mode() & 0o777;
        // systemd answers for the access to its credentials, whatever their mode says.
        if !self.given && mode & OTHERS != 0 {
            let shown = self.file.display();
            return Err(unusable(format!(
                "may be read by others (mode {mode:o}); if nobody has, close it with `chmod 600 {shown}`"
            )));
        }
        if meta.len() > FILE_BYTES_MAX {
            return Err(unusable("is too large to be one".to_owned()));
        }
        let content = Zeroizing::new(fs::read(&self.file).map_err(missing_or)?);
        let bytes =
            parse(&content).ok_or_else(|| unusable("is not a key: it has 64 hex digits, or 32 bytes".to_owned()))?;
        Ok(MasterKey::new(bytes))
    }

    /// Makes a key where there is none. Blocks on the disk.
    pub(crate) fn make(&self, random: &dyn RandomBytes) -> Result<MasterKey, KeyError> {
        if self.given {
            return Err(KeyError::Missing(self.file.clone()));
        }
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        random.fill(bytes.as_mut());
        match self.write(&Zeroizing::new(to_hex(bytes.as_ref()) + "\n")) {
            Ok(()) => Ok(MasterKey::new(bytes)),
            // Another was quicker; there is one key, and it is that one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.read(),
            Err(error) => {
                Err(KeyError::Unusable { path: self.file.clone(), why: format!("cannot be written: {error}") })
            }
        }
    }

    /// Whole or not at all, and never over another: what is sealed must not depend on a key that a power cut takes away.
    fn write(&self, text: &str) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("/"));
        let mut fresh = self.file.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        let linked = fs::hard_link(&fresh, &self.file);
        fs::remove_file(&fresh)?;
        linked?;
        fs::File::open(folder)?.sync_all()
    }
}

impl MasterKey {
    fn new(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mark = to_hex(&blake3::keyed_hash(&bytes, b"corral: which key is this").as_bytes()[..MARK_BYTES]);
        Self { bytes, mark }
    }
}

/// 64 hex digits with blanks around them, or 32 bytes as they are.
fn parse(content: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if content.len() == KEY_BYTES {
        key.copy_from_slice(content);
        return Some(key);
    }
    let digits = content.trim_ascii();
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(key)
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ones;

    impl RandomBytes for Ones {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0xa1);
        }
    }

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = KeyPlace::usual(folder.path(), Some(&folder.path().join("no-credentials")));
        assert!(matches!(place.read(), Err(KeyError::Missing(_))));
        let made = place.make(&Ones).unwrap();
        assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
        fs::write(place.path(), format!("  {}\n", "0B".repeat(32))).unwrap();
        let again = place.make(&Ones).unwrap();
        assert_eq!(*again.bytes, [0x0b; KEY_BYTES], "the key that is there stays");
        assert!(made.mark != again.mark && made.mark.len() == 2 * MARK_BYTES);
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let place = KeyPlace::file(folder.path().join("key"));
        place.make(&Ones).unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o640)).unwrap();
        let Err(error) = place.read() else { panic!("it was used") };
        assert!(error.to_string().contains("mode 640") && error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_credential_goes_before_the_file_and_is_never_made() {
        let folder = tempfile::tempdir().unwrap();
        let credential = folder.path().join(CREDENTIAL);
        fs::write(&credential, [7; KEY_BYTES]).unwrap();
        let place = KeyPlace::usual(folder.path(), Some(folder.path()));
        assert_eq!(place.path(), credential);
        assert_eq!(*place.read().unwrap().bytes, [7; KEY_BYTES]);
        fs::remove_file(&credential).unwrap();
        assert!(matches!(place.make(&Ones), Err(KeyError::Missing(_))));
        assert!(!credential.exists());
    }

    #[test]
    fn what_is_no_key_is_not_taken_for_one() {
        for content in ["", "abc", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65), &"ü".repeat(32)] {
            assert!(parse(content.as_bytes()).is_none(), "{content:?}");
        }
    }
}
