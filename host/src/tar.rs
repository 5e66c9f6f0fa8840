//! Heads of files in a tar archive (POSIX ustar).

/// Files are padded to a multiple of this many bytes.
const BLOCK: u64 = 512;
/// The largest size that fits into the eleven octal digits of a head; beyond it the size is written in base 256, which GNU,
/// BSD and busybox tar read.
const OCTAL_MAX: u64 = 0o777_7777_7777;
const READ_ONLY: u64 = 0o644;

/// Zeros that end an archive.
pub const END: [u8; 1_024] = [0; 1_024];

/// The head of a file of `size` bytes. `name` has at most 100 bytes; `mtime` is in seconds since the Unix epoch.
pub fn head(name: &str, size: u64, mtime: u64) -> [u8; 512] {
    let mut head = [0_u8; 512];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, &octal::<8>(READ_ONLY));
    put(108, &octal::<8>(0));
    put(116, &octal::<8>(0));
    if size <= OCTAL_MAX {
        put(124, &octal::<12>(size));
    } else {
        put(124, &[0x80, 0, 0, 0]);
        put(128, &size.to_be_bytes());
    }
    put(136, &octal::<12>(mtime.min(OCTAL_MAX)));
    // The sum is counted as if its own field were blank.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u64 = head.iter().map(|byte| u64::from(*byte)).sum();
    head[148..155].copy_from_slice(&octal::<7>(sum));
    head
}

/// Zeros behind a file of `size` bytes.
pub fn padding(size: u64) -> &'static [u8] {
    let over = size % BLOCK;
    let missing = if over == 0 { 0 } else { BLOCK - over };
    &END[..usize::try_from(missing).unwrap_or(0)]
}

/// Octal digits, filled up with zeros, and a NUL.
fn octal<const N: usize>(mut number: u64) -> [u8; N] {
    let mut field = [b'0'; N];
    field[N - 1] = 0;
    for digit in field[..N - 1].iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 8).unwrap_or(0);
        number /= 8;
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_and_sizes_beyond_them_base_256() {
        assert_eq!(octal::<8>(0o644), *b"0000644\0");
        assert_eq!(&head("a", 5, 0)[124..136], b"00000000005\0");
        let large = 9 * 1024 * 1024 * 1024_u64;
        let head = head("a", large, 0);
        assert_eq!(head[124], 0x80);
        assert_eq!(u64::from_be_bytes(head[128..136].try_into().unwrap()), large);
        assert_eq!((padding(0).len(), padding(1).len(), padding(512).len()), (0, 511, 0));
    }
}
