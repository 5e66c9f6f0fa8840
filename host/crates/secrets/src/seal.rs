//! The envelope: a value under a key of its own, and that key under the master key.
//!
//! Layout: version (1 byte), nonce of the key (24), sealed key (32 + 16), nonce of the value (24), sealed value (n + 16).
//! XChaCha20's nonces are long enough to be drawn at random.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use corral_domain::RandomBytes;
use zeroize::Zeroizing;

use crate::key::KEY_BYTES;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const SEALED_KEY_BYTES: usize = KEY_BYTES + TAG_BYTES;
/// What each seal is bound to besides the name, so that the one cannot stand for the other.
const FOR_KEY: &[u8] = b"corral secret v1: key of ";
const FOR_VALUE: &[u8] = b"corral secret v1: value of ";

/// Seals a value under a name. `None` only where the cipher refuses its length.
pub(crate) fn seal(master: &[u8; KEY_BYTES], name: &str, value: &[u8], random: &dyn RandomBytes) -> Option<Vec<u8>> {
    let mut own = Zeroizing::new([0; KEY_BYTES]);
    random.fill(own.as_mut());
    let mut sealed = vec![VERSION];
    put(&mut sealed, master, FOR_KEY, name, own.as_ref(), random)?;
    put(&mut sealed, &own, FOR_VALUE, name, value, random)?;
    Some(sealed)
}

/// Opens what [`seal`] made; `None` if key, name or bytes are not those.
pub(crate) fn open(master: &[u8; KEY_BYTES], name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (&version, rest) = sealed.split_first()?;
    if version != VERSION || rest.len() < NONCE_BYTES + SEALED_KEY_BYTES {
        return None;
    }
    let (key, value) = rest.split_at(NONCE_BYTES + SEALED_KEY_BYTES);
    let own = take(master, FOR_KEY, name, key)?;
    let own: &[u8; KEY_BYTES] = own.as_slice().try_into().ok()?;
    take(own, FOR_VALUE, name, value)
}

fn put(
    out: &mut Vec<u8>,
    key: &[u8; KEY_BYTES],
    purpose: &[u8],
    name: &str,
    text: &[u8],
    random: &dyn RandomBytes,
) -> Option<()> {
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce);
    let aad = [purpose, name.as_bytes()].concat();
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: text, aad: &aad }).ok()?;
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
    Some(())
}

fn take(key: &[u8; KEY_BYTES], purpose: &[u8], name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, text) = sealed.split_at_checked(NONCE_BYTES)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
    let aad = [purpose, name.as_bytes()].concat();
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    cipher.decrypt(&XNonce::from(nonce), Payload { msg: text, aad: &aad }).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicU8);

    impl RandomBytes for Counter {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    /// The example of draft-irtf-cfrg-xchacha-03, A.3.1: this is the cipher that its name says.
    #[test]
    fn the_cipher_is_the_one_of_the_draft() {
        let key: [u8; 32] = std::array::from_fn(|i| 0x80 + i as u8);
        let nonce: [u8; 24] = std::array::from_fn(|i| 0x40 + i as u8);
        let aad = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let cipher = XChaCha20Poly1305::new(&Key::from(key));
        let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: text, aad: &aad }).unwrap();
        assert_eq!(sealed[..8], [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]);
        assert_eq!(sealed[sealed.len() - 16..][..4], [0xc0, 0x87, 0x59, 0x24]);
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_under_its_name_and_key_only(
            value in proptest::collection::vec(any::<u8>(), 0..300), name in "[a-z]{1,8}", at in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let master = [9; KEY_BYTES];
            let mut sealed = seal(&master, &name, &value, &Counter::default()).unwrap();
            prop_assert!(open(&master, &name, &sealed).as_ref().is_some_and(|opened| **opened == value));
            prop_assert!(value.len() < 8 || !sealed.windows(value.len()).any(|part| part == value));
            prop_assert!(open(&[8; KEY_BYTES], &name, &sealed).is_none());
            prop_assert!(open(&master, &(name.clone() + "x"), &sealed).is_none());
            let at = at.index(sealed.len());
            prop_assert!(open(&master, &name, &sealed[..at]).is_none());
            sealed[at] ^= flip;
            prop_assert!(open(&master, &name, &sealed).is_none());
        }
    }

    #[test]
    fn a_sealed_key_does_not_open_as_a_value() {
        let master = [9; KEY_BYTES];
        let sealed = seal(&master, "a", &[1; KEY_BYTES], &Counter::default()).unwrap();
        let (_, key) = sealed.split_first().unwrap();
        assert!(take(&master, FOR_VALUE, "a", &key[..NONCE_BYTES + SEALED_KEY_BYTES]).is_none());
        assert!(take(&master, FOR_KEY, "a", &key[..NONCE_BYTES + SEALED_KEY_BYTES]).is_some());
    }
}
