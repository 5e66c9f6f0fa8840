//! A plugin as one file: a tar archive, compressed by gzip, with the plugin's files and nothing else. `corral plugin install`
//! makes it, the host takes it apart.

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::tar;

/// Largest package as it is sent, in bytes: a component of 64 MiB, what stands beside it, and some air.
pub const PACKAGE_MAX: usize = 72 << 20;
/// Most bytes that a package unfolds to.
const UNPACKED_MAX: u64 = 80 << 20;
/// Most entries of an archive, folders included.
const ENTRIES_MAX: usize = 64;
const BLOCK: usize = 512;

/// Files by name.
pub type Files = Vec<(String, Bytes)>;

/// Puts files into a package.
pub fn pack(files: &[(String, Bytes)]) -> io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    for (name, content) in files {
        let size = content.len() as u64;
        // Without times, so that the same plugin is the same package.
        gzip.write_all(&tar::head(name, size, 0))?;
        gzip.write_all(content)?;
        gzip.write_all(tar::padding(size))?;
    }
    gzip.write_all(&tar::END)?;
    gzip.finish()
}

/// Takes a package apart. Files may lie in one folder, as `tar` packs one; an entry that is no file and no folder is refused.
/// What the files may be called and contain is for whoever uses them.
pub fn unpack(package: &[u8]) -> Result<Files, String> {
    if package.get(..2) != Some(&[0x1f, 0x8b]) {
        return Err("it is no package: a package is a tar archive that gzip compressed".into());
    }
    let mut archive = Archive { from: GzDecoder::new(package).take(UNPACKED_MAX + 1), files: Vec::new(), root: None };
    for _ in 0..ENTRIES_MAX {
        if !archive.entry()? {
            return if archive.files.is_empty() { Err("the package is empty".into()) } else { Ok(archive.files) };
        }
    }
    Err(format!("the package has more than {ENTRIES_MAX} entries"))
}

struct Archive<'a> {
    from: io::Take<GzDecoder<&'a [u8]>>,
    files: Files,
    /// The folder in which all files lie.
    root: Option<String>,
}

impl Archive<'_> {
    /// Takes in the next entry; false at the end.
    fn entry(&mut self) -> Result<bool, String> {
        let head: [u8; BLOCK] = self.block()?;
        if head.iter().all(|byte| *byte == 0) {
            // What follows is filling, and then the checksum over all of it.
            io::copy(&mut self.from, &mut io::sink()).map_err(|error| damaged(&error))?;
            return if self.from.limit() == 0 { Err(self.short()) } else { Ok(false) };
        }
        check_sum(&head)?;
        let name = name(&head)?;
        let size = octal(&head[124..136]).ok_or_else(|| format!("`{name}` has a size that cannot be read"))?;
        match head[156] {
            b'0' | 0 => {}
            b'5' => return Ok(true),
            // What tar says of names and times beyond the usual; names that need it are none of a plugin's.
            b'x' | b'g' => return self.skip(size).map(|()| true),
            _ => return Err(format!("`{name}` is neither a file nor a folder")),
        }
        let mut content = Vec::new();
        let read = self.from.by_ref().take(size).read_to_end(&mut content).map_err(|error| damaged(&error))?;
        if read as u64 != size {
            return Err(self.short());
        }
        self.skip_padding(size)?;
        let name = self.in_root(&name)?;
        self.files.push((name, content.into()));
        Ok(true)
    }

    /// The name without the folder in which all lie.
    fn in_root(&mut self, name: &str) -> Result<String, String> {
        let plain = name.strip_prefix("./").unwrap_or(name);
        let (folder, file) = plain.rsplit_once('/').unwrap_or(("", plain));
        let climbs = folder.split('/').any(|part| part == "..") || plain.starts_with('/');
        if climbs || folder.contains('/') || self.root.get_or_insert_with(|| folder.to_owned()) != folder {
            return Err(format!("`{name}` lies elsewhere: all files of a plugin lie in one folder"));
        }
        Ok(file.to_owned())
    }

    fn block(&mut self) -> Result<[u8; BLOCK], String> {
        let mut block = [0; BLOCK];
        self.from.read_exact(&mut block).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof { self.short() } else { damaged(&error) }
        })?;
        Ok(block)
    }

    fn skip(&mut self, size: u64) -> Result<(), String> {
        let skipped = io::copy(&mut self.from.by_ref().take(size), &mut io::sink()).map_err(|error| damaged(&error))?;
        if skipped == size { self.skip_padding(size) } else { Err(self.short()) }
    }

    fn skip_padding(&mut self, size: u64) -> Result<(), String> {
        let mut padding = vec![0; tar::padding(size).len()];
        self.from.read_exact(&mut padding).map_err(|_| self.short())
    }

    /// Why there is no more.
    fn short(&self) -> String {
        if self.from.limit() == 0 {
            return format!("the package unfolds to more than {UNPACKED_MAX} bytes");
        }
        "the package was cut off".into()
    }
}

