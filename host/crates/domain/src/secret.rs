//! Names of secrets. Their values are nowhere in this crate.

/// Longest name of a secret.
const NAME_MAX: usize = 64;

/// What is wrong with the name of a secret; `None` if nothing is.
pub fn secret_name_problem(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > NAME_MAX {
        Some("has 1 to 64 characters")
    } else if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        Some("is made of letters, digits, `.`, `_` and `-`")
    } else if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        Some("begins with a letter or a digit")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word_that_needs_no_quotes_anywhere() {
        for good in ["db", "web-1.root", "A_b", &"x".repeat(NAME_MAX)] {
            assert_eq!(secret_name_problem(good), None, "{good}");
        }
        for bad in ["", "-x", ".x", "a b", "a/b", "ä", "a\n", &"x".repeat(NAME_MAX + 1)] {
            assert!(secret_name_problem(bad).is_some(), "{bad}");
        }
    }
}
