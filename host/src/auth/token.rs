//! Tokens: made here, kept only as hashes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const BYTES: usize = 32;
/// Longer text is no token of ours; it is not hashed whole.
const LENGTH_MAX: usize = 256;

/// A new token of 256 bits.
#[expect(clippy::expect_used, reason = "a system without randomness must not hand out tokens")]
pub(super) fn random(prefix: &str) -> String {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored of a token. A fast hash is enough: nobody can try 2^256 tokens.
pub(super) fn hash(token: &str) -> String {
    let end = token.floor_char_boundary(LENGTH_MAX);
    blake3::hash(&token.as_bytes()[..end]).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_text_that_a_url_can_carry() {
        let (a, b) = (random("corral_"), random("corral_"));
        assert_ne!(a, b);
        assert_eq!(a.len(), "corral_".len() + 43);
        assert!(a.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'));
    }
}