fn damaged(error: &io::Error) -> String {
    format!("the package is damaged: {error}")
}

fn name(head: &[u8; BLOCK]) -> Result<String, String> {
    let text = |field: &[u8]| {
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        String::from_utf8(field[..end].to_vec()).map_err(|_| "the package has a name that is not UTF-8".to_owned())
    };
    let (name, prefix) = (text(&head[..100])?, text(&head[345..500])?);
    // GNU writes other things where POSIX has the prefix.
    let posix = &head[257..263] == b"ustar\0";
    Ok(if posix && !prefix.is_empty() { format!("{prefix}/{name}") } else { name })
}

fn check_sum(head: &[u8; BLOCK]) -> Result<(), String> {
    let sum: u64 =
        head.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum();
    if octal(&head[148..156]) == Some(sum) {
        Ok(())
    } else {
        Err("the package is damaged: it holds no tar archive".into())
    }
}

/// Octal digits with blanks or NULs around them.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &[u8]) -> (String, Bytes) {
        (name.to_owned(), Bytes::copy_from_slice(content))
    }

    fn archive(entries: &[(&str, u8, &[u8])]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        for (name, kind, content) in entries {
            let mut head = tar::head(name, content.len() as u64, 0);
            head[156] = *kind;
            let sum: u64 = head
                .iter()
                .enumerate()
                .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) })
                .sum();
            head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
            gzip.write_all(&head).unwrap();
            gzip.write_all(content).unwrap();
            gzip.write_all(tar::padding(content.len() as u64)).unwrap();
        }
        gzip.write_all(&tar::END).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn what_is_packed_is_unpacked_and_the_same_files_are_the_same_bytes() {
        let files = vec![file("plugin.toml", b"id"), file("plugin.wasm", &[7; 1_000]), file("empty.json", b"")];
        let package = pack(&files).unwrap();
        assert_eq!(unpack(&package).unwrap(), files);
        assert_eq!(pack(&files).unwrap(), package);
    }

    #[test]
    fn what_tar_packs_is_taken_with_the_folder_around_it() {
        let dir = tempfile::tempdir().unwrap();
        let plugin = dir.path().join("quiet");
        std::fs::create_dir(&plugin).unwrap();
        std::fs::write(plugin.join("plugin.toml"), "id").unwrap();
        std::fs::write(plugin.join("plugin.wasm"), [9; 700]).unwrap();
        for (place, what) in [(dir.path(), "quiet"), (plugin.as_path(), ".")] {
            let out = std::process::Command::new("tar").args(["-czf", "-", what]).current_dir(place).output().unwrap();
            let mut files = unpack(&out.stdout).unwrap();
            files.sort();
            assert_eq!(files, [file("plugin.toml", b"id"), file("plugin.wasm", &[9; 700])], "packed as {what}");
        }
    }

    #[test]
    fn what_leads_elsewhere_or_is_no_file_is_refused() {
        for (name, kind, why) in [
            ("../plugin.toml", b'0', "lies elsewhere"),
            ("/etc/passwd", b'0', "lies elsewhere"),
            ("a/../../b", b'0', "lies elsewhere"),
            ("a/b/plugin.toml", b'0', "lies elsewhere"),
            ("plugin.toml", b'2', "neither a file nor a folder"),
            ("plugin.toml", b'1', "neither a file nor a folder"),
            ("plugin.toml", b'3', "neither a file nor a folder"),
        ] {
            let problem = unpack(&archive(&[(name, kind, b"")])).unwrap_err();
            assert!(problem.contains(why), "{name}: {problem}");
        }
        let two = archive(&[("a/plugin.toml", b'0', b"x"), ("b/plugin.wasm", b'0', b"x")]);
        assert!(unpack(&two).unwrap_err().contains("one folder"));
    }

    #[test]
    fn what_is_cut_off_damaged_or_too_large_is_refused() {
        let package = pack(&[file("plugin.wasm", &[1; 5_000])]).unwrap();
        assert!(unpack(b"PK").unwrap_err().contains("no package"));
        assert!(unpack(&pack(&[]).unwrap()).unwrap_err().contains("empty"));
        for cut in [2, 10, package.len() / 2, package.len() - 9] {
            assert!(unpack(&package[..cut]).is_err(), "cut at {cut}");
        }
        let many: Vec<_> = (0..ENTRIES_MAX).map(|_| ("a", b'0', b"".as_slice())).collect();
        assert!(unpack(&archive(&many)).unwrap_err().contains("more than"));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&tar::head("plugin.wasm", UNPACKED_MAX + 1, 0)).unwrap();
        io::copy(&mut io::repeat(0).take(UNPACKED_MAX + 1), &mut gzip).unwrap();
        assert!(unpack(&gzip.finish().unwrap()).unwrap_err().contains("unfolds to more"));
    }
}
